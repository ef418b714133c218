"""The likelihood of a whole level of a group, its effects integrated out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import logsumexp, ndtri

from poolish.design.arrays import GroupDesign, ResponseDesign
from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.conditional import find_mode, log_posterior, row_density, solve_gaussian
from poolish.predict.effects import GroupRows, population_factor
from poolish.predict.rows import PredictionRows
from poolish.spec.model import GroupSpec, ModelSpec
from poolish.summaries.effects import find_group

# Gauss-Hermite nodes for each effect of one or two; of more, quasi-random points do better.
_N_HERMITE = {1: 21, 2: 11}
# A proposal too narrow has heavy weights; one too wide wastes a few points.
_WIDER = 1.15


@dataclass(frozen=True, slots=True)
class LevelsOut:
    """A group of which levels are left out, each with everything that lies within it.

    Parameters
    ----------
    parameter : str
        The family parameter whose formula has the group.
    places : tuple of int
        Places, among the groups of that predictor, of the group and of those nested within it:
        without the level's rows nothing is known of their effects either.
    labels : tuple of str
    rows : tuple of ndarray of int
        Positions of the rows of each level.
    """

    parameter: str
    places: tuple[int, ...]
    labels: tuple[str, ...]
    rows: tuple[np.ndarray, ...]

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Return the names of the groups whose effects are integrated out."""
        groups = spec.predictors[self.parameter].groups
        return tuple(groups[place].name for place in self.places)


def leave_levels(posterior: Posterior, name: str) -> LevelsOut:
    """Return what is left out with each level of a group.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    UnsupportedError
        If a level left out is not independent of the others, or has effects on other parameters.
    """
    predictor, place = find_group(posterior.spec, name)
    designs = posterior.design.predictors[predictor.parameter].groups
    own = designs[place]
    within = [k for k, other in enumerate(designs) if k == place or _is_within(other, own)]
    for k in within:
        _check_independent(name, predictor.groups[k])
    _check_elsewhere(posterior, name, predictor.parameter, own)
    order = np.argsort(own.codes, kind="stable")
    ends = np.cumsum(np.bincount(own.codes, minlength=own.n_levels))[:-1]
    rows = tuple(np.split(order, ends))
    return LevelsOut(predictor.parameter, tuple(within), own.levels, rows)


def marginal_log_likelihood(
    posterior: Posterior,
    state: PredictionRows,
    out: LevelsOut,
    *,
    n_nodes: int,
    seed: int,
    is_exact: bool | None = None,
) -> np.ndarray:
    """Return log p(rows of the level | everything but its effects), shape (sample, level).

    Parameters
    ----------
    posterior : Posterior
    state : PredictionRows
        The fitted rows, the effects of the groups that are left out integrated.
    out : LevelsOut
    n_nodes : int
        Quasi-random points, a power of two, for the integral over more than two effects.
    seed : int
        Of the points.
    is_exact : bool, optional
        Whether to take the closed form, where there is one when left out.
    """
    response = posterior.design.response
    by_form = _is_linear(posterior, out) if is_exact is None else is_exact
    integrate = _closed_form if by_form else _by_nodes(n_nodes, seed)
    total = np.empty((state.n_samples, len(out.labels)))
    for block in iterate_blocks(posterior.spec, state, np.random.default_rng(seed)):
        for level, rows in enumerate(out.rows):
            A = _loadings(state, out, rows, block.draws)
            part = response.at(rows)
            total[block.draws, level] = integrate(block.at(rows), A, part, out.parameter)
    return total


type _Integral = Callable[[Block, np.ndarray, ResponseDesign, str], np.ndarray]


def _closed_form(
    block: Block, A: np.ndarray, response: ResponseDesign, parameter: str
) -> np.ndarray:
    return solve_gaussian(block, A, response)[2]


