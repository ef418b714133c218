"""Mixed-model equations of factors with sparse precisions, for any value of the covariances.

u_f = L_f v_f level by level, v_f ~ N(0, I (x) Q_f^-1) with Q_f the sparse precision between levels
(I for independent ones), so that nothing breaks at sd = 0 (Henderson 1984 has L = I):

C = sum_h tau_h Lam' Z' W_h Z Lam + diag(I (x) Q_f),  B = sum_h tau_h Lam' Z' W_h [X r]

Unknowns stand by factor, effect and level. The pattern of C never changes: its entries are
constants plus numbers times constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from poolish.design.arrays import GroupDesign
from poolish.engines.exact.layout import effect_columns
from poolish.engines.exact.population import Population
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.sparse_elimination import Elimination, plan_elimination
from poolish.engines.exact.sparse_pattern import Pattern, pattern_of
from poolish.relations.relation import Relation
from poolish.relations.triangle import triangular_root


@dataclass(frozen=True, slots=True)
class Place:
    """Where a factor's unknowns stand: effect a of level j at `start + a n_levels + j`."""

    start: int
    n_levels: int
    n_effects: int

    @property
    def stop(self) -> int:
        """Return the end of its half-open range."""
        return self.start + self.n_levels * self.n_effects

    def effect(self, a: int) -> slice:
        """Return the range of effect `a`."""
        return slice(self.start + a * self.n_levels, self.start + (a + 1) * self.n_levels)


