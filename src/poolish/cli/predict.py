"""`poolish predict`: predictions for new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def predict(
    fit: FitArgument,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[NEW.csv]", help="New rows; the fitted ones when left out."),
    ] = None,
    *,
    kind: Annotated[
        Literal["linear", "mean", "response", "probability"],
        typer.Option(help="What is predicted."),
    ] = "mean",
    groups: Annotated[
        Literal["observed", "new", "zero", "integrate"],
        typer.Option(help="Fitted groups, new ones, a typical one, or the mean over all."),
    ] = "observed",
    seed: Annotated[int, typer.Option(help="For new groups and new observations.")] = 0,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the prediction for each row, with its interval."""
    import poolish
    from poolish.studies.csv_file import read_csv
    from poolish.summaries.predicted import tabulate_predictions

    posterior = poolish.load(fit).result
    table = tabulate_predictions(
        posterior,
        None if data is None else read_csv(data),
        kind=kind,
        groups=groups,
        seed=seed,
        ci_prob=prob,
    )
    print_result(table, as_json=as_json)
