"""Posterior predictive checks as tables: what was observed beside what the model replicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from poolish.errors import UnknownColumnError, UnknownNameError
from poolish.frame import as_factor
from poolish.posterior import Posterior
from poolish.predict.replicates import replicate
from poolish.summaries.moments import CI_PROB
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_N_BINS = 512
_N_SHOWN = 64
# More distinct outcomes than this are drawn as a curve though they are counts.
_MOST_VALUES = 60
# Values of a rootogram.
_MOST_COUNTED = 10_000

type Statistic = Callable[[np.ndarray], np.ndarray]
type _Table = Callable[[Posterior, np.ndarray, np.ndarray, float], pd.DataFrame]


def _spread_to_mean(y: np.ndarray) -> np.ndarray:
    mean = y.mean(axis=-1)
    return np.asarray(np.divide(y.var(axis=-1), mean, out=np.zeros_like(mean), where=mean > 0))


def _skewness(y: np.ndarray) -> np.ndarray:
    """Return the skewness, 0 of equal outcomes; scaled first, as the cube of a tiny number is 0."""
    spread = np.ptp(y, axis=-1, keepdims=True)
    centred = y - y.mean(axis=-1, keepdims=True)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread != 0)
    variance = (scaled**2).mean(axis=-1)
    third = (scaled**3).mean(axis=-1)
    return np.divide(third, variance**1.5, out=np.zeros_like(third), where=variance != 0)


# Every statistic works along the last axis.
STATISTICS: dict[str, Statistic] = {
    "mean": lambda y: np.asarray(y.mean(axis=-1)),
    "sd": lambda y: np.asarray(y.std(axis=-1)),
    "skewness": _skewness,
    "smallest": lambda y: np.asarray(y.min(axis=-1)),
    "largest": lambda y: np.asarray(y.max(axis=-1)),
}
COUNT_STATISTICS: dict[str, Statistic] = {
    "share of zeros": lambda y: np.asarray((y == 0).mean(axis=-1)),
    "variance / mean": _spread_to_mean,
}


def check_predictive(
    posterior: Posterior,
    kind: str = "density",
    *,
    by: str | None = None,
    n_draws: int = 500,
    seed: int = 0,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return what was observed beside replicated responses.

    Parameters
    ----------
    posterior : Posterior
    kind : str
        `density`: the distribution of the outcome (of counts, the share of each value).
        `rootogram`: square roots of the frequencies of counts. `statistics`: mean, sd, extremes,
        for counts zeros and dispersion. `intervals`: each row with its predictive interval.
    by : str, optional
        A column used by the model: one table a value.
    n_draws : int
        Replicated data sets.
    seed : int
    ci_prob : float
        Probability of the equal-tailed intervals.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    UnknownColumnError
        If the model does not use the column `by`.
    """
    table = _find_kind(kind)
    replicates = replicate(posterior, n_draws=n_draws, seed=seed)
    parts = [
        frame.assign(**({} if by is None else {by: label}))
        for label, rows in _parts(posterior, by)
        for frame in (table(posterior, replicates[:, rows], rows, ci_prob),)
    ]
    frame = pd.concat(parts, ignore_index=True)
    if by is not None:
        frame = frame[[by, *(name for name in frame if name != by)]]
    numeric = (name for name in frame if name not in (by, "statistic", "obs", "is_inside"))
    return TableResult(
        frame,
        f"Posterior predictive check: {kind}",
        f"{len(replicates)} replicated data sets, observed groups; {ci_prob:.0%} equal-tailed "
        "intervals" + _EXPLANATIONS.get(kind, ""),
        dict.fromkeys(map(str, numeric), _RANGE),
    )


def predictive_p(observed: np.ndarray, replicated: np.ndarray) -> np.ndarray:
    """Return the share of replicates above the observed value, ties counted half."""
    above = (replicated > observed).mean(axis=0)
    return np.asarray(above + 0.5 * (replicated == observed).mean(axis=0))


_RANGE: Format = "range"


def _find_kind(kind: str) -> _Table:
    if kind not in KINDS:
        raise UnknownNameError(
            f"there is no kind of predictive check `{kind}`",
            given=f'kind="{kind}"',
            expected=f"one of {', '.join(KINDS)}",
            fix='write, for example, `fit.ppc("statistics")`',
        )
    return KINDS[kind]


