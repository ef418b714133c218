"""`poolish check`: what is wrong with a fit, and what to change."""

from __future__ import annotations

import typer

from poolish.cli.options import DO_NOT_USE, FitArgument, JsonOption, VerboseOption
from poolish.cli.output import print_json, records


def check(
    fit: FitArgument,
    *,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print what is wrong with a saved fit and what to change; code 4 when it is not to be used."""
    import poolish

    result = poolish.load(fit).check()
    if as_json:
        print_json({"verdict": result.verdict, "steps": records(result)})
    else:
        typer.echo(str(result))
    if result.verdict == "do not use":
        raise typer.Exit(DO_NOT_USE)
