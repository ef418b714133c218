"""Leave-one-out and leave-one-group-out: how well the model predicts what it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from poolish.posterior import Posterior
from poolish.predict.joint import fitted_state, state_log_likelihood
from poolish.predict.pointwise import log_likelihood
from poolish.predict.rows import PredictionRows
from poolish.predict.smooth import smooth
from poolish.summaries.group_likelihood import leave_levels, marginal_log_likelihood
from poolish.summaries.moment_matching import Matched, match_moments
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

# Vehtari et al. (2024): above, the smoothed weights cannot be relied on.
GOOD_K = 0.7
# A level weighs as much as many rows, and k is itself estimated: above, levels are looked at again.
_SURE_K = 0.5
# More units are not looked at again: it takes seconds each, and a model with so many has nearly a
# parameter for every unit.
_MOST_MATCHED = 40
SAMPLED, MATCHED = "importance sampling", "moment matching"
_N_LISTED = 5
# Log densities beyond would take gigabytes.
_MOST_DENSITIES = 40_000_000


@dataclass(frozen=True, slots=True, repr=False)
class LooResult:
    """Expected log predictive density of units left out one at a time.

    Parameters
    ----------
    elpd, se, p : float
        Sum over units, its standard error, effective number of parameters.
    pointwise : pandas.DataFrame
        Columns `unit`, `elpd`, `khat`, `how` (`importance sampling` or `moment matching`).
    left_out : str
        `row`, or the group whose levels are left out.
    response : str
    data_hash : str
        Checksum of the columns used.
    y : ndarray, shape (obs,)
        The outcome, by which two results are known to be of the same data.
    """

    elpd: float
    se: float
    p: float
    pointwise: pd.DataFrame
    left_out: str
    response: str
    data_hash: str
    y: np.ndarray

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Return the units whose Pareto k is too high for their elpd to be relied on."""
        rows = self.pointwise[self.pointwise["khat"] > GOOD_K]
        return tuple(map(str, rows["unit"]))

    def to_df(self) -> pd.DataFrame:
        """Return elpd and Pareto k of every unit."""
        return self.pointwise.copy()

    def to_markdown(self) -> str:
        """Return the table of units as Markdown."""
        formats: dict[str, Format] = {"elpd": "share", "khat": "share"}
        return TableResult(self.pointwise, "Leave one out", repr(self), formats).to_markdown()

    def __repr__(self) -> str:
        unit = "row" if self.left_out == "row" else f"level of `{self.left_out}`"
        return (
            f"Leave one {unit} out: elpd {self.elpd:,.1f} (se {self.se:,.1f}), "
            f"{self.p:.1f} effective parameters, {len(self.pointwise):,} units\n{self._trust()}"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    def _trust(self) -> str:
        doubtful = self.doubtful
        matched = self._matched()
        if not doubtful:
            return f"Every Pareto k is at most {GOOD_K}{matched}: the estimate can be relied on."
        if len(doubtful) > _MOST_MATCHED:
            return (
                f"Pareto k is above {GOOD_K} for {len(doubtful)} of them, too many to be looked at "
                "one by one: the model bends to single rows, and the estimate cannot be relied on. "
                "Leave whole groups out by `fit.loo_group`, or fit without some of the rows."
            )
        return (
            f"Pareto k is above {GOOD_K} for {_listed(doubtful)}{matched}: what is "
            "said of them cannot be relied on; refit without them, or look at why they stand out."
        )

    def _matched(self) -> str:
        units = self.pointwise.loc[self.pointwise["how"] == MATCHED, "unit"]
        influential = _listed(tuple(map(str, units)))
        return f", after moment matching for the influential {influential}" if len(units) else ""


def _listed(units: tuple[str, ...]) -> str:
    n_left = len(units) - _N_LISTED
    return ", ".join(units[:_N_LISTED]) + (f" and {n_left} more" if n_left > 0 else "")


def can_weigh_rows(posterior: Posterior) -> bool:
    """Return whether the density of every row in every draw fits in memory."""
    sizes = posterior.draws.sizes
    return bool(sizes["chain"] * sizes["draw"] * posterior.design.n_obs <= _MOST_DENSITIES)


def leave_one_out(posterior: Posterior, *, moment_match: bool = True) -> LooResult:
    """Return the expected log predictive density with each row left out.

    Parameters
    ----------
    posterior : Posterior
    moment_match : bool
        Whether rows with a high Pareto k, up to 40 of them, are looked at again, from draws moved
        towards the posterior without them.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC, Statistics and Computing 27, 1413-1432, equations 5 and 10.
    doi:10.1007/s11222-016-9696-4
    """
    values = np.asarray(log_likelihood(posterior).values)
    flat = values.reshape(-1, values.shape[2])
    result = _smoothed(posterior, flat, [str(row) for row in posterior.table.rows], "row")
    high = np.flatnonzero(result.pointwise["khat"] > GOOD_K)
    if not (moment_match and 0 < len(high) <= _MOST_MATCHED):
        return result
    likelihood = partial(state_log_likelihood, posterior)
    found = match_moments(posterior, high.tolist(), likelihood, smooth)
    return _with_matched(result, high, found)


def _with_matched(result: LooResult, units: np.ndarray, found: Sequence[Matched]) -> LooResult:
    """Return the result with the units of which something better is known."""
    pointwise = result.pointwise.copy()
    whole = result.p + pointwise["elpd"].sum()
    is_better = np.array([each.khat for each in found]) < pointwise["khat"].to_numpy()[units]
    for unit, each in zip(units[is_better], np.array(found)[is_better], strict=True):
        pointwise.loc[unit, ["elpd", "khat"]] = each.elpd, each.khat
        pointwise.loc[unit, "how"] = MATCHED
    elpd = pointwise["elpd"].to_numpy()
    return replace(
        result,
        elpd=float(elpd.sum()),
        se=_standard_error(elpd),
        p=float(whole - elpd.sum()),
        pointwise=pointwise,
    )


def leave_group_out(
    posterior: Posterior,
    group: str,
    *,
    moment_match: bool = True,
    n_nodes: int = 128,
    seed: int = 0,
) -> LooResult:
    """Return the expected log predictive density of each level of a group, left out whole.

    The level is then a new one: its effects, and those of the groups nested within it, are
    integrated out over their population distributions, draw by draw; other groups keep their own
    effects.

    Parameters
    ----------
    posterior : Posterior
    group : str
    moment_match : bool
        Whether levels with a Pareto k above 0.5, up to 40 of them, are looked at again, from draws
        moved towards the posterior without them.
    n_nodes : int
        Quasi-random points of a level's effects where they are three or more, a power of two, from
        `seed`.
    seed : int

    Raises
    ------
    UnknownNameError
        If there is no such group.
    UnsupportedError
        If its levels have a known covariance or effects on several parameters: one left out is
        not independent of the others.

    Notes
    -----
    For Gaussian outcomes the integral is exact; for others by adaptive Gauss-Hermite quadrature
    around the mode of the effects in each draw, with quasi-random points for three and more.

    k is estimated from the draws: of a level far from the others, whose absence moves the sds a
    lot, it can come out near 0.6 where it is 1 for other draws, and elpd too high by 2. A refit
    without the level is the judge.

    References
    ----------
    Merkle, Furr & Rabe-Hesketh (2019), Bayesian comparison of latent variable models: conditional
    versus marginal likelihoods, Psychometrika 84, 802-829. doi:10.1007/s11336-019-09679-0
    """
    out = leave_levels(posterior, group)
    integrated = out.names(posterior.spec)
    state = fitted_state(posterior, integrated=integrated)

    def likelihood(at: PredictionRows) -> np.ndarray:
        return marginal_log_likelihood(posterior, at, out, n_nodes=n_nodes, seed=seed)

    result = _smoothed(posterior, likelihood(state), list(out.labels), group)
    high = np.flatnonzero(result.pointwise["khat"] > _SURE_K)
    if not (moment_match and 0 < len(high) <= _MOST_MATCHED):
        return result
    found = match_moments(posterior, high.tolist(), likelihood, smooth, integrated=integrated)
    return _with_matched(result, high, found)


def smooth_weights(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of draws that leave each unit out, Pareto smoothed, and Pareto k.

    Parameters
    ----------
    values : ndarray, shape (sample, unit)
        Log densities of the units.

    Returns
    -------
    log_weights : ndarray, shape (sample, unit)
        Their exponentials sum to one over the draws.
    khat : ndarray, shape (unit,)

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).
    """
    columns = [smooth(-column) for column in values.T]
    log_weights, khat = zip(*columns, strict=True)
    return np.column_stack(log_weights), np.array(khat)


def _smoothed(
    posterior: Posterior, values: np.ndarray, units: list[str], left_out: str
) -> LooResult:
    """Return the result of log densities of shape (sample, unit) by Pareto smoothing."""
    log_weights, khat = smooth_weights(values)
    elpd = logsumexp(log_weights + values, axis=0)
    whole = logsumexp(values, axis=0) - np.log(len(values))
    return LooResult(
        elpd=float(elpd.sum()),
        se=_standard_error(elpd),
        p=float((whole - elpd).sum()),
        pointwise=pd.DataFrame({"unit": units, "elpd": elpd, "khat": khat, "how": SAMPLED}),
        left_out=left_out,
        response=posterior.design.response.name,
        data_hash=posterior.record.data_hash,
        y=posterior.design.response.y,
    )


def _standard_error(elpd: np.ndarray) -> float:
    return float(np.sqrt(len(elpd) * elpd.var(ddof=1)))
