"""The groups table: each group's deviation and its own coefficient."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_ESTIMATES = ("deviation", "sd", "lower", "upper", "coef", "coef_sd", "coef_lower", "coef_upper")
_FORMATS: dict[str, Format] = {"n": "count", **dict.fromkeys(_ESTIMATES, "estimate")}


def summarise_groups(
    posterior: Posterior, group: str, *, parameter: str | None = None, ci_prob: float = CI_PROB
) -> TableResult:
    """Return, for every level and effect of a group, its deviation and its coefficient.

    The deviation is `r_G`; the coefficient is population plus deviation.

    Parameters
    ----------
    posterior : Posterior
    group : str
    parameter : str, optional
        The family parameter whose formula has the group; the first that does when left out.
    ci_prob : float
        Probability of the equal-tailed intervals.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    """
    found = select_group(posterior, group, parameter=parameter)
    parts = [_one_effect(found, k, ci_prob=ci_prob) for k in range(len(found.group.effects))]
    return TableResult(
        pd.concat(parts, ignore_index=True),
        title=f"Groups: {group}",
        caption=f"deviation from the population and coefficient (population + deviation); "
        f"{ci_prob:.0%} equal-tailed intervals",
        formats=_FORMATS,
    )


def count_rows(found: GroupEffects) -> np.ndarray:
    """Return the number of rows of each level, shape (level,)."""
    return np.bincount(found.design.codes, minlength=len(found.group.levels))


def _one_effect(found: GroupEffects, k: int, *, ci_prob: float) -> pd.DataFrame:
    deviation = found.r[..., k]
    own = describe_draws(deviation, ci_prob=ci_prob)
    coef = describe_draws(deviation + found.population[..., None, k], ci_prob=ci_prob)
    return pd.DataFrame(
        {
            "level": list(found.group.levels),
            "effect": found.group.effects[k],
            "n": count_rows(found),
            "deviation": own["mean"],
            "sd": own["sd"],
            "lower": own["lower"],
            "upper": own["upper"],
            "coef": coef["mean"],
            **{f"coef_{name}": coef[name] for name in ("sd", "lower", "upper")},
        }
    )
