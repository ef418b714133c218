"""How much the groups borrow from each other: no, partial and complete pooling."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.groups import by_effect, count_rows
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
        _chunk_rows(found, levels, r, own=own, complete=complete, ci_prob=ci_prob)
        for levels, r in found.chunks()
    ]
    factors = average_pooling(found)
    average = ", ".join(f"{effect} {value:.2f}" for effect, value in factors.items())
    return TableResult(
        by_effect(found, pd.concat(parts)),
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
    if found.n_levels < 2:
        return dict.fromkeys(found.group.effects, float("nan"))
    total, squares = np.zeros_like(found.sd), np.zeros_like(found.sd)
    for _, r in found.chunks():
        total += r.sum(axis=2)
        squares += np.square(r).sum(axis=2)
    # V_j by sums of squares: deviations are centred near zero, so little is lost.
    within_draws = (squares - total**2 / found.n_levels) / (found.n_levels - 1)
    mean_of = within_draws.mean(axis=(0, 1))
    of_means = found.means().var(axis=0, ddof=1)
    factors = 1.0 - np.divide(of_means, mean_of, out=np.zeros_like(of_means), where=mean_of > 0)
    return dict(zip(found.group.effects, factors.tolist(), strict=True))


def _chunk_rows(
    found: GroupEffects,
    levels: np.ndarray,
    r: np.ndarray,
    *,
    own: OwnEstimates,
    complete: np.ndarray,
    ci_prob: float,
) -> pd.DataFrame:
    counts = count_rows(found)[levels]
    spread = np.square(found.sd).mean(axis=(0, 1))
    names = [found.group.levels[level] for level in levels]
    parts = []
    for k, effect in enumerate(found.group.effects):
        partial = describe_draws(r[..., k] + found.population[..., None, k], ci_prob=ci_prob)
        shrunk = r[..., k].var(axis=(0, 1)) / spread[k]
        columns = {
            "own": own.estimate[levels, k],
            "own_lower": own.lower[levels, k],
            "own_upper": own.upper[levels, k],
            "partial": partial.pop("mean"),
            **partial,
            "complete": float(complete[k]),
            "pooling": np.minimum(shrunk, 1.0),
        }
        parts.append(pd.DataFrame({"level": names, "effect": effect, "n": counts, **columns}))
    return pd.concat(parts)
