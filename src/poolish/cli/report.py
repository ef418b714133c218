"""`poolish report`: one file that says what was found, how, and whether to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poolish.cli.options import FitArgument, ProbOption, VerboseOption


def report(
    fit: FitArgument,
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="A name that ends in .html, .md or .pdf.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="The title of the report.")] = None,
    prob: ProbOption = 0.95,
    verbose: VerboseOption = False,
) -> None:
    """Write the report of a saved fit: one file that asks nothing of any network."""
    import poolish

    poolish.load(fit).report(output, title=title, ci_prob=prob)
    typer.echo(f"saved: {output}")
