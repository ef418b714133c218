"""`poolish ranks`: the league table of one group."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from poolish.cli.options import FitArgument, GroupArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def ranks(
    fit: FitArgument,
    group: GroupArgument = None,
    *,
    effect: Annotated[
        str | None, typer.Option(help="The coefficient to rank; the first when left out.")
    ] = None,
    higher_is: Annotated[
        Literal["better", "worse"], typer.Option(help="Which end of the values is rank 1.")
    ] = "better",
    top: Annotated[int | None, typer.Option(help="How many count as the top, and bottom.")] = None,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Rank mean outcomes at equal case mix.")
    ] = False,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the league table of a group, with how sure each rank is."""
    import poolish

    loaded = poolish.load(fit)
    table = loaded.ranks(
        group,
        effect=effect,
        higher_is=higher_is,
        top=top,
        reference="data" if adjusted else None,
        ci_prob=prob,
    )
    print_result(table, as_json=as_json)
