"""Leave-one-out where importance sampling fails: draws moved towards the posterior without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from poolish.posterior import Posterior
from poolish.predict.joint import Joint, open_joint
from poolish.predict.rows import PredictionRows

# Draws times rows looked at in one evaluation, above which draws are thinned, but for a thousand.
_MOST_VALUES = 4_000_000
_FEWEST_DRAWS = 1000
_MOST_MOVES = 30
# A k at which matching ends: half of the way from 0.7 (usable) to weights that are all alike.
_GOOD_ENOUGH = 0.3
# Draws a parameter, below which a covariance matrix is too noisy to match.
_DRAWS_EACH = 5

# Log densities of the units that are left out, shape (sample, unit), in a state.
type Likelihood = Callable[[PredictionRows], np.ndarray]
type Smooth = Callable[[np.ndarray], tuple[np.ndarray, float]]


@dataclass(frozen=True, slots=True)
class Matched:
    """What moment matching found for a unit: its elpd, and the Pareto k that is left."""

    elpd: float
    khat: float


@dataclass(frozen=True, slots=True)
class _Affine:
    """The map `x -> x A' + c`, and the logarithm of its determinant."""

    A: np.ndarray
    c: np.ndarray
    log_det: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.A.T + self.c

    def inverse(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.solve(self.A, (x - self.c).T).T)

    def after(self, first: _Affine) -> _Affine:
        return _Affine(self.A @ first.A, self.A @ first.c + self.c, self.log_det + first.log_det)


type _Match = Callable[[np.ndarray, np.ndarray], _Affine]


@dataclass(frozen=True, slots=True)
class _Proposal:
    """Draws moved by a map, with the smoothed weights that make them draws without a unit."""

    move: _Affine
    log_weights: np.ndarray
    log_likelihood: np.ndarray
    khat: float


def match_moments(
    posterior: Posterior,
    units: list[int],
    likelihood: Likelihood,
    smooth: Smooth,
    *,
    integrated: Collection[str] = (),
) -> list[Matched]:
    """Return the elpd of units left out, from draws moved to the posterior without each.

    Parameters
    ----------
    posterior : Posterior
    units : list of int
        Places of the units for which the draws as they are do not do.
    likelihood : callable
        `likelihood(state)` returns log densities of all units, which together are those of the
        data, shape (sample, unit).
    smooth : callable
        `smooth(log_ratios)` returns normalised smoothed log weights and Pareto k.
    integrated : collection of str
        Groups whose effects the likelihood has integrated out.

    Notes
    -----
    The draws are mapped to match first the mean, then the variances, then the covariance of the
    draws weighted for the unit's absence, again and again while k falls; last, half of the draws
    are moved and half are left, the two together being the proposal of both the posterior without
    the unit (whose density stands below) and that with it (which stands above). The ratios are of
    the joint density of the parameters, on a scale without bounds.

    References
    ----------
    Paananen, Piironen, Bürkner & Vehtari (2021), Implicitly adaptive importance sampling,
    Statistics and Computing 31, 16, algorithm 1 and section 2.4. doi:10.1007/s11222-020-09982-2
    """
    n_obs, sizes = posterior.design.n_obs, posterior.draws.sizes
    n_samples = sizes["chain"] * sizes["draw"]
    kept = max(_FEWEST_DRAWS, _MOST_VALUES // n_obs)
    joint = open_joint(posterior, thin=max(1, n_samples // kept), integrated=integrated)
    start = _Target(joint, likelihood)
    return [_match_unit(start, unit, smooth) for unit in units]


class _Target:
    """The draws as they are, and the log density of the joint posterior at any others."""

    def __init__(self, joint: Joint, likelihood: Likelihood) -> None:
        self.joint, self.likelihood, self.values = joint, likelihood, joint.values
        self.log_density, self.log_likelihood = self.evaluate(self.values)

    def evaluate(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log density (sample,) and log likelihoods (sample, unit) of other values."""
        with np.errstate(all="ignore"):
            state = self.joint.at(values)
            log_likelihood = self.likelihood(state)
            total = log_likelihood.sum(axis=1) + self.joint.log_prior(state)
        return np.where(np.isnan(total), -np.inf, total), log_likelihood


