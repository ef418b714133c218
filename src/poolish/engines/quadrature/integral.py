"""Adaptive Gaussian quadrature of one normal effect per group.

log p(y_j | eta, s) = log integral of prod_i f(y_i | eta_i + z_i s v) N(v; 0, 1) dv, with nodes
v_k = m_j + c_j x_k where `placement` puts them:
log p = log(c_j / sqrt(2 pi)) + log sum_k w_k exp(g_j(v_k)), g the log integrand without its
constant. One Gauss-Hermite node would be the Laplace approximation.
Pinheiro & Bates (1995), J. Computational and Graphical Statistics 4(1), 12-35, section 2.4.
doi:10.1080/10618600.1995.10474663
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.lines import Line
from poolish.engines.quadrature.placement import (
    FARTHEST,
    TIGHT,
    Centres,
    place_nodes,
    possible_range,
)
from poolish.engines.quadrature.rows import Predictors, Rows, integrand, integrands

HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)
# Of the width of a range: an end itself may round to outside.
_INSIDE = 1e-9


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes of a quadrature rule on any scale, with the logarithms of their weights.

    Parameters
    ----------
    nodes, log_weights : ndarray, shape (node,)
    """

    nodes: np.ndarray
    log_weights: np.ndarray


def hermite_rule(n_nodes: int) -> Rule:
    """Return the Gauss-Hermite rule of exp(-x^2 / 2), that factor taken out of the weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return Rule(nodes, np.log(weights) + 0.5 * nodes**2)


def legendre_rule(n_nodes: int) -> Rule:
    """Return the Gauss-Legendre rule on (-1, 1), in x = sin(pi t / 2).

    The substitution crowds the nodes at the ends, where the integrand may fall to zero like a power
    that is not whole.
    """
    t, weights = np.polynomial.legendre.leggauss(n_nodes)
    slope = 0.5 * np.pi * np.cos(0.5 * np.pi * t)
    return Rule(np.sin(0.5 * np.pi * t), np.log(weights * slope))


def equal_rule(n_nodes: int) -> Rule:
    """Return equally spaced nodes on [-1, 1] with equal weights.

    For integrands that vanish at both ends: the error falls exponentially in the number of nodes,
    and as fast as poles near the axis allow (Trefethen & Weideman 2014, SIAM Review 56(3), 385-458,
    theorem 5.1. doi:10.1137/130932132).
    """
    nodes = np.linspace(-1.0, 1.0, n_nodes)
    return Rule(nodes, np.full(n_nodes, np.log(2.0 / (n_nodes - 1))))


def make_rule(rows: Rows, n_nodes: int) -> Rule:
    """Return the rule that suits where `placement` puts the nodes.

    A range is about four times as wide as what the nodes around a peak cover.
    """
    if rows.support is None:
        return hermite_rule(n_nodes)
    has_ends = np.isfinite(rows.support).any()
    return (legendre_rule if has_ends else equal_rule)(4 * n_nodes + 1)


@dataclass(frozen=True, slots=True)
class NodeValues:
    """The integrand of each group at the nodes of a rule.

    Parameters
    ----------
    rule : Rule
    centres : Centres
    logs : ndarray, shape (node, group, value)
        log f(y_j | v_k) - v_k^2 / 2.
    """

    rule: Rule
    centres: Centres
    logs: np.ndarray

    @property
    def terms(self) -> np.ndarray:
        """Return log of each node's term of the sum, shape (node, group, value)."""
        return self.logs + self.rule.log_weights[:, None, None]

    def log_integrals(self) -> np.ndarray:
        """Return the log likelihood of each group, without the kernel's constant."""
        return _log_sum(self.terms) + np.log(self.centres.scale) - HALF_LOG_2PI

    def take(self, values: np.ndarray) -> NodeValues:
        """Return the integrands at some of the parameter values."""
        mode, scale = self.centres.mode[:, values], self.centres.scale[:, values]
        return NodeValues(self.rule, Centres(mode, scale), self.logs[:, :, values])


def node_values(line: Line, centres: Centres, rule: Rule) -> NodeValues:
    """Return the integrands at the nodes of a rule around some centres."""
    v = centres.mode + centres.scale * rule.nodes[:, None, None]
    return NodeValues(rule, centres, integrands(line, v))


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
    integrals : ndarray, shape (group,)
        Log likelihood of each group, without the kernel's constant.
    shares : ndarray, shape (group, node)
        Posterior probabilities of the nodes.
    score, curvature : ndarray, shape (row, node)
        Derivatives of each row's log density by its predictor, at each node.
    """

    value: float
    integrals: np.ndarray
    shares: np.ndarray
    score: np.ndarray
    curvature: np.ndarray


def node_moments(rows: Rows, at: Predictors, rule: Rule, start: np.ndarray) -> Moments:
    """Return everything at the nodes for one parameter value."""
    line = rows.line(at)
    centres = place_nodes(rows, at, line=line, start=start, tolerance=TIGHT)
    found = node_values(line, centres, rule)
    terms, integrals = found.terms[:, :, 0], found.log_integrals()[:, 0]
    v = centres.mode + centres.scale * rule.nodes
    eta = at.eta + at.slope * rows.groups.spread(v)
    return Moments(
        value=float(rows.groups.counts @ integrals),
        integrals=integrals,
        shares=np.exp(terms - _log_sum(terms)).T,
        score=rows.kernel.derivatives(eta, at.auxiliary)[0],
        curvature=rows.kernel.curvature(eta, at.auxiliary),
    )


def end_slopes(rows: Rows, at: Predictors, integrals: np.ndarray) -> np.ndarray:
    """Return the derivative of the log likelihood by each row's predictor that moves an end.

    The integral from l to h has, beside the integral of the derivative, g(h) dh - g(l) dl, and
    the row that sets an end moves it by -1 / slope.

    Parameters
    ----------
    rows : Rows
    at : Predictors
        At one value.
    integrals : ndarray, shape (group,)
        Of `node_moments`.
    """
    found = np.zeros(len(at.eta))
    if rows.support is None:
        return found
    line = rows.line(at)
    low, high = possible_range(rows, at)
    width = high.at - low.at
    for sign, ends in ((-1.0, low), (1.0, high)):
        logs = integrand(line, ends.at - sign * _INSIDE * width)[:, 0] - HALF_LOG_2PI
        density = np.where(np.abs(ends.at[:, 0]) < FARTHEST, np.exp(logs - integrals), 0.0)
        row = ends.row[:, 0]
        found[row] -= sign * rows.groups.counts * density / at.slope[row, 0]
    return found