def _by_nodes(n_nodes: int, seed: int) -> _Integral:
    """Return the integral by nodes around the mode, for every draw on the scale found there.

    With v = m + L^-T z, L L' the precision at the mode m, the integral of p(rows | v) normal(v) is
    E(exp(log p(rows | v) - |v|^2 / 2 + |z|^2 / 2)) / |L| over standard normal z (Liu & Pierce
    1994, Biometrika 81(3), 624-629).
    """

    def integrate(
        block: Block, A: np.ndarray, response: ResponseDesign, parameter: str
    ) -> np.ndarray:
        density = row_density(block, response, parameter)
        mode, precision = find_mode(density, A)
        nodes, log_weights, width = _rule(A.shape[2], n_nodes, seed)
        root = np.linalg.cholesky(precision) / width
        spread = np.swapaxes(np.linalg.inv(root), 1, 2)
        logs = np.empty((len(nodes), len(A)))
        for k, z in enumerate(nodes):
            logs[k] = log_posterior(density, A, mode + spread @ z) + 0.5 * (z @ z) + log_weights[k]
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(logsumexp(logs, axis=0) - log_det)

    return integrate


def _rule(n_effects: int, n_nodes: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return nodes (node, effect) with log weights of a standard normal, and how wide to lay."""
    if n_effects in _N_HERMITE:
        z, w = np.polynomial.hermite_e.hermegauss(_N_HERMITE[n_effects])
        nodes = np.stack(np.meshgrid(*[z] * n_effects, indexing="ij"), axis=-1)
        weights = np.stack(np.meshgrid(*[w / w.sum()] * n_effects, indexing="ij"), axis=-1)
        return nodes.reshape(-1, n_effects), np.log(weights).sum(axis=-1).reshape(-1), 1.0
    sobol = scipy.stats.qmc.Sobol(n_effects, rng=np.random.default_rng(seed))
    return ndtri(sobol.random(n_nodes)), np.full(n_nodes, -np.log(n_nodes)), _WIDER


def _loadings(state: PredictionRows, out: LevelsOut, rows: np.ndarray, draws: slice) -> np.ndarray:
    """Return what standard normal effects add to the rows of a level, (sample, obs, effect)."""
    groups = state.predictors[out.parameter].groups
    parts = [_columns(groups[place], rows) for place in out.places]
    factors = [population_factor(groups[place], draws) for place in out.places]
    return np.concatenate(
        [Z @ factor for found, factor in zip(parts, factors, strict=True) for Z in found], axis=2
    )


def _columns(group: GroupRows, rows: np.ndarray) -> list[np.ndarray]:
    """Return the effect columns of each level of a group among some rows, zero elsewhere."""
    codes = group.codes[rows]
    return [group.Z[rows] * (codes == code)[:, None] for code in np.unique(codes)]


def _is_linear(posterior: Posterior, out: LevelsOut) -> bool:
    spec, response = posterior.spec, posterior.design.response
    cuts = (response.censoring, response.lower_bound, response.upper_bound)
    return (
        spec.family.name == "gaussian"
        and spec.main.link.name == "identity"
        and out.parameter == spec.main.parameter
        and all(cut is None for cut in cuts)
    )


def _is_within(inner: GroupDesign, outer: GroupDesign) -> bool:
    """Return whether every level of a group lies in one level of another."""
    pairs = np.unique(inner.codes.astype(np.int64) * outer.n_levels + outer.codes)
    return len(pairs) == inner.n_levels


def _check_independent(name: str, group: GroupSpec) -> None:
    if group.relation is not None or any(share is not None for share in group.share):
        raise UnsupportedError(
            f"levels of `{name}` cannot be left out one at a time",
            given=f"effects of `{group.name}` with a known covariance, or shared between formulas",
            expected="independent levels",
            fix="leave rows out: `fit.loo()`",
        )


def _check_elsewhere(posterior: Posterior, name: str, parameter: str, own: GroupDesign) -> None:
    for other, predictor in posterior.design.predictors.items():
        inside = [g.name for g in predictor.groups if other != parameter and _is_within(g, own)]
        if inside:
            raise UnsupportedError(
                f"levels of `{name}` cannot be left out one at a time",
                given=f"effects of `{inside[0]}` on `{other}` too",
                expected=f"levels that differ in `{parameter}` only",
                fix="leave rows out: `fit.loo()`",
            )
