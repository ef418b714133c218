"""`poolish summary`: print a saved fit."""

from __future__ import annotations

import typer

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import fit_document, print_json


def summary(
    fit: FitArgument,
    *,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the summary of a saved fit."""
    import poolish
    from poolish.summaries.printed import print_text

    fitted = poolish.load(fit)
    if as_json:
        print_json(fit_document(fitted, ci_prob=prob))
    else:
        typer.echo(print_text(fitted.result, ci_prob=prob, diagnosis=fitted.diagnosis))
