"""`poolish variance`: variance components and their shares."""

from __future__ import annotations

from poolish.cli.options import FitArgument, JsonOption, ProbOption, VerboseOption
from poolish.cli.output import print_result


def variance(
    fit: FitArgument,
    *,
    prob: ProbOption = 0.95,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the variance components of a saved fit, and their shares."""
    import poolish

    print_result(poolish.load(fit).variance(ci_prob=prob), as_json=as_json)
