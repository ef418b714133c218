"""`poolish variance`: variance components and their shares."""

from __future__ import annotations

from typing import Annotated

import typer

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def variance(
    fit: FitArgument,
    *,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="EFFECT=VALUES", help='Such as "Days=0,5,9"; again.'),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="A column whose values part the rows, beside sigma ~ ...")
    ] = None,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the variance components of a saved fit, and their shares."""
    import poolish

    places = dict(_read_values(text) for text in at or ())
    print_result(poolish.load(fit).variance(at=places, by=by, ci_prob=prob), as_json=as_json)


def _read_values(text: str) -> tuple[str, list[float]]:
    name, sign, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if not (sign and name.strip() and numbers):
        raise typer.BadParameter(f'`{text}` is not EFFECT=VALUES, such as "Days=0,5,9"')
    return name.strip(), numbers
