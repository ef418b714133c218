"""How much the groups borrow from each other: no, partial and complete pooling."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.groups import count_rows
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.own_estimates import OwnEstimates, complete_pooling, estimate_own
from poolish.summaries.table import TableResult

_ESTIMATES = ("own", "own_lower", "own_upper", "partial", "sd", "lower", "upper", "complete")
_FORMATS: dict[str, Format] = {
    "n": "count",
    **dict.fromkeys(_ESTIMATES, "estimate"),
    "pooling": "share",
}


def summarise_pooling(posterior: Posterior, group: str, *, ci_prob: float = CI_PROB) -> TableResult:
    """Return the no-pooling, partial and complete pooling estimate of every level and effect.

    Parameters
    ----------
    posterior : Posterior
    group : str
    ci_prob : float
        Probability of the intervals.

    Returns
    -------
    TableResult
        `own`: least squares on the group's own rows, the rest of the model held at its posterior
        means; absent where those rows do not determine it, and for families other than the
        Gaussian. `partial`: population plus deviation. `complete`: least squares on all rows
        without groups. `pooling`: of this level, Var(r) / E(sd^2), at most 1.

    Raises
    ------
    UnknownNameError
        If there is no such group.

    Notes
    -----
    The factor of a single level is that of Gelman & Hill (2007), section 21.6; that of all levels
    together, `average_pooling`, is in the caption.
    """
    found = select_group(posterior, group)
    own = estimate_own(posterior, found, ci_prob=ci_prob)
    complete = complete_pooling(posterior, found)
    parts = [
        _one_effect(found, k, own=own, complete=float(complete[k]), ci_prob=ci_prob)
        for k in range(len(found.group.effects))
    ]
    factors = average_pooling(found)
    average = ", ".join(f"{effect} {value:.2f}" for effect, value in factors.items())
    return TableResult(
        pd.concat(parts, ignore_index=True),
        title=f"Pooling of {group}",
        caption=f"average pooling factor: {average} (0 = own data only, 1 = fully pooled); "
        f"{ci_prob:.0%} intervals",
        formats=_FORMATS,
    )


def average_pooling(found: GroupEffects) -> dict[str, float]:
    """Return the pooling factor of each effect of a group.

    Parameters
    ----------
    found : GroupEffects

    Notes
    -----
    lambda = 1 - V_j(E(r_j)) / E(V_j(r_j)), with V_j the variance over the levels and E the
    posterior mean: 0 when the deviations are known without pooling, 1 when their estimates have
    shrunk to nothing. NaN with a single level.

    References
    ----------
    Gelman & Pardoe (2006), Technometrics 48(2), 241-251, the pooling factor lambda.
    doi:10.1198/004017005000000517
    """
    if len(found.group.levels) < 2:
        return dict.fromkeys(found.group.effects, float("nan"))
    of_means = found.r.mean(axis=(0, 1)).var(axis=0, ddof=1)
    mean_of = found.r.var(axis=2, ddof=1).mean(axis=(0, 1))
    factors = 1.0 - np.divide(of_means, mean_of, out=np.zeros_like(of_means), where=mean_of > 0)
    return dict(zip(found.group.effects, factors.tolist(), strict=True))


def _one_effect(
    found: GroupEffects, k: int, *, own: OwnEstimates, complete: float, ci_prob: float
) -> pd.DataFrame:
    partial = describe_draws(found.r[..., k] + found.population[..., None, k], ci_prob=ci_prob)
    spread = np.square(found.sd[..., k]).mean()
    shrunk = found.r[..., k].var(axis=(0, 1)) / spread
    return pd.DataFrame(
        {
            "level": list(found.group.levels),
            "effect": found.group.effects[k],
            "n": count_rows(found),
            "own": own.estimate[:, k],
            "own_lower": own.lower[:, k],
            "own_upper": own.upper[:, k],
            "partial": partial["mean"],
            "sd": partial["sd"],
            "lower": partial["lower"],
            "upper": partial["upper"],
            "complete": complete,
            "pooling": np.minimum(shrunk, 1.0),
        }
    )
