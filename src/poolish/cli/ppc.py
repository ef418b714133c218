"""`poolish ppc`: what was observed beside what the model replicates."""

from __future__ import annotations

from typing import Annotated

import typer

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def ppc(
    fit: FitArgument,
    *,
    kind: Annotated[
        str, typer.Option(help="density, rootogram, statistics or intervals.")
    ] = "statistics",
    by: Annotated[str | None, typer.Option(help="A column: one table a value.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the replicated data.")] = 0,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print a posterior predictive check of a saved fit."""
    import poolish

    result = poolish.load(fit).ppc(kind, by=by, seed=seed, ci_prob=prob)
    print_result(result, as_json=as_json)
