"""A model ready for quadrature: the joint log density of theta and w, and its inner derivatives.

The effects of the term with most levels are integrated out; see `integral`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.quadrature.groups import Groups, sort_groups
from poolish.engines.quadrature.integral import (
    NodeValues,
    Rule,
    end_slopes,
    make_rule,
    node_moments,
    node_values,
)
from poolish.engines.quadrature.kernels import Kernel, Outcome, build_kernel, find_support
from poolish.engines.quadrature.lines import Line
from poolish.engines.quadrature.parameters import (
    Inner,
    Natural,
    Outer,
    build_inner,
    build_outer,
)
from poolish.engines.quadrature.placement import LOOSE, TIGHT, place_nodes
from poolish.engines.quadrature.rows import Predictors, Rows, chunks, find_common_z
from poolish.engines.quadrature.terms import Terms, build_terms, placed_columns
from poolish.spec.family import Family
from poolish.spec.links import Link
from poolish.spec.model import ModelSpec

# Beyond this log standard deviations and coefficients in w are outside double precision's reach.
FARTHEST = 60.0
# By how much a predictor moves in differences of slopes.
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Data:
    """Rows and columns of the likelihood.

    Parameters
    ----------
    columns : ndarray, shape (row, column)
        What beta multiplies: working coefficients, then placed effects.
    offset : ndarray, shape (row,)
    z : ndarray, shape (row,)
        What the integrated effect multiplies.
    rows : Rows
    """

    columns: np.ndarray
    offset: np.ndarray
    z: np.ndarray
    rows: Rows

    def predictors(self, beta: np.ndarray, sd: np.ndarray, auxiliary: np.ndarray) -> Predictors:
        """Return linear predictors at beta, shape (column, value)."""
        eta = self.columns @ beta
        eta += self.offset[:, None]
        return Predictors(eta, self.z, sd, auxiliary)


@dataclass(frozen=True, slots=True)
class InnerShape:
    """The joint log density at one (theta, w), with its derivatives by w, priors smoothed.

    Parameters
    ----------
    value : float
    slope : ndarray, shape (inner,)
    precision : ndarray, shape (inner, inner)
        Minus the second derivatives.
    """

    value: float
    slope: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What is found at a few values of theta and w.

    Parameters
    ----------
    natural : Natural
    beta : ndarray, shape (column, value)
        Working coefficients, then effects of the terms that are not integrated.
    line : Line
        The log density of the merged groups along their effects.
    nodes : NodeValues
    log_likelihood, log_density : ndarray, shape (value,)
        log p(y | theta, w), the integrated effects left out, and that with the priors.
    """

    natural: Natural
    beta: np.ndarray
    line: Line
    nodes: NodeValues
    log_likelihood: np.ndarray
    log_density: np.ndarray