@dataclass(frozen=True, slots=True)
class Term:
    """Entries of C that are tau_h L_f[a, i] L_g[b, j] times constants.

    Parameters
    ----------
    stratum : int
    left, right : tuple of int
        (f, a, i) and (g, b, j).
    positions : ndarray of int, shape (entry,)
        Each once.
    values : ndarray, shape (entry,)
    """

    stratum: int
    left: tuple[int, int, int]
    right: tuple[int, int, int]
    positions: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class MixedEquations:
    """The constants of C and B.

    Parameters
    ----------
    places : tuple of Place
    pattern : Pattern
        Of C; with an entry for each pair of effects of a level, data or not.
    elimination : Elimination
    fixed : ndarray, shape (entry,)
        diag(I (x) Q_f) on the pattern of C.
    terms : tuple of Term
    columns : tuple of ndarray, shape (stratum, effect, level, size)
        Z' W_h [X r] of each factor.
    total : ndarray, shape (stratum, size, size)
        [X r]' W_h [X r].
    transposed : tuple of tuple of sparse matrix, shape (level, obs)
        Z' of each factor and effect.
    whiteners : tuple of sparse matrix or None
        R_f with R_f' R_f = Q_f; None for I.
    log_determinant : float
        log|diag(I (x) Q_f)|.
    """

    places: tuple[Place, ...]
    pattern: Pattern
    elimination: Elimination
    fixed: np.ndarray
    terms: tuple[Term, ...]
    columns: tuple[np.ndarray, ...]
    total: np.ndarray
    transposed: tuple[tuple[Any, ...], ...]
    whiteners: tuple[Any, ...]
    log_determinant: float

    @property
    def n_unknowns(self) -> int:
        """Return the number of group effects."""
        return self.places[-1].stop

    def entries(self, roots: Sequence[np.ndarray], tau: np.ndarray) -> np.ndarray:
        """Return the entries of C at one value, roots of shape (effect, effect)."""
        data = self.fixed.copy()
        for term in self.terms:
            (f, a, i), (g, b, j) = term.left, term.right
            factor = tau[term.stratum] * roots[f][a, i] * roots[g][b, j]
            data[term.positions] += factor * term.values
        return data

    def right_side(self, roots: Sequence[np.ndarray], tau: np.ndarray) -> np.ndarray:
        """Return B at one value, shape (unknown, size)."""
        parts = []
        for columns, L in zip(self.columns, roots, strict=True):
            weighted = np.tensordot(tau, columns, axes=1)  # (effect, level, size)
            parts.append(np.tensordot(L.T, weighted, axes=1).reshape(-1, columns.shape[-1]))
        return np.concatenate(parts)

    def slopes(
        self, roots: Sequence[np.ndarray], tau: np.ndarray, of_C: np.ndarray, of_B: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Return derivatives by the roots and tau from those by the entries of C and by B."""
        by_root, by_tau = [np.zeros_like(L) for L in roots], np.zeros(len(tau))
        for term in self.terms:
            (f, a, i), (g, b, j) = term.left, term.right
            left, right, h = roots[f][a, i], roots[g][b, j], term.stratum
            slope = float(of_C[term.positions] @ term.values)
            by_root[f][a, i] += tau[h] * right * slope
            by_root[g][b, j] += tau[h] * left * slope
            by_tau[h] += left * right * slope
        for f, (place, columns) in enumerate(zip(self.places, self.columns, strict=True)):
            own = of_B[place.start : place.stop].reshape(place.n_effects, place.n_levels, -1)
            products = np.tensordot(columns, own, axes=((2, 3), (1, 2)))  # (stratum, a, i)
            by_root[f] += np.tril(np.tensordot(tau, products, axes=1))
            by_tau += np.tensordot(products, roots[f], axes=2)
        return by_root, by_tau

    def prior_noise(self, z: np.ndarray) -> np.ndarray:
        """Return draws of N(0, diag(I (x) Q)) from standard normals, shape (unknown, draw)."""
        x = z.copy()
        for place, whitener in zip(self.places, self.whiteners, strict=True):
            if whitener is not None:
                for a in range(place.n_effects):
                    x[place.effect(a)] = whitener.T @ z[place.effect(a)]
        return x

    def row_noise(self, roots: Sequence[np.ndarray], e: np.ndarray) -> np.ndarray:
        """Return Lam' Z' e, shape (unknown, draw), for e of shape (obs, draw)."""
        parts = []
        for columns, L in zip(self.transposed, roots, strict=True):
            by_level = np.array([column @ e for column in columns])  # (effect, level, draw)
            parts.append(np.tensordot(L.T, by_level, axes=1).reshape(-1, e.shape[1]))
        return np.concatenate(parts)

    def effects(self, v: np.ndarray, roots: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """Return the effects by factor, shape (draw, level, effect), for v (unknown, draw)."""
        found = {}
        for f, (place, L) in enumerate(zip(self.places, roots, strict=True)):
            own = v[place.start : place.stop].reshape(place.n_effects, place.n_levels, -1)
            found[f] = np.einsum("ai,ijd->dja", L, own)
        return found


def build_equations(
    groups: Sequence[GroupDesign], residual: Residual, population: Population
) -> MixedEquations:
    """Return the equations of a predictor's groups."""
    places = _places(groups)
    size = places[-1].stop
    fixed = sparse.block_diag(
        [_precision(group) for group in groups for _ in group.effects], format="coo"
    )
    found = list(_products(groups, residual))
    rows = [_offset(places, *left[::2]) + block.row for _, left, _, block in found]
    columns = [_offset(places, *right[::2]) + block.col for _, _, right, block in found]
    within = [_within(place) for place in places]
    pattern = pattern_of(
        np.concatenate([fixed.row, *rows, *(row for row, _ in within)]),
        np.concatenate([fixed.col, *columns, *(column for _, column in within)]),
        size,
    )
    terms = tuple(
        Term(stratum, left, right, pattern.find(row, column), block.data)
        for (stratum, left, right, block), row, column in zip(found, rows, columns, strict=True)
    )
    data = np.zeros(len(pattern.indices))
    data[pattern.find(fixed.row, fixed.col)] = fixed.data
    by_column, total = _against_columns(groups, residual, population)
    return MixedEquations(
        places=places,
        pattern=pattern,
        elimination=plan_elimination(pattern, _dominant(pattern)),
        fixed=data,
        terms=terms,
        columns=by_column,
        total=total,
        transposed=tuple(
            tuple(column.T.tocsr() for column in effect_columns(group)) for group in groups
        ),
        whiteners=tuple(
            None if group.relation is None else triangular_root(group.relation).whitener
            for group in groups
        ),
        log_determinant=float(sum(g.n_effects * _log_precision(g.relation) for g in groups)),
    )


def with_columns(
    equations: MixedEquations,
    groups: Sequence[GroupDesign],
    residual: Residual,
    population: Population,
) -> MixedEquations:
    """Return the equations of another population part: C is kept."""
    columns, total = _against_columns(groups, residual, population)
    return replace(equations, columns=columns, total=total)


def _against_columns(
    groups: Sequence[GroupDesign], residual: Residual, population: Population
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return Z' W_h [X r] by factor, and [X r]' W_h [X r]."""
    R = np.column_stack([population.X, population.residual])
    masks = [residual.where(h) for h in range(residual.n_strata)]
    by_factor = tuple(
        np.array([[c.T @ R for c in effect_columns(group, mask)] for mask in masks])
        for group in groups
    )
    return by_factor, np.array([R.T @ (mask[:, None] * R) for mask in masks])


def _places(groups: Sequence[GroupDesign]) -> tuple[Place, ...]:
    places: list[Place] = []
    for group in groups:
        start = places[-1].stop if places else 0
        places.append(Place(start, group.n_levels, group.n_effects))
    return tuple(places)


def _within(place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the entries between the effects of each level."""
    effects = np.arange(place.n_effects)
    a, b, level = np.meshgrid(effects, effects, np.arange(place.n_levels), indexing="ij")
    rows, columns = (place.start + effect * place.n_levels + level for effect in (a, b))
    return rows.ravel(), columns.ravel()


def _offset(places: Sequence[Place], factor: int, effect: int) -> int:
    return places[factor].start + effect * places[factor].n_levels


def _precision(group: GroupDesign) -> sparse.spmatrix:
    return sparse.identity(group.n_levels) if group.relation is None else group.relation.precision


type Product = tuple[int, tuple[int, int, int], tuple[int, int, int], sparse.coo_matrix]


def _products(groups: Sequence[GroupDesign], residual: Residual) -> Iterator[Product]:
    """Yield Z_fa' W_h Z_gb with each pair (i, j) of effects it adds to."""
    for h in range(residual.n_strata):
        weighted = [effect_columns(group, residual.where(h)) for group in groups]
        plain = [effect_columns(group) for group in groups]
        for f, left in enumerate(weighted):
            for g, right in enumerate(plain):
                for a, Za in enumerate(left):
                    for b, Zb in enumerate(right):
                        block = (Za.T @ Zb).tocoo()
                        yield from (
                            (h, (f, a, i), (g, b, j), block)
                            for i in range(a + 1)
                            for j in range(b + 1)
                        )


def _dominant(pattern: Pattern) -> np.ndarray:
    """Return entries of a positive definite matrix: the order of elimination is found on it."""
    data = np.full(len(pattern.indices), -1.0)
    diagonal = np.arange(pattern.size)
    data[pattern.find(diagonal, diagonal)] = np.diff(pattern.indptr) + 1.0
    return data


def _log_precision(relation: Relation | None) -> float:
    if relation is None:
        return 0.0
    assert relation.log_determinant is not None
    return -relation.log_determinant
