"""Response terms that any family takes: censoring, truncation and likelihood weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.errors import DataError, FamilyError
from poolish.spec.families.aliases import Frozen
from poolish.spec.families.checks import require
from poolish.spec.family import Family, Parameters

LEFT, NONE, RIGHT, INTERVAL = -1, 0, 1, 2

_PRESENT: dict[str, Callable[[ResponseDesign], bool]] = {
    "trials": lambda r: r.trials is not None,
    "se": lambda r: r.se is not None,
    "weights": lambda r: r.weights is not None,
    "rate": lambda r: r.rate is not None,
    "cens": lambda r: r.censoring is not None,
    "trunc": lambda r: r.lower_bound is not None or r.upper_bound is not None,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """The event `low < Y <= high` of each row, ends infinite where there is none.

    Parameters
    ----------
    low, high : ndarray, shape (obs,)
    """

    low: np.ndarray
    high: np.ndarray


def is_truncated(response: ResponseDesign) -> bool:
    """Return whether `trunc(...)` was given."""
    return _PRESENT["trunc"](response)


# Where outcomes of each kind begin and end.
_SUPPORTS: dict[str, Callable[[ResponseDesign], tuple[float, Any]]] = {
    "positive": lambda response: (0.0, np.inf),
    "count": lambda response: (0.0, np.inf),
    "binomial": lambda response: (0.0, response.trials),
    "proportion": lambda response: (0.0, 1.0),
}


def truncation(family: Family, response: ResponseDesign) -> Interval:
    """Return the range that an outcome must fall in to be seen at all.

    Both bounds belong to the range, as in brms: a discrete outcome may equal its lower bound.
    """
    n_obs = len(response.y)
    low = _bound(response.lower_bound, -np.inf, n_obs)
    high = _bound(response.upper_bound, np.inf, n_obs)
    if family.is_discrete:
        low = low - 1.0
    elif family.has_zeros:
        low = np.where(low <= 0.0, -np.inf, low)
    return _on_support(family, response, Interval(low, high))


def _bound(values: np.ndarray | None, default: float, n_obs: int) -> np.ndarray:
    if values is None:
        return np.full(n_obs, default)
    return np.where(np.isnan(values), default, np.broadcast_to(values, (n_obs,)))


def _on_support(family: Family, response: ResponseDesign, event: Interval) -> Interval:
    """Return the same event with the ends that exclude nothing made infinite."""
    lower, upper = _SUPPORTS.get(family.response_kind, _everywhere)(response)
    has_chance = family.is_discrete or family.has_zeros
    is_whole = event.low < lower if has_chance else event.low <= lower
    low = np.where(is_whole, -np.inf, event.low)
    return Interval(low, np.where(event.high >= upper, np.inf, event.high))


def _everywhere(response: ResponseDesign) -> tuple[float, float]:
    return -np.inf, np.inf


def censored(family: Family, response: ResponseDesign, y: np.ndarray) -> Interval:
    """Return what is known of each censored row; everything for rows that are not censored.

    Right: y < Y. Left: Y <= y. Interval: y < Y <= y2. As in brms, and within the truncation.
    """
    kind = np.zeros(len(y), dtype=int) if response.censoring is None else response.censoring
    upper = np.full(len(y), np.nan) if response.upper is None else response.upper
    seen = truncation(family, response)
    is_censored = kind != NONE
    low = np.where((kind == RIGHT) | (kind == INTERVAL), y, -np.inf)
    high = np.where(kind == LEFT, y, np.where(kind == INTERVAL, upper, np.inf))
    low = np.where(is_censored, np.maximum(low, seen.low), low)
    high = np.where(is_censored, np.minimum(high, seen.high), high)
    return _on_support(family, response, Interval(low, high))


def log_probability(distribution: Frozen, interval: Interval) -> np.ndarray:
    """Return log P(low < Y <= high), from whichever tail keeps its digits.

    Parameters
    ----------
    distribution : frozen scipy.stats distribution
    interval : Interval

    Notes
    -----
    log(S(low) - S(high)) where low lies in the upper half, else log(F(high) - F(low)).
    """
    above, above_high = distribution.logsf(interval.low), distribution.logsf(interval.high)
    below, below_low = distribution.logcdf(interval.high), distribution.logcdf(interval.low)
    upper_tail = _log_difference(above, above_high)
    lower_tail = _log_difference(below, below_low)
    return np.where(above < below, upper_tail, lower_tail)


def _log_difference(larger: np.ndarray, smaller: np.ndarray) -> np.ndarray:
    """Return log(exp(larger) - exp(smaller))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = larger + np.log(-np.expm1(smaller - larger))
    return np.where(np.isneginf(smaller), larger, difference)