def _parts(posterior: Posterior, by: str | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield labels and rows of the parts of the data; one of all rows without `by`."""
    table = posterior.table
    if by is None:
        yield "", np.arange(table.n_obs)
        return
    if by not in table.columns:
        raise UnknownColumnError(
            f"the model does not use column `{by}`",
            given=f'by="{by}"',
            expected=f"one of {', '.join(table.columns)}",
            fix="choose a column of the formula",
        )
    factor = as_factor(table.columns[by])
    for code, label in enumerate(factor.levels):
        rows = np.flatnonzero(factor.codes == code)
        if len(rows):
            yield label, rows


def _interval(values: np.ndarray, ci_prob: float) -> dict[str, np.ndarray]:
    tails = (0.5 - ci_prob / 2, 0.5 + ci_prob / 2)
    lower, upper = np.quantile(values, tails, axis=0)
    return {"predicted": values.mean(axis=0), "lower": lower, "upper": upper}


def _statistics(
    posterior: Posterior, replicates: np.ndarray, rows: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    y = posterior.design.response.y[rows]
    is_count = posterior.spec.family.response_kind in ("count", "binomial")
    chosen = STATISTICS | (COUNT_STATISTICS if is_count else {})
    observed = np.array([float(f(y)) for f in chosen.values()])
    values = np.stack([f(replicates) for f in chosen.values()], axis=1)
    return pd.DataFrame(
        {
            "statistic": list(chosen),
            "observed": observed,
            **_interval(values, ci_prob),
            "p": predictive_p(observed, values),
        }
    )


def _intervals(
    posterior: Posterior, replicates: np.ndarray, rows: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    y = posterior.design.response.y[rows]
    found = _interval(replicates, ci_prob)
    inside = (found["lower"] <= y) & (y <= found["upper"])
    labels = posterior.table.rows[rows]
    return pd.DataFrame({"obs": labels, "observed": y, **found, "is_inside": inside})


def _density(
    posterior: Posterior, replicates: np.ndarray, rows: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    y = posterior.design.response.y[rows]
    largest = _largest(y, replicates)
    if posterior.spec.family.is_discrete and largest < _MOST_VALUES:
        values = np.arange(largest + 1)
        shares = _frequencies(replicates, values) / len(y)
        observed = _frequencies(y[None], values)[0] / len(y)
    else:
        # Some families reach far beyond the data in a few replicates.
        low, high = np.quantile(replicates, (0.001, 0.999))
        edges = np.linspace(min(low, y.min()), max(high, y.max()), _N_BINS + 1)
        curves = _smooth(np.concatenate([y[None], replicates]), edges)
        every = slice(_N_BINS // _N_SHOWN // 2, None, _N_BINS // _N_SHOWN)
        values = (0.5 * (edges[1:] + edges[:-1]))[every]
        observed, shares = curves[0, every], curves[1:, every]
    return pd.DataFrame({"value": values, "observed": observed, **_interval(shares, ci_prob)})


def _rootogram(
    posterior: Posterior, replicates: np.ndarray, rows: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    if not posterior.spec.family.is_discrete:
        raise UnknownNameError(
            "a rootogram counts outcomes, and these are continuous",
            given=f'kind="rootogram" and family {posterior.spec.family.name}',
            expected="a discrete family",
            fix='ask for `kind="density"`',
        )
    y = posterior.design.response.y[rows]
    largest = _largest(y, replicates)
    if largest > _MOST_COUNTED:
        raise UnknownNameError(
            "a rootogram counts single values, and these reach far",
            given=f'kind="rootogram" and outcomes up to {largest:,.0f}',
            expected=f"counts up to {_MOST_COUNTED:,}",
            fix='ask for `kind="density"`',
        )
    values = np.arange(largest + 1)
    observed = np.sqrt(_frequencies(y[None], values)[0])
    found = _interval(np.sqrt(_frequencies(replicates, values)), ci_prob)
    return pd.DataFrame({"value": values, "observed": observed, **found})


def _largest(y: np.ndarray, replicates: np.ndarray) -> float:
    """Return the largest outcome, of replicates but for a few that reach far."""
    return float(max(y.max(), np.quantile(replicates, 0.999)))


def _frequencies(replicates: np.ndarray, values: np.ndarray) -> np.ndarray:
    edges = np.append(values - 0.5, values[-1] + 0.5)
    return np.stack([np.histogram(row, edges)[0] for row in replicates])


def _smooth(samples: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return kernel densities at the centres of the bins, one bandwidth for all samples.

    Silverman's rule with the smaller of sd and interquartile range / 1.34 of the first sample.
    """
    step = edges[1] - edges[0]
    first = samples[0]
    quartiles = np.subtract(*np.quantile(first, (0.75, 0.25))) / 1.34
    width = min(first.std(), quartiles) if quartiles > 0 else first.std()
    bandwidth = max(0.9 * width * len(first) ** -0.2, step)
    counts = np.stack([np.histogram(row, edges)[0] for row in samples]).astype(float)
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(counts, bandwidth / step, axis=1, mode="reflect")
    return np.asarray(smooth / (samples.shape[1] * step))


_EXPLANATIONS = {
    "statistics": "; p: share of replicates above the observed value, near 0 or 1 where the model "
    "does not reproduce it",
    "rootogram": " of square roots of frequencies",
}
KINDS: dict[str, _Table] = {
    "density": _density,
    "rootogram": _rootogram,
    "statistics": _statistics,
    "intervals": _intervals,
}
