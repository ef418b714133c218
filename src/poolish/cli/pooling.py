"""`poolish pooling`: no, partial and complete pooling of one group's effects."""

from __future__ import annotations

from poolish.cli.options import FitArgument, GroupArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def pooling(
    fit: FitArgument,
    group: GroupArgument = None,
    *,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print how far each level of a group is pulled towards the population."""
    import poolish

    loaded = poolish.load(fit)
    print_result(loaded.pooling(group, ci_prob=prob), as_json=as_json)
