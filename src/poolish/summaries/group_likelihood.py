"""The likelihood of a whole level of a group, its effects integrated out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
from scipy.special import logsumexp, ndtri

from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.effects import normal_factor
from poolish.predict.policies import Policy, group_names, parse_policies
from poolish.predict.rows import collect_rows
from poolish.spec.families.additions import log_density
from poolish.summaries.effects import GroupEffects

_LOG_2PI = np.log(2 * np.pi)
# A proposal too narrow has heavy weights; one too wide wastes a few points.
_WIDER = 1.3

type Integral = Callable[[Posterior, GroupEffects, Block, np.ndarray, np.ndarray], np.ndarray]


def marginal_log_likelihood(
    posterior: Posterior,
    found: GroupEffects,
    *,
    n_nodes: int,
    seed: int,
    integrate: Integral | None = None,
) -> np.ndarray:
    """Return log p(rows of the level | everything but its effects), shape (sample, level).

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    n_nodes : int
        Quasi-random points, a power of two, for the integral, where it is not exact.
    seed : int
    integrate : callable, optional
        How; the exact integral where there is one when left out.
    """
    n_samples = found.sd.shape[0] * found.sd.shape[1]
    sd = found.sd.reshape(n_samples, -1)
    cor = None if found.cor is None else found.cor.reshape(n_samples, *found.cor.shape[2:])
    factor = normal_factor(sd, cor)
    if integrate is None:
        integrate = _exact if _is_linear(posterior, found) else _by_points
    total = np.empty((n_samples, found.n_levels))
    policies: dict[str, Policy] = dict.fromkeys(group_names(posterior.spec), "observed")
    policies[found.group.name] = "zero"
    rows = collect_rows(posterior, None, parse_policies(posterior.spec, policies))
    rng = np.random.default_rng(seed)
    points = scipy.stats.qmc.Sobol(factor.shape[-1], rng=np.random.default_rng(seed)).random(
        n_nodes
    )
    nodes = ndtri(points)
    for block in iterate_blocks(posterior.spec, rows, rng):
        total[block.draws] = integrate(posterior, found, block, factor[block.draws], nodes)
    return total


def _is_linear(posterior: Posterior, found: GroupEffects) -> bool:
    spec, response = posterior.spec, posterior.design.response
    is_plain = response.censoring is None and response.lower_bound is None
    return (
        spec.family.name == "gaussian"
        and spec.main.link.name == "identity"
        and found.predictor.parameter == spec.main.parameter
        and is_plain
        and response.upper_bound is None
    )


def _rows_of(found: GroupEffects) -> list[np.ndarray]:
    codes = found.design.codes
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=found.n_levels))
    return np.split(order, ends[:-1])


def _exact(
    posterior: Posterior,
    found: GroupEffects,
    block: Block,
    factor: np.ndarray,
    nodes: np.ndarray,
) -> np.ndarray:
    """Return the Gaussian integral: N(y; eta, D + A A'), A = Z F, by the determinant lemma."""
    response = posterior.design.response
    parameters = block.parameters
    shape = block.linear[posterior.spec.main.parameter].shape
    sigma = response.se if response.se is not None else parameters["sigma"]
    sigma = np.broadcast_to(sigma, shape)
    if response.weights is not None:
        sigma = sigma / np.sqrt(response.weights)
    z = (response.y - parameters["mu"]) / sigma
    result = np.empty((shape[0], found.n_levels))
    for level, rows in enumerate(_rows_of(found)):
        A = found.design.Z[rows] @ factor / sigma[:, rows, None]
        M = np.eye(A.shape[2]) + np.swapaxes(A, 1, 2) @ A
        v = np.einsum("sre,sr->se", A, z[:, rows])
        quadratic = (z[:, rows] ** 2).sum(1) - (v * np.linalg.solve(M, v[..., None])[..., 0]).sum(1)
        log_det = np.linalg.slogdet(M)[1] + 2 * np.log(sigma[:, rows]).sum(1)
        result[:, level] = -0.5 * (quadratic + log_det + len(rows) * _LOG_2PI)
    return result


def _by_points(
    posterior: Posterior,
    found: GroupEffects,
    block: Block,
    factor: np.ndarray,
    nodes: np.ndarray,
) -> np.ndarray:
    """Return log of the mean over points of the product of a level's densities.

    The points are those of an importance proposal: a normal with the mean and the covariance,
    widened, of the draws of the level's effects.
    """
    codes, Z, predictor = found.design.codes, found.design.Z, found.predictor
    eta, known = block.linear[predictor.parameter], block.parameters
    response = posterior.design.response
    centre, spread = _proposal(found)
    inverse = np.linalg.inv(factor + 1e-9 * np.eye(factor.shape[-1]))
    log_jacobian = np.linalg.slogdet(inverse)[1][:, None] + np.linalg.slogdet(spread)[1]
    logs = np.empty((len(nodes), len(eta), found.n_levels))
    for k, node in enumerate(nodes):
        r = centre + spread @ node
        moved = eta + (Z * r[codes]).sum(axis=1)
        parameters = {**known, predictor.parameter: predictor.link.inverse(moved)}
        rows = log_density(posterior.spec.family, response.y, parameters, response)
        z = np.einsum("sef,lf->sle", inverse, r)
        logs[k] = _sum_by_level(rows, codes, found.n_levels)
        logs[k] += 0.5 * (float(node @ node) - np.square(z).sum(axis=-1))
    return np.asarray(logsumexp(logs, axis=0) - np.log(len(nodes)) + log_jacobian)


def _proposal(found: GroupEffects) -> tuple[np.ndarray, np.ndarray]:
    """Return centre (level, effect) and factor (level, effect, effect) of a level's effects."""
    r = np.concatenate([part for _, part in found.chunks()], axis=2)
    flat = r.reshape(-1, *r.shape[2:])
    centre = flat.mean(axis=0)
    centred = flat - centre
    covariance = np.einsum("sle,slf->lef", centred, centred) / len(flat)
    return centre, np.linalg.cholesky(_WIDER * covariance + 1e-9 * np.eye(r.shape[-1]))


def _sum_by_level(rows: np.ndarray, codes: np.ndarray, n_levels: int) -> np.ndarray:
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_levels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray(np.add.reduceat(rows[:, order], starts, axis=1))