def log_density(
    family: Family, y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    """Return the log density of each row with censoring, truncation and weights.

    Parameters
    ----------
    family : Family
    y : ndarray, shape (obs,)
    parameters : Mapping of str to ndarray, broadcasting against (..., obs)
    response : ResponseDesign

    Returns
    -------
    ndarray, shape (..., obs)
        Without these response terms, `family.log_density`.
    """
    values = family.log_density(y, parameters, response)
    if response.censoring is not None:
        event = censored(family, response, y)
        chance = log_probability(_distribution(family, parameters, response), event)
        values = np.where(response.censoring == NONE, values, chance)
    if is_truncated(response):
        seen = truncation(family, response)
        values = values - log_probability(_distribution(family, parameters, response), seen)
    return values if multiplier(family, response) is None else values * response.weights


def multiplier(family: Family, response: ResponseDesign) -> np.ndarray | None:
    """Return the weights that multiply the log density, None when there are none."""
    return None if family.uses_weights else response.weights


def sample(
    family: Family,
    rng: np.random.Generator,
    parameters: Parameters,
    response: ResponseDesign,
) -> np.ndarray:
    """Return new outcomes within the truncation; censoring hides values, so it plays no part.

    NaN where a parameter is outside its range, as a link such as `identity` can put the mean of a
    new group: nothing can be drawn there.
    """
    inside, is_inside = _within_range(family, parameters)
    drawn = _sample_possible(family, rng, inside, response)
    return drawn if np.all(is_inside) else np.where(is_inside, drawn, np.nan)


def is_possible(family: Family, name: str, values: np.ndarray) -> np.ndarray:
    """Return where values of a parameter are within its range.

    Only a range that starts at 0 can be left: the others are unlimited, have links of their own, or
    are angles, which go round.
    """
    row = next((row for row in family.parameters if row.name == name), None)
    if row is None or row.lower != 0.0:
        return np.ones(np.shape(values), dtype=bool)
    return np.asarray((values >= row.lower) & (values <= row.upper))


# Away from an end that rounding has reached, where distributions are degenerate.
_TINY, _ROUND_OFF = 1e-300, 1e-16


def _within_range(family: Family, parameters: Parameters) -> tuple[Parameters, np.ndarray]:
    """Return the parameters, one inside its range for one outside, and where all were inside."""
    inside, are_inside = dict(parameters), np.ones((), dtype=bool)
    for row in family.parameters:
        if row.name not in parameters or row.lower != 0.0:
            continue
        values = parameters[row.name]
        is_inside = is_possible(family, row.name, values)
        nudged = np.clip(values, _TINY, row.upper * (1.0 - _ROUND_OFF))
        inside[row.name] = np.where(is_inside, nudged, min(1.0, 0.5 * row.upper))
        are_inside = are_inside & is_inside
    return inside, are_inside


def _sample_possible(
    family: Family,
    rng: np.random.Generator,
    parameters: Parameters,
    response: ResponseDesign,
) -> np.ndarray:
    """Return new outcomes of parameters within their ranges.

    Truncated ones are quantiles of uniform numbers between the probabilities of the bounds.
    """
    values = family.sample(rng, parameters, response)
    if not is_truncated(response):
        return values
    frozen = _distribution(family, parameters, response)
    seen = truncation(family, response)
    # 1 - U lies in (0, 1], so that a discrete outcome is above `low`.
    share = 1.0 - rng.random(values.shape)
    low, high = frozen.cdf(seen.low), frozen.cdf(seen.high)
    above, above_high = frozen.sf(seen.low), frozen.sf(seen.high)
    from_below = frozen.ppf(low + share * (high - low))
    # Beyond the median by the upper tail: far out its probabilities keep their digits.
    upper = _discrete_isf if family.is_discrete else _continuous_isf
    from_above = upper(frozen, above - share * (above - above_high), seen.low)
    return np.asarray(np.where(above < low, from_above, from_below))


def _continuous_isf(frozen: Frozen, chance: np.ndarray, low: np.ndarray) -> np.ndarray:
    return np.asarray(frozen.isf(chance))


def _discrete_isf(frozen: Frozen, chance: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Return the smallest integer above `low` with P(Y > k) <= chance, by doubling and halving.

    SciPy's discrete `isf` goes through 1 - chance, and loses the digits of a small one.
    """
    below = np.where(np.isfinite(low), low, -1.0) + np.zeros_like(chance)
    step = np.ones_like(below)
    while np.any(is_short := frozen.sf(below + step) > chance):
        step = np.where(is_short, 2.0 * step, step)
    above = below + step
    while np.any(above - below > 1.0):
        middle = np.floor((below + above) / 2.0)
        is_enough = frozen.sf(middle) <= chance
        above = np.where(is_enough, middle, above)
        below = np.where(is_enough, below, middle)
    return np.asarray(above)


def _distribution(family: Family, parameters: Parameters, response: ResponseDesign) -> Frozen:
    assert family.distribution is not None  # check_additions has refused the family otherwise
    return family.distribution(parameters, response)


def check_additions(family: Family, response: ResponseDesign) -> None:
    """Raise when a response term means nothing to the family, or its values are impossible.

    Raises
    ------
    FamilyError
        The family does not take this response term.
    DataError
        A standard error, weight, denominator or bound is impossible.
    """
    for term, is_present in _PRESENT.items():
        if is_present(response) and term not in family.additions:
            _refuse(family, term)
    for term, values in (("se", response.se), ("rate", response.rate)):
        _check_positive(response, term, values)
    if response.weights is not None:
        _check(response, "weights", response.weights >= 0, response.weights, "values of 0 or above")
        if family.uses_weights:
            _check_positive(response, "weights", response.weights)
    _check_intervals(response)
    _check_bounds(response)


# Why whole kinds of response take no censoring or truncation.
_WITHOUT_TAILS = "categories have no values beyond or between them: merge categories instead"
_REASONS = dict.fromkeys(
    ((kind, term) for kind in ("ordinal", "category") for term in ("cens", "trunc")), _WITHOUT_TAILS
)


def _refuse(family: Family, term: str) -> None:
    reason = _REASONS.get((family.response_kind, term))
    taken = ", ".join(f"`{name}(...)`" for name in family.additions) or "none"
    raise FamilyError(
        f"family `{family.name}` takes no `{term}(...)`",
        given=f"`{term}(...)` on the left of `~`",
        expected=f"response terms of this family: {taken}",
        fix=f"remove `{term}(...)`, or choose another family" + (f"; {reason}" if reason else ""),
    )


def _check_positive(response: ResponseDesign, term: str, values: np.ndarray | None) -> None:
    if values is not None:
        _check(response, term, values > 0, values, "values above 0")


def _check(
    response: ResponseDesign, term: str, is_good: np.ndarray, values: np.ndarray, expected: str
) -> None:
    require(
        response,
        is_good,
        values,
        problem=f"`{term}(...)` has impossible values",
        expected=expected,
        fix=f"correct or remove these rows, or `{term}(...)`",
    )


def _check_intervals(response: ResponseDesign) -> None:
    if response.censoring is None:
        return
    is_interval = response.censoring == INTERVAL
    if not np.any(is_interval):
        return
    if response.upper is None:
        raise DataError(
            "`cens(...)` has interval-censored rows without an upper end",
            given="`cens(status)` with the status `interval`",
            expected="the upper end of the interval of these rows",
            fix="write `cens(status, y2)`, `y2` the column with the upper ends",
        )
    _check(
        response,
        "cens",
        ~is_interval | (response.upper > response.y),
        response.upper,
        "upper ends above y",
    )


def _check_bounds(response: ResponseDesign) -> None:
    n_obs = len(response.y)
    low = _bound(response.lower_bound, -np.inf, n_obs)
    high = _bound(response.upper_bound, np.inf, n_obs)
    inside = (response.y >= low) & (response.y <= high)
    _check(response, "trunc", inside, response.y, "outcomes within the bounds of `trunc(lb, ub)`")
