"""The effects of one new group given its rows, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.predict.blocks import Block
from poolish.spec.families.additions import log_density

_MOST_STEPS = 60
_STEP = 1e-3
# Of the log density: nearer to the mode than this, proposals and nodes do not get better.
_LEAST_GAIN = 1e-7
# Log density of what cannot be, whose square is a double.
_IMPOSSIBLE = 1e100
_LOG_2PI = np.log(2.0 * np.pi)


@dataclass(frozen=True, slots=True)
class Conditional:
    """A group's effects given its rows and a draw of everything else.

    Parameters
    ----------
    log_weights : ndarray, shape (sample,)
        Log weight of each draw, up to a constant.
    draw : callable
        `draw(samples, rng)`: effects for these draws of the fit, shape (sample, effect).
    """

    log_weights: np.ndarray
    draw: Callable[[np.ndarray, np.random.Generator], np.ndarray]


def condition_gaussian(
    block: Block, Z: np.ndarray, factor: np.ndarray, response: ResponseDesign
) -> Conditional:
    """Return the exact conditional distribution for a Gaussian response.

    Parameters
    ----------
    block : Block
        All draws, the group's effects at zero.
    Z : ndarray, shape (obs, effect)
    factor : ndarray, shape (sample, effect, effect)
        F of the covariance S = F F' of the effects.
    response : ResponseDesign
    """
    mean, precision, log_density = solve_gaussian(block, Z @ factor, response)
    return Conditional(log_density, _normal_draws(factor, mean, precision))


def solve_gaussian(
    block: Block, A: np.ndarray, response: ResponseDesign
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and precision of standard normal effects v given rows, and the rows' density.

    Parameters
    ----------
    block : Block
        The effects at zero.
    A : ndarray, shape (sample, obs, effect)
        What a unit of each v adds to the linear predictor.
    response : ResponseDesign

    Returns
    -------
    mean : ndarray, shape (sample, effect)
    precision : ndarray, shape (sample, effect, effect)
    log_density : ndarray, shape (sample,)
        Of the rows, v integrated out.

    Notes
    -----
    y = eta + A v + e, v ~ normal(0, I), e ~ normal(0, R), R diagonal. With
    P = I + A' R^-1 A and m = P^-1 A' R^-1 (y - eta): v | y ~ normal(m, P^-1), and
    -2 log p(y) = log |R| + log |P| + (y - eta)' R^-1 (y - eta) - m' P m + n log 2 pi
    (Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, equations 2.8 and A.10).
    """
    spec = block.spec
    parameters = block.parameters
    mean = parameters[spec.main.parameter]
    variance = np.broadcast_to(spec.family.variance(parameters, response), mean.shape)
    scaled = A / variance[:, :, None]
    P = np.eye(A.shape[2]) + np.swapaxes(scaled, 1, 2) @ A
    error = response.y - mean
    right = np.einsum("sni,sn->si", scaled, error)
    m = np.linalg.solve(P, right[..., None])[..., 0]
    square = np.sum(error**2 / variance, axis=1) - np.einsum("si,si->s", m, right)
    log_det = np.log(variance).sum(axis=1) + np.linalg.slogdet(P)[1]
    return m, P, -0.5 * (log_det + square + A.shape[1] * _LOG_2PI)


def condition_laplace(
    block: Block,
    Z: np.ndarray,
    factor: np.ndarray,
    response: ResponseDesign,
    rng: np.random.Generator,
) -> Conditional:
    """Return draws around the mode of the effects given the rows, with their importance weights.

    Parameters
    ----------
    block : Block
        All draws, the group's effects at zero.
    Z : ndarray, shape (obs, effect)
    factor : ndarray, shape (sample, effect, effect)
    response : ResponseDesign
    rng : numpy.random.Generator

    Notes
    -----
    A draw v of the normal q at the mode, with the curvature there, has the weight
    p(y | v) normal(v; 0, I) / q(v), whose mean over q is the marginal density of the rows.
    """
    density, A = row_density(block, response, block.spec.main.parameter), Z @ factor
    mode, precision = find_mode(density, A)
    root = np.linalg.cholesky(precision)
    z = rng.standard_normal(mode.shape)
    v = mode + np.linalg.solve(np.swapaxes(root, 1, 2), z[..., None])[..., 0]
    log_q = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1) - 0.5 * (z**2).sum(axis=1)
    effects = np.einsum("sij,sj->si", factor, v)
    return Conditional(log_posterior(density, A, v) - log_q, lambda samples, _: effects[samples])


