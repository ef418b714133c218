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
    parts = [_chunk_rows(found, levels, r, ci_prob) for levels, r in found.chunks()]
    return TableResult(
        by_effect(found, pd.concat(parts)),
        title=f"Groups: {group}",
        caption=f"deviation from the population and coefficient (population + deviation); "
        f"{ci_prob:.0%} equal-tailed intervals",
        formats=_FORMATS,
    )


def count_rows(found: GroupEffects) -> np.ndarray:
    """Return the number of rows of each level, shape (level,)."""
    return np.bincount(found.design.codes, minlength=len(found.group.levels))


def by_effect(found: GroupEffects, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of the effects, and of the levels within."""
    order = {effect: place for place, effect in enumerate(found.group.effects)}
    return frame.sort_values("effect", key=lambda e: e.map(order), kind="stable", ignore_index=True)


def _chunk_rows(
    found: GroupEffects, levels: np.ndarray, r: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    counts = count_rows(found)[levels]
    names = [found.group.levels[level] for level in levels]
    parts = []
    for k, effect in enumerate(found.group.effects):
        own = describe_draws(r[..., k], ci_prob=ci_prob)
        coef = describe_draws(r[..., k] + found.population[..., None, k], ci_prob=ci_prob)
        columns = {
            "deviation": own.pop("mean"),
            **own,
            "coef": coef.pop("mean"),
            **{f"coef_{name}": values for name, values in coef.items()},
        }
        parts.append(pd.DataFrame({"level": names, "effect": effect, "n": counts, **columns}))
    return pd.concat(parts)