def _match_unit(start: _Target, unit: int, smooth: Smooth) -> Matched:
    n_parameters = start.values.shape[1]
    stay = _Affine(np.eye(n_parameters), np.zeros(n_parameters), 0.0)
    best = _propose(start, unit, stay, smooth)
    matches: list[_Match] = [_match_mean, _match_variance]
    if len(start.values) >= _DRAWS_EACH * n_parameters:
        matches.append(_match_covariance)
    for _ in range(_MOST_MOVES):
        if best.khat <= _GOOD_ENOUGH:
            break
        better = _improve(start, unit, best, matches, smooth)
        if better is None:
            break
        best = better
    elpd = _split_elpd(start, unit, best.move, smooth)
    return Matched(elpd, best.khat)


def _improve(
    start: _Target,
    unit: int,
    best: _Proposal,
    matches: Sequence[_Match],
    smooth: Smooth,
) -> _Proposal | None:
    """Return the first proposal with a smaller k, the simplest map first; None without one."""
    values = best.move(start.values)
    for match in matches:
        move = match(values, np.exp(best.log_weights)).after(best.move)
        found = _propose(start, unit, move, smooth)
        if found.khat < best.khat:
            return found
    return None


def _propose(start: _Target, unit: int, move: _Affine, smooth: Smooth) -> _Proposal:
    log_density, log_likelihood = start.evaluate(move(start.values))
    own = log_likelihood[:, unit]
    log_ratios = _log_ratios(log_density, own, start.log_density)
    if not np.isfinite(log_ratios).any():
        return _Proposal(move, log_ratios, own, np.inf)
    log_weights, khat = smooth(_finite(log_ratios))
    return _Proposal(move, log_weights, own, khat)


def _split_elpd(start: _Target, unit: int, move: _Affine, smooth: Smooth) -> float:
    """Return the elpd by draws of which every other is moved: a mixture as the proposal."""
    values = start.values.copy()
    values[::2] = move(values[::2])
    log_density, log_likelihood = start.evaluate(values)
    moved_back = start.evaluate(move.inverse(values))[0] - move.log_det
    own = log_likelihood[:, unit]
    mixture = np.logaddexp(log_density, moved_back)
    log_weights, _ = smooth(_finite(_log_ratios(log_density, own, mixture)))
    return float(logsumexp(log_weights + own))


def _log_ratios(log_density: np.ndarray, own: np.ndarray, log_proposal: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # where a density is 0
        return np.asarray(log_density - own - log_proposal)


def _finite(log_ratios: np.ndarray) -> np.ndarray:
    """Return ratios with what has no density far below the others, as the smoother needs it."""
    known = np.isfinite(log_ratios)
    return np.where(known, log_ratios, log_ratios[known].min() - 700.0)


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(axis=0), weights @ values


def _match_mean(values: np.ndarray, weights: np.ndarray) -> _Affine:
    mean, target = _moments(values, weights)
    return _Affine(np.eye(len(mean)), target - mean, 0.0)


def _match_variance(values: np.ndarray, weights: np.ndarray) -> _Affine:
    mean, target = _moments(values, weights)
    variance = weights @ np.square(values - target)
    own = values.var(axis=0)
    # Weights on one draw have no variance, nor has what is constant: these keep their scale.
    scale = np.sqrt(
        np.divide(variance, own, out=np.ones_like(own), where=(variance > 0) & (own > 0))
    )
    return _Affine(np.diag(scale), target - scale * mean, float(np.log(scale).sum()))


def _match_covariance(values: np.ndarray, weights: np.ndarray) -> _Affine:
    mean, target = _moments(values, weights)
    centred = values - target
    wanted = (centred * weights[:, None]).T @ centred
    try:
        factors = [np.linalg.cholesky(S) for S in (np.cov(values.T, bias=True), wanted)]
    except np.linalg.LinAlgError:
        # Weights on a few draws only: their covariance has no factor, and the mean must do.
        return _match_mean(values, weights)
    A = np.linalg.solve(factors[0].T, factors[1].T).T
    log_det = float(np.linalg.slogdet(A)[1])
    return _Affine(A, target - A @ mean, log_det)
