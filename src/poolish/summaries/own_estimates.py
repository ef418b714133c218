"""Estimates without pooling and with complete pooling, by least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from poolish.posterior import Posterior
from poolish.spec.model import ModelSpec
from poolish.summaries.effects import GroupEffects, collect_effects
from poolish.summaries.variance import residual_variance

# A singular value this far below the largest counts as zero, as in numpy.linalg.matrix_rank.
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class OwnEstimates:
    """Estimates of each level from its own rows; NaN where they do not determine it.

    Parameters
    ----------
    estimate, lower, upper : ndarray, shape (level, effect)
    """

    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def estimate_own(posterior: Posterior, found: GroupEffects, *, ci_prob: float) -> OwnEstimates:
    """Return least-squares estimates of each level's coefficients from its own rows.

    The response less everything else in the model (other coefficients and groups, at their
    posterior means), regressed on the group's effect columns; intervals with the posterior mean
    of the residual variance.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    ci_prob : float
    """
    shape = (len(found.group.levels), len(found.group.effects))
    estimate, se = np.full(shape, np.nan), np.full(shape, np.nan)
    if _is_least_squares(posterior.spec, found):
        response, precision = own_response(posterior, found), _precision(posterior)
        for level, rows in enumerate(_rows_by_level(found)):
            Z, w = found.design.Z[rows], precision[rows]
            estimate[level], se[level] = least_squares(Z, response[rows], w)
    width = special.ndtri(0.5 + ci_prob / 2) * se
    return OwnEstimates(estimate, estimate - width, estimate + width)


def complete_pooling(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the estimates of a group's effects from all rows as one group, shape (effect,).

    Least squares of the response on the population-level columns; zero for an effect that is not
    among them, NaN for families other than the Gaussian.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    """
    effects = found.group.effects
    if not _is_least_squares(posterior.spec, found):
        return np.full(len(effects), np.nan)
    main = posterior.design.main
    y = posterior.design.response.y - main.offset
    estimate, _ = least_squares(main.X, y, _precision(posterior))
    by_name = dict(zip(main.coefs, estimate, strict=True))
    return np.array([by_name.get(effect, 0.0) for effect in effects])


def least_squares(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted least-squares estimates and their standard errors, NaN where undetermined.

    A coefficient is determined when its unit vector lies in the row space of X.

    Parameters
    ----------
    X : ndarray, shape (obs, coef)
    y : ndarray, shape (obs,)
    w : ndarray, shape (obs,)
        Precisions, 1 / variance.
    """
    root = np.sqrt(w)
    U, s, Vt = np.linalg.svd(X * root[:, None], full_matrices=False)
    keep = s > _RANK_TOLERANCE * max(s.max(initial=0.0), np.finfo(float).tiny)
    V = Vt[keep].T
    estimate = V @ ((U[:, keep].T @ (y * root)) / s[keep])
    se = np.sqrt(np.square(V / s[keep]).sum(axis=1))
    is_determined = np.square(V).sum(axis=1) > 1 - 1e-8
    return np.where(is_determined, estimate, np.nan), np.where(is_determined, se, np.nan)


def _is_least_squares(spec: ModelSpec, found: GroupEffects) -> bool:
    is_gaussian = spec.family.name == "gaussian" and spec.main.link.name == "identity"
    return is_gaussian and found.predictor.parameter == spec.main.parameter


def own_response(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the response less all of the linear predictor but the group's own coefficients."""
    eta = _mean_linear(posterior)
    own = found.population.mean(axis=(0, 1)) + found.means()
    part = np.einsum("nk,nk->n", found.design.Z, own[found.design.codes])
    return np.asarray(posterior.design.response.y - (eta - part))


def _mean_linear(posterior: Posterior) -> np.ndarray:
    """Return the posterior mean of the main linear predictor, which is linear in its draws."""
    main, spec = posterior.design.main, posterior.spec.main
    eta = main.offset.astype(float)
    if spec.coefs:
        eta = eta + main.X @ posterior.draws[spec.variable("b")].values.mean(axis=(0, 1))
    for group in spec.groups:
        found = collect_effects(posterior, spec, group)
        r = found.means()
        eta = eta + np.einsum("nk,nk->n", found.design.Z, r[found.design.codes])
    return np.asarray(eta)


def _precision(posterior: Posterior) -> np.ndarray:
    response = posterior.design.response
    weights = np.ones(posterior.design.n_obs) if response.weights is None else response.weights
    if response.se is not None:
        return np.asarray(weights / np.square(response.se))
    return np.asarray(weights / residual_variance(posterior).mean())


def _rows_by_level(found: GroupEffects) -> list[np.ndarray]:
    order = np.argsort(found.design.codes, kind="stable")
    ends = np.cumsum(np.bincount(found.design.codes, minlength=len(found.group.levels)))
    return np.split(order, ends[:-1])
