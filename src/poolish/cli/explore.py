"""`poolish explore`: write the page on which shrinkage is explored by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poolish.cli.options import VerboseOption

if TYPE_CHECKING:
    from poolish.explore.page import Explorer


def explore(
    fit: Annotated[
        Path | None, typer.Argument(metavar="[FIT.nc]", help="A saved fit; none with --demo.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the page.")] = Path(
        "explore.html"
    ),
    group: Annotated[
        str | None, typer.Option(help="The grouping factor; the first one if not given.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Explore reaction times under sleep restriction.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Write a page on which to see, by hand, how groups borrow from each other."""
    if demo == (fit is not None):
        raise typer.BadParameter("give a saved fit, or --demo, and not both")
    _explorer(fit, group).save(output)
    typer.echo(f"open in a browser: {output}")


def _explorer(fit: Path | None, group: str | None) -> Explorer:
    if fit is None:
        from poolish.explore.demo import demo

        return demo()
    import poolish

    return poolish.load(fit).explore(group=group)
