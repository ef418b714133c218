"""Adaptive Gauss-Hermite integration of one normal effect per group.

log p(y_j | eta, s) = log integral of prod_i f(y_i | eta_i + z_i s v) N(v; 0, 1) dv, with nodes
v_k = m_j + sqrt(2) c_j x_k around the mode m_j of the integrand and c_j from its curvature:
log p = log(c_j / sqrt(pi)) + log sum_k w_k exp(x_k^2 + g_j(v_k)), g the log integrand without
its constant. One node would be the Laplace approximation.
Pinheiro & Bates (1995), J. Computational and Graphical Statistics 4(1), 12-35, section 2.4.
doi:10.1080/10618600.1995.10474663
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.groups import Groups
from poolish.engines.quadrature.kernels import Kernel

# Elements of one array of (row, value) that stay in the processor's cache.
CACHE_ELEMENTS = 32_768
# Nodes may be centred a little off the mode; finite differences of the integral want it closer.
LOOSE, TIGHT = 1e-2, 1e-6
# Steps to the mode are cut to these sizes, in prior standard deviations; shrinking ends a cycle.
STEP_LIMITS = (2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5, *(0.3 * 0.7**i for i in range(12)))


@dataclass(frozen=True, slots=True)
class Rule:
    """Gauss-Hermite nodes and log weights, the weights multiplied by exp(x^2).

    Parameters
    ----------
    nodes, log_weights : ndarray, shape (node,)
    """

    nodes: np.ndarray
    log_weights: np.ndarray


def hermite_rule(n_nodes: int) -> Rule:
    """Return the rule with `n_nodes` nodes."""
    nodes, weights = np.polynomial.hermite.hermgauss(n_nodes)
    return Rule(nodes, np.log(weights) + nodes**2)


@dataclass(frozen=True, slots=True)
class Predictors:
    """Linear predictors at some parameter values, without the effects that are integrated out.

    Parameters
    ----------
    eta : ndarray, shape (row, value)
    slope : ndarray, shape (row, value)
        What multiplies the standard normal effect: z times its standard deviation.
    auxiliary : ndarray, shape (value,)
    """

    eta: np.ndarray
    slope: np.ndarray
    auxiliary: np.ndarray


@dataclass(frozen=True, slots=True)
class Centres:
    """The mode of each group's effect, and the scale from the curvature there.

    Parameters
    ----------
    mode, scale : ndarray, shape (group, value)
    """

    mode: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in groups, with their log density.

    Parameters
    ----------
    groups : Groups
    kernel : Kernel
    """

    groups: Groups
    kernel: Kernel

    def integrand(self, at: Predictors, v: np.ndarray) -> np.ndarray:
        """Return log f(y_j | v_j) - v_j^2 / 2, shape (group, value)."""
        eta = at.eta + at.slope * self.groups.spread(v)
        total = self.groups.add(self.kernel.value(eta, at.auxiliary)) - 0.5 * v * v
        return np.where(np.isnan(total), -np.inf, total)


def chunks(n_rows: int, n_values: int) -> Iterator[slice]:
    """Yield ranges of parameter values whose rows fit in the cache."""
    step = max(1, CACHE_ELEMENTS // max(n_rows, 1))
    return (slice(start, start + step) for start in range(0, n_values, step))


def find_centres(rows: Rows, at: Predictors, start: np.ndarray, tolerance: float) -> Centres:
    """Return modes by Fisher scoring from `start`, shape (group,), the last step below `tolerance`.

    The last step's own error is its square, as the steps are Newton's at canonical links.
    """
    v = np.repeat(start[:, None], at.eta.shape[1], axis=1)
    for limit in STEP_LIMITS:
        eta = at.eta + at.slope * rows.groups.spread(v)
        score, information = rows.kernel.derivatives(eta, at.auxiliary)
        score *= at.slope
        information *= at.slope
        information *= at.slope
        precision = rows.groups.add(information) + 1.0
        step = np.clip((rows.groups.add(score) - v) / precision, -limit, limit)
        v += np.nan_to_num(step)
        if np.abs(step).max() < tolerance:
            break
    precision = np.where(np.isfinite(precision), precision, 1.0)
    return Centres(v, 1.0 / np.sqrt(precision))


def node_logs(rows: Rows, at: Predictors, centres: Centres, rule: Rule) -> np.ndarray:
    """Return log of each node's term of the sum, shape (node, group, value)."""
    logs = np.empty((len(rule.nodes), *centres.mode.shape))
    for k, (node, log_weight) in enumerate(zip(rule.nodes, rule.log_weights, strict=True)):
        v = centres.mode + np.sqrt(2.0) * centres.scale * node
        logs[k] = rows.integrand(at, v) + log_weight
    return logs


def log_integral(rows: Rows, at: Predictors, rule: Rule, start: np.ndarray) -> np.ndarray:
    """Return the log likelihood of all groups, without the kernel's constant, shape (value,)."""
    centres = find_centres(rows, at, start, LOOSE)
    total = _log_sum(node_logs(rows, at, centres, rule))
    return rows.groups.counts @ (total + np.log(centres.scale) - 0.5 * np.log(np.pi))


def _log_sum(logs: np.ndarray) -> np.ndarray:
    """Return log of the sum of exponentials over the first axis."""
    highest = np.nan_to_num(logs.max(axis=0), neginf=0.0)
    return np.asarray(highest + np.log(np.exp(logs - highest).sum(axis=0)))


@dataclass(frozen=True, slots=True)
class Moments:
    """The log likelihood at one parameter value, with what its derivatives are made of.

    Parameters
    ----------
    value : float
    centres : Centres
    shares : ndarray, shape (group, node)
        Posterior probabilities of the nodes.
    score, curvature : ndarray, shape (row, node)
        Derivatives of each row's log density by its predictor, at each node.
    """

    value: float
    centres: Centres
    shares: np.ndarray
    score: np.ndarray
    curvature: np.ndarray


def node_moments(rows: Rows, at: Predictors, rule: Rule, start: np.ndarray) -> Moments:
    """Return everything at the nodes for one parameter value."""
    centres = find_centres(rows, at, start, TIGHT)
    logs = node_logs(rows, at, centres, rule)[:, :, 0]
    total = _log_sum(logs)
    v = centres.mode + np.sqrt(2.0) * centres.scale * rule.nodes
    eta = at.eta + at.slope * rows.groups.spread(v)
    constant = np.log(centres.scale[:, 0]) - 0.5 * np.log(np.pi)
    return Moments(
        value=float(rows.groups.counts @ (total + constant)),
        centres=centres,
        shares=np.exp(logs - total).T,
        score=rows.kernel.derivatives(eta, at.auxiliary)[0],
        curvature=rows.kernel.curvature(eta, at.auxiliary),
    )