# Log density of each draw and row, shape (sample, obs), as a linear predictor is moved.
type Density = Callable[[np.ndarray], np.ndarray]


def row_density(block: Block, response: ResponseDesign, parameter: str) -> Density:
    """Return the log density of each draw and row, one linear predictor moved."""
    family = block.spec.family

    def density(moved: np.ndarray) -> np.ndarray:
        linear = {**block.linear, parameter: block.linear[parameter] + moved}
        with np.errstate(all="ignore"):
            parameters = replace(block, linear=linear).parameters
            values = log_density(family, response.y, parameters, response)
        return np.asarray(np.nan_to_num(values, nan=-_IMPOSSIBLE, neginf=-_IMPOSSIBLE))

    return density


def find_mode(density: Density, A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mode and precision of v given the rows, for every draw, by damped Newton steps.

    Parameters
    ----------
    density : callable
        Of each row, as a function of what is added to its linear predictor.
    A : ndarray, shape (sample, obs, effect)

    Returns
    -------
    mode : ndarray, shape (sample, effect)
    precision : ndarray, shape (sample, effect, effect)
        Minus the second derivatives at the mode, those of rows that bend upwards left out.
    """
    identity = np.eye(A.shape[2])
    v = np.zeros((A.shape[0], A.shape[2]))
    value = log_posterior(density, A, v)
    precision = np.broadcast_to(identity, (len(v), *identity.shape))
    # A step of the linear predictor that is small against what the effects do to it.
    reach = np.sqrt(np.square(A).sum(axis=2))
    h = _STEP * np.where(reach > 0, reach, 1.0)
    for _ in range(_MOST_STEPS):
        eta = np.einsum("sni,si->sn", A, v)
        low, here, high = (density(eta + k * h) for k in (-1, 0, 1))
        # Rows where the density is not concave (heavy tails) add no precision.
        bend = np.maximum(-(low - 2.0 * here + high) / h**2, 0.0)
        precision = identity + np.swapaxes(A * bend[..., None], 1, 2) @ A
        gradient = np.einsum("sni,sn->si", A, (high - low) / (2.0 * h)) - v
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if np.max(np.abs(step)) < 1e-6:
            break
        share = np.ones(len(v))
        for _ in range(20):
            there = log_posterior(density, A, v + share[:, None] * step)
            is_lower = there < value - 1e-9 * np.abs(value)
            if not is_lower.any():
                break
            share = np.where(is_lower, share / 2.0, share)
        moved = ~(there < value - 1e-9 * np.abs(value))
        v = np.where(moved[:, None], v + share[:, None] * step, v)
        gain = np.where(moved, there - value, 0.0)
        value = np.where(moved, there, value)
        if np.max(gain) < _LEAST_GAIN:
            break
    return v, precision


def log_posterior(density: Density, A: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return log p(rows | v) - |v|^2 / 2, shape (sample,)."""
    rows = density(np.einsum("sni,si->sn", A, v)).sum(axis=1)
    return np.asarray(rows - 0.5 * (v**2).sum(axis=1))


def _normal_draws(
    factor: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    root = np.linalg.cholesky(precision)

    def draw(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        z = rng.standard_normal((len(samples), mean.shape[1], 1))
        v = mean[samples] + np.linalg.solve(np.swapaxes(root[samples], 1, 2), z)[..., 0]
        return np.asarray(np.einsum("sij,sj->si", factor[samples], v))

    return draw
