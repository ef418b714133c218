"""Estimates without pooling and with complete pooling, by least squares or maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.spec.families.additions import log_density
from poolish.spec.model import PredictorSpec
from poolish.summaries.effects import GroupEffects, collect_effects
from poolish.summaries.own_likelihood import (
    FOUND,
    UNDETERMINED,
    GroupFits,
    RowDensity,
    maximise_by_group,
)
from poolish.summaries.shares import is_gaussian
from poolish.summaries.variance import residual_variance

# A singular value this far below the largest counts as zero, as in numpy.linalg.matrix_rank.
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class OwnEstimates:
    """Estimates of each level from its own rows; NaN where they do not determine it.

    Parameters
    ----------
    estimate, lower, upper : ndarray, shape (level, effect)
    covariance : ndarray, shape (level, effect, effect)
    problem : ndarray of str, shape (level,)
        Why there is no estimate, as in `GroupFits`; empty where there is one.
    """

    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    covariance: np.ndarray
    problem: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """Return the standard errors, shape (level, effect)."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2)))


def estimate_own(posterior: Posterior, found: GroupEffects, *, ci_prob: float) -> OwnEstimates:
    """Return estimates of each level's coefficients from its own rows alone.

    Everything else in the model (other coefficients and groups, other family parameters) is held
    at its posterior mean. Least squares for the Gaussian, maximum likelihood with Wald intervals
    for the other families.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    ci_prob : float
    """
    by = _least_squares if _is_least_squares(posterior, found) else _likelihood
    fits = by(posterior, found)
    width = special.ndtri(0.5 + ci_prob / 2) * np.sqrt(
        np.diagonal(fits.covariance, axis1=1, axis2=2)
    )
    return OwnEstimates(
        fits.estimate, fits.estimate - width, fits.estimate + width, fits.covariance, fits.problem
    )


def complete_pooling(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the estimates of a group's effects from all rows as one group, shape (effect,).

    Least squares or maximum likelihood on the population-level columns, other family parameters
    at their posterior means; zero for an effect that is not among the columns.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    """
    by_name = dict(zip(found.predictor.coefs, complete_coefs(posterior, found), strict=True))
    return np.array([by_name.get(effect, 0.0) for effect in found.group.effects])


def complete_coefs(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the population-level coefficients of a model without groups, shape (coef,)."""
    spec = found.predictor
    arrays = posterior.design.predictors[spec.parameter]
    if not spec.coefs:
        return np.empty(0)
    if _is_least_squares(posterior, found):
        y = posterior.design.response.y - arrays.offset
        return least_squares(arrays.X, y, _precision(posterior))[0]
    b = posterior.draws[spec.variable("b")].values.mean(axis=(0, 1))
    fits = maximise_by_group(
        _row_density(posterior, spec),
        arrays.X,
        np.zeros(arrays.n_obs, dtype=int),
        offset=arrays.offset,
        start=b[None],
        scale=_scale(posterior, spec),
    )
    return np.asarray(fits.estimate[0])


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
    estimate, covariance = _solve(X, y, w)
    return estimate, np.sqrt(np.diagonal(covariance))


def own_response(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the response less all of the linear predictor but the group's own coefficients."""
    return np.asarray(posterior.design.response.y - _rest(posterior, found))


def _rest(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the linear predictor less the group's own coefficients, at posterior means."""
    eta = mean_linear(posterior, found.predictor)
    own = found.population.mean(axis=(0, 1)) + found.means()
    return np.asarray(eta - np.einsum("nk,nk->n", found.design.Z, own[found.design.codes]))


def _least_squares(posterior: Posterior, found: GroupEffects) -> GroupFits:
    n_levels, n_effects = len(found.group.levels), len(found.group.effects)
    estimate = np.full((n_levels, n_effects), np.nan)
    covariance = np.full((n_levels, n_effects, n_effects), np.nan)
    response, precision = own_response(posterior, found), _precision(posterior)
    for level, rows in enumerate(_rows_by_level(found)):
        Z, w = found.design.Z[rows], precision[rows]
        estimate[level], covariance[level] = _solve(Z, response[rows], w)
    problem = np.where(np.isnan(estimate).any(axis=1), UNDETERMINED, FOUND)
    return GroupFits(estimate, covariance, problem)


def _likelihood(posterior: Posterior, found: GroupEffects) -> GroupFits:
    return maximise_by_group(
        _row_density(posterior, found.predictor),
        found.design.Z,
        found.design.codes,
        offset=_rest(posterior, found),
        start=found.population.mean(axis=(0, 1)) + found.means(),
        scale=_scale(posterior, found.predictor),
    )


def _row_density(posterior: Posterior, spec: PredictorSpec) -> RowDensity:
    """Return the log density of each row as a function of one linear predictor."""
    family, response = posterior.spec.family, posterior.design.response
    others = mean_parameters(posterior, without=spec.parameter)

    def density(eta: np.ndarray) -> np.ndarray:
        parameters = {**others, spec.parameter: spec.link.inverse(eta)}
        return log_density(family, response.y, parameters, response)

    return density


def mean_parameters(posterior: Posterior, *, without: str) -> dict[str, np.ndarray]:
    """Return every family parameter but one at its posterior mean, shape (obs,) or (element,)."""
    draws, spec = posterior.draws, posterior.spec
    fixed = {n: np.asarray(draws[n].values.mean(axis=(0, 1))) for n in spec.auxiliary}
    modelled = {
        name: predictor.link.inverse(mean_linear(posterior, predictor))
        for name, predictor in spec.predictors.items()
        if name != without
    }
    return fixed | modelled


def mean_linear(posterior: Posterior, spec: PredictorSpec) -> np.ndarray:
    """Return the posterior mean of a linear predictor, which is linear in its draws."""
    arrays = posterior.design.predictors[spec.parameter]
    eta = arrays.offset.astype(float)
    if spec.coefs:
        b = posterior.draws[tree_name(spec.variable("b"))].values.mean(axis=(0, 1))
        eta = eta + arrays.X @ b
    for group in spec.groups:
        found = collect_effects(posterior, spec, group)
        eta = eta + np.einsum("nk,nk->n", found.design.Z, found.means()[found.design.codes])
    return np.asarray(eta)


def _scale(posterior: Posterior, spec: PredictorSpec) -> float:
    """Return the size of a step of the linear predictor that matters to the likelihood."""
    if spec.link.name != "identity":
        return 1.0
    family, response = posterior.spec.family, posterior.design.response
    values = response.y if family.main_scale is None else family.main_scale(response)
    return float(max(values.std(), 1e-6))


def _solve(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(w)
    U, s, Vt = np.linalg.svd(X * root[:, None], full_matrices=False)
    keep = s > _RANK_TOLERANCE * max(s.max(initial=0.0), np.finfo(float).tiny)
    V = Vt[keep].T
    estimate = V @ ((U[:, keep].T @ (y * root)) / s[keep])
    covariance = (V / s[keep] ** 2) @ V.T
    known = np.square(V).sum(axis=1) > 1 - 1e-8
    return (
        np.where(known, estimate, np.nan),
        np.where(known[:, None] & known, covariance, np.nan),
    )


def _is_least_squares(posterior: Posterior, found: GroupEffects) -> bool:
    spec, response = posterior.spec, posterior.design.response
    is_cut = any(
        values is not None
        for values in (response.censoring, response.lower_bound, response.upper_bound)
    )
    is_main = found.predictor.parameter == spec.main.parameter
    return is_gaussian(spec) and is_main and not is_cut


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