@dataclass(frozen=True, slots=True)
class Problem:
    """The joint log density of theta and w.

    Parameters
    ----------
    terms : Terms
    outer : Outer
    inner : Inner
    merged : Data
        Groups with the same rows taken once: for the likelihood.
    full : Data
        Every row: for drawing the effects.
    classes : ndarray of int, shape (group,)
        The merged group of each group of `full`.
    levels : ndarray of int, shape (group,)
        The level of each group of `full`.
    rule : Rule
    centres : ndarray, shape (merged group,)
        Where the search for the mode of each group's effect begins.
    """

    terms: Terms
    outer: Outer
    inner: Inner
    merged: Data
    full: Data
    classes: np.ndarray
    levels: np.ndarray
    rule: Rule
    centres: np.ndarray

    @property
    def n_integrated_levels(self) -> int:
        """Return the number of levels of the integrated term, 0 without one."""
        integrated = self.terms.integrated
        return 0 if integrated is None else self.terms.all[integrated].n_levels

    def with_nodes(self, n_nodes: int) -> Problem:
        """Return the same problem with another number of nodes."""
        return replace(self, rule=make_rule(self.merged.rows, n_nodes))

    def centred_at(self, theta: np.ndarray, w: np.ndarray) -> Problem:
        """Return the same problem, its searches beginning where they end at theta and w."""
        natural = self.outer.natural(theta[None])
        linear = self.inner.linear(w[None], natural.sds)
        with np.errstate(all="ignore"):
            at, rows = self.predictors(self.merged, natural, linear.beta), self.merged.rows
            found = place_nodes(rows, at, line=rows.line(at), start=self.centres, tolerance=TIGHT)
        return replace(self, centres=found.mode[:, 0])

    def at_resolution(self, theta: np.ndarray, w: np.ndarray) -> Problem:
        """Return the same problem, its standard deviations on scales that suit the data.

        J effects with information i each show their variance with a standard error of
        sqrt(2 / J) / i; half the root of that is the resolution, as in the exact engine.
        """
        natural = self.outer.natural(theta[None])
        linear = self.inner.linear(w[None], natural.sds)
        rows = self.full.rows
        with np.errstate(all="ignore"):
            at = self.predictors(self.full, natural, linear.beta)
            information = rows.kernel.derivatives(at.eta, at.auxiliary)[1][:, 0]
        information = np.nan_to_num(information)
        picked, found = rows.groups.rows, []
        for term in self.terms.all:
            of_level = max(float(information @ term.z[picked] ** 2) / term.n_levels, 1e-300)
            found.append(0.5 / np.sqrt(of_level) * (2.0 / term.n_levels) ** 0.25)
        return replace(self, outer=self.outer.at_resolution(np.array(found)))

    def log_density(self, theta: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the joint log density, shape (value,), of theta and w, one row per value."""
        parts = [found.log_density for _, found in self.evaluations(theta, w)]
        return np.concatenate([np.zeros(0), *parts])

    def evaluations(self, theta: np.ndarray, w: np.ndarray) -> Iterator[tuple[slice, Evaluated]]:
        """Yield parts of the values and what is found there."""
        for part in chunks(len(self.merged.offset), len(theta)):
            yield part, self.evaluate(theta[part], w[part])

    def evaluate(self, theta: np.ndarray, w: np.ndarray) -> Evaluated:
        """Return what is found at a few values of theta and w, one row per value."""
        is_near = (np.abs(theta) < FARTHEST).all(axis=1)
        natural = self.outer.natural(np.where(is_near[:, None], theta, 0.0))
        linear = self.inner.linear(w, natural.sds)
        rows = self.merged.rows
        with np.errstate(all="ignore"):
            at = self.predictors(self.merged, natural, linear.beta)
            line = rows.line(at)
            centres = place_nodes(rows, at, line=line, start=self.centres, tolerance=LOOSE)
            nodes = node_values(line, centres, self.rule)
            log_likelihood = rows.groups.counts @ nodes.log_integrals()
            log_likelihood += log_constant(rows, natural.auxiliary)
            log_density = log_likelihood + natural.log_prior + linear.log_prior
        log_density = np.where(np.isfinite(log_density) & is_near, log_density, -np.inf)
        return Evaluated(natural, linear.beta, line, nodes, log_likelihood, log_density)

    def predictors(self, data: Data, natural: Natural, beta: np.ndarray) -> Predictors:
        """Return linear predictors of some rows."""
        integrated = self.terms.integrated
        sd = np.zeros(beta.shape[1]) if integrated is None else natural.sds[integrated]
        return data.predictors(beta, sd, natural.auxiliary)

    def inner_shape(self, theta: np.ndarray, w: np.ndarray) -> InnerShape:
        """Return value and derivatives by w at one theta, shape (parameter,), and one w.

        Notes
        -----
        With p_jk the posterior probability of node k in group j, r the score and c the curvature
        of a row, D the derivatives of its predictor by w, and a_jk = sum_i D_i r_ik:
        slope = sum_j sum_k p_jk a_jk, and (Louis 1982, J. Royal Statistical Society B 44(2),
        226-233, equation 3.2) precision = sum_jk p_jk sum_i D_i c_ik D_i' - sum_j Var_p(a_jk).
        Where the integrals have ends, which move with w, precision is by differences of the slope.
        """
        found = self._smooth_shape(theta, w)
        if self.merged.rows.support is None:
            return found
        reach = np.abs(self.merged.columns[:, self.inner.is_free]).max(axis=0)
        steps = np.diag(_STEP / np.maximum(reach, _STEP))
        around = np.array(
            [
                (
                    self._smooth_shape(theta, w + step).slope,
                    self._smooth_shape(theta, w - step).slope,
                )
                for step in steps
            ]
        ).reshape(len(w), 2, len(w))
        rise = (around[:, 1] - around[:, 0]) / (2.0 * np.diag(steps)[:, None])
        return replace(found, precision=0.5 * (rise + rise.T))

    def _smooth_shape(self, theta: np.ndarray, w: np.ndarray) -> InnerShape:
        """Return value, slope, and the precision that is right where the integrals have no ends."""
        natural = self.outer.natural(theta[None])
        inner = self.inner.smoothed()
        linear = inner.linear(w[None], natural.sds)
        slopes = inner.slopes(w, natural.sds[:, 0])
        data, groups = self.merged, self.merged.rows.groups
        with np.errstate(all="ignore"):
            at = self.predictors(data, natural, linear.beta)
            found = node_moments(data.rows, at, self.rule, self.centres)
            constant = log_constant(data.rows, natural.auxiliary)[0]
            ends = end_slopes(data.rows, at, found.integrals)
        D = data.columns[:, inner.is_free]
        shares, weight = groups.spread(found.shares), groups.row_counts
        curvature = weight * np.einsum("ik,ik->i", shares, np.nan_to_num(found.curvature))
        score = weight * np.einsum("ik,ik->i", shares, np.nan_to_num(found.score))
        by_beta = D.T @ (score + ends)
        spread = _between_nodes(groups, D, np.nan_to_num(found.score), found.shares)
        precision = (D.T @ (curvature[:, None] * D) - spread) * np.outer(slopes.beta, slopes.beta)
        diagonal = by_beta * slopes.beta_second + slopes.log_prior_second
        return InnerShape(
            value=found.value + constant + float(natural.log_prior[0] + linear.log_prior[0]),
            slope=by_beta * slopes.beta + slopes.log_prior,
            precision=precision - np.diag(diagonal),
        )


def _between_nodes(
    groups: Groups, D: np.ndarray, score: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Return sum_j Var_p(a_jk), a_jk = sum_i D_i r_ik."""
    total = np.zeros((D.shape[1], D.shape[1]))
    mean = np.zeros((groups.n_groups, D.shape[1]))
    for k in range(shares.shape[1]):
        a = groups.add(D * score[:, k, None])
        share = shares[:, k, None]
        total += a.T @ (groups.counts[:, None] * share * a)
        mean += share * a
    return total - mean.T @ (groups.counts[:, None] * mean)


def log_constant(rows: Rows, auxiliary: np.ndarray) -> np.ndarray:
    """Return the part of the log likelihood that depends on no predictor, shape (value,)."""
    return rows.groups.row_counts @ rows.kernel.constant(auxiliary)


def build_problem(spec: ModelSpec, design: Design, *, n_nodes: int) -> Problem:
    """Return a model within reach, ready to be evaluated."""
    main = design.main
    terms = build_terms(main)
    family, link = spec.family, spec.main.link
    support = None if terms.integrated is None else find_support(family.main, link)
    inner = build_inner(spec.main, main.X.mean(axis=0), terms)
    columns = np.concatenate([main.X @ inner.to_typed, placed_columns(terms, design.n_obs)], axis=1)
    if terms.integrated is None:
        levels, z = np.zeros(design.n_obs, dtype=int), np.zeros(design.n_obs)
    else:
        term = terms.all[terms.integrated]
        levels, z = term.codes, term.z
    outcome = _outcome(design)
    content = np.column_stack(
        [columns, main.offset, z, outcome.y, outcome.trials, outcome.rate, outcome.weights]
    )
    groups = sort_groups(levels, content)

    def data(groups: Groups) -> Data:
        picked = groups.rows
        kernel, own_z = _kernel(family, link, outcome, picked), z[picked]
        rows = Rows(groups, kernel, find_common_z(groups, kernel, own_z), support)
        return Data(columns[picked], main.offset[picked], own_z, rows)

    merged = data(groups.merged)
    return Problem(
        terms=terms,
        outer=build_outer(spec, terms),
        inner=inner,
        merged=merged,
        full=merged if groups.full is groups.merged else data(groups.full),
        classes=groups.classes,
        levels=groups.levels,
        rule=make_rule(merged.rows, n_nodes),
        centres=np.zeros(groups.merged.n_groups),
    )


def _outcome(design: Design) -> Outcome:
    response = design.response

    def column(values: np.ndarray | None) -> np.ndarray:
        filled = np.ones(design.n_obs) if values is None else values
        return np.asarray(filled, dtype=float)[:, None]

    return Outcome(
        y=column(response.y),
        trials=column(response.trials),
        rate=column(response.rate),
        weights=column(response.weights),
    )


def _kernel(family: Family, link: Link, outcome: Outcome, rows: np.ndarray) -> Kernel:
    picked = Outcome(
        outcome.y[rows], outcome.trials[rows], outcome.rate[rows], outcome.weights[rows]
    )
    return build_kernel(family, link, picked)
