"""How much the groups borrow from each other: no, partial and complete pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from poolish.errors import UnknownNameError
from poolish.posterior import Posterior
from poolish.predict.effects import normal_factor
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.groups import by_effect, count_rows
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.own_estimates import OwnEstimates, complete_pooling, estimate_own
from poolish.summaries.own_likelihood import FOUND, NOT_FOUND, SEPARATED, UNDETERMINED
from poolish.summaries.response_scale import pool_responses
from poolish.summaries.table import TableResult

AVERAGE, NEW = "(average)", "(new group)"
SCALES = ("link", "response")
_ESTIMATES = ("own", "own_lower", "own_upper", "partial", "sd", "lower", "upper", "complete")
_FORMATS: dict[str, Format] = {
    "n": "count",
    **dict.fromkeys((*_ESTIMATES, "noise", "spread"), "estimate"),
    "pooling": "share",
}
_PROBLEMS = {
    FOUND: "",
    UNDETERMINED: "its rows do not determine it",
    SEPARATED: "no finite own estimate: its outcomes are all alike or separated",
    NOT_FOUND: "the own likelihood has no maximum that was found",
}


def summarise_pooling(
    posterior: Posterior,
    group: str,
    *,
    scale: Literal["link", "response"] = "link",
    with_population: bool = False,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return the no-pooling, partial and complete pooling estimate of every level and effect.

    Parameters
    ----------
    posterior : Posterior
    group : str
    scale : "link" or "response"
        The coefficients, or the mean outcome of each group at average predictors.
    with_population : bool
        Add a row for the average of the groups and one for a new group.
    ci_prob : float
        Probability of the intervals.

    Returns
    -------
    TableResult
        `own`: from the group's own rows, the rest of the model held at its posterior means: least
        squares for a Gaussian response, maximum likelihood for others; absent where those rows
        leave no estimate, and `why` says why. `partial`: population plus deviation. `complete`:
        all rows without groups. `pooling`: of this level, Var(r) / E(sd^2), at most 1. `why`: the
        standard error of the own estimate (`noise`) against the sd between groups (`spread`): the
        noisier, the more it moves.

    Raises
    ------
    UnknownNameError
        If there is no such group or scale.

    Notes
    -----
    The factor of a single level is that of Gelman & Hill (2007), section 21.6; that of all levels
    together, `average_pooling`, is in the caption and in the row of the average.

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit = poolish.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False)
    >>> fit.pooling("g").to_df()[["level", "n", "own", "complete"]].head(3).round(3)
      level    n  own  complete
    0     a  2.0  1.5     3.833
    1     b  2.0  3.5     3.833
    2     c  2.0  6.5     3.833
    """
    _check_scale(scale)
    found = select_group(posterior, group)
    own = estimate_own(posterior, found, ci_prob=ci_prob)
    if scale == "response":
        return pool_responses(posterior, found, own, ci_prob=ci_prob)
    complete = complete_pooling(posterior, found)
    parts = [
        _chunk_rows(found, levels, r, own=own, complete=complete, ci_prob=ci_prob)
        for levels, r in found.chunks()
    ]
    factors = average_pooling(found)
    if with_population:
        parts += _population_rows(posterior, found, own, complete, factors, ci_prob)
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
    square = np.square(found.sd).mean(axis=(0, 1))
    spread = found.sd.mean(axis=(0, 1))
    names = [found.group.levels[level] for level in levels]
    parts = []
    for k, effect in enumerate(found.group.effects):
        partial = describe_draws(r[..., k] + found.population[..., None, k], ci_prob=ci_prob)
        noise = own.se[levels, k]
        columns = {
            "own": own.estimate[levels, k],
            "own_lower": own.lower[levels, k],
            "own_upper": own.upper[levels, k],
            "partial": partial.pop("mean"),
            **partial,
            "complete": float(complete[k]),
            "pooling": np.minimum(r[..., k].var(axis=(0, 1)) / square[k], 1.0),
            "noise": noise,
            "spread": float(spread[k]),
            "why": [
                _why(n, float(spread[k]), problem)
                for n, problem in zip(noise, own.problem[levels], strict=True)
            ],
        }
        parts.append(pd.DataFrame({"level": names, "effect": effect, "n": counts, **columns}))
    return pd.concat(parts)


def _why(noise: float, spread: float, problem: str) -> str:
    """Return why an estimate moved from its own value, in words."""
    if not np.isfinite(noise):
        return _PROBLEMS[problem or UNDETERMINED]
    relation = "below" if noise < spread else "above"
    return f"own noise {noise:.2g} is {relation} the spread {spread:.2g}"


def _population_rows(
    posterior: Posterior,
    found: GroupEffects,
    own: OwnEstimates,
    complete: np.ndarray,
    factors: dict[str, float],
    ci_prob: float,
) -> Iterator[pd.DataFrame]:
    """Yield a row for the average of the groups, and one for a group without data."""
    total = np.zeros_like(found.sd)
    for _, r in found.chunks():
        total += r.sum(axis=2)
    average = total / found.n_levels
    new = new_effects(posterior, found)
    for k, effect in enumerate(found.group.effects):
        shared = {"effect": effect, "complete": complete[k], "spread": found.sd[..., k].mean()}
        is_own = np.isfinite(own.estimate[:, k])
        mean = own.estimate[is_own, k].mean() if is_own.any() else np.nan
        yield _one_row(
            found.population[..., k] + average[..., k],
            ci_prob,
            {"level": AVERAGE, "own": mean, "pooling": factors[effect], **shared},
            n=len(found.design.codes) / found.n_levels,
            why=f"mean of {found.n_levels} groups",
        )
        yield _one_row(
            found.population[..., k] + new[..., k],
            ci_prob,
            {"level": NEW, "own": np.nan, "pooling": 1.0, **shared},
            n=0.0,
            why="no data: a draw from the population of groups",
        )


def _one_row(
    draws: np.ndarray, ci_prob: float, given: dict[str, object], *, n: float, why: str
) -> pd.DataFrame:
    partial = describe_draws(draws, ci_prob=ci_prob)
    columns = {"partial": partial.pop("mean"), **partial, "n": n, "why": why}
    return pd.DataFrame([{**given, **columns}])


def new_effects(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return a draw of a new group's effects for every draw, shape (chain, draw, effect)."""
    rng = np.random.default_rng(posterior.record.seed)
    factor = normal_factor(found.sd, found.cor)
    z = rng.standard_normal((*found.sd.shape, 1))
    return np.asarray((factor @ z)[..., 0])


def _check_scale(scale: str) -> None:
    if scale not in SCALES:
        raise UnknownNameError(
            f"there is no scale `{scale}` of a pooling table",
            given=f'scale="{scale}"',
            expected="`link` (the coefficients) or `response` (the mean outcome)",
            fix='write `scale="response"`',
        )
