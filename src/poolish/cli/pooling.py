"""`poolish pooling`: no, partial and complete pooling of one group's effects."""

from __future__ import annotations

from typing import Annotated

import typer

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def pooling(
    fit: FitArgument,
    group: Annotated[str, typer.Argument(help="The grouping factor, such as Subject.")],
    *,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print how far each level of a group is pulled towards the population."""
    import poolish

    print_result(poolish.load(fit).pooling(group, ci_prob=prob), as_json=as_json)
