"""`poolish compare`: which of several saved fits predicts best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poolish.cli.options import JsonOption, VerboseOption
from poolish.cli.output import print_json, records


def compare(
    fits: Annotated[list[Path], typer.Argument(metavar="FIT.nc FIT.nc", help="Saved fits.")],
    *,
    leave_out: Annotated[
        str | None, typer.Option(help="Leave out whole levels of this group, not rows.")
    ] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare saved fits of the same data by how they predict rows left out."""
    import poolish

    loaded = {path.stem: poolish.load(path) for path in fits}
    result = poolish.compare(loaded, leave_out=leave_out)
    if as_json:
        print_json({"models": records(result), "sentence": result.sentence})
    else:
        typer.echo(str(result))
