"""Effects of units that were not fitted, given those that were: a known covariance extended.

u_new | u ~ N(B u, C (x) S), B = K_new,fitted K^-1 and C = K_new - B K_fitted,new, or, in terms of
a precision Q between all units, B = -Q_new^-1 Q_new,fitted and C = Q_new^-1 (Rue & Held 2005,
Gaussian Markov Random Fields, theorem 2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from poolish.errors import RelationError, UnknownNameError
from poolish.predict.effects import GroupRows, population_factor
from poolish.relations import Relation, as_relations, dense_covariance
from poolish.relations.relation import listed, missing_labels, positions
from poolish.spec.model import ModelSpec

# Two relations of the same units are the same to this share of their largest entry.
SAME_TOLERANCE = 1e-6
# Eigenvalues below this share of the largest count as zero: twins and clones.
RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Extension:
    """Known covariances between fitted and new units, and the seed of the new ones' effects.

    Parameters
    ----------
    relations : Mapping of str to Relation
        By the name used in the formula.
    seed : int
    """

    relations: Mapping[str, Relation] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Relatives:
    """How the effects of new units follow from those of the fitted ones.

    Parameters
    ----------
    regression : ndarray, shape (new, used)
        B, of the fitted units it is not zero for.
    used : ndarray of int, shape (used,)
        Their positions among the fitted levels.
    root : ndarray, shape (new, any)
        R with R R' = C.
    """

    regression: np.ndarray
    used: np.ndarray
    root: np.ndarray

    def draw(self, r: np.ndarray, rows: GroupRows, rng: np.random.Generator) -> np.ndarray:
        """Return draws of the new units' effects, shape (sample, new, effect).

        Parameters
        ----------
        r : ndarray, shape (sample, used, effect)
            Draws of the fitted units' effects.
        rows : GroupRows
            With the sds and correlations of the effects.
        rng : numpy.random.Generator
        """
        factor = population_factor(rows, slice(None))
        z = rng.standard_normal((len(r), self.root.shape[1], factor.shape[1]))
        spread = np.matmul(self.root, z) @ np.swapaxes(factor, 1, 2)
        return np.asarray(np.matmul(self.regression, r) + spread)


def parse_relations(spec: ModelSpec, relations: Mapping[str, object] | None) -> dict[str, Relation]:
    """Return the extended known covariances by name.

    Raises
    ------
    UnknownNameError
        If the model has no relation of a name.
    RelationError
        If one is not a valid relation.
    """
    names = {group.relation for p in spec.predictors.values() for group in p.groups}
    known = tuple(sorted(name for name in names if name is not None))
    given = as_relations(relations)
    for name in given:
        if name not in known:
            raise UnknownNameError(
                f"`{name}` is not a known covariance of this model",
                given=f"relations: {', '.join(given)}",
                expected=f"one of {', '.join(known)}" if known else "none: the model has none",
                fix="name it as in the formula's `kin(id, K)` or `gr(id, cov=K)`",
            )
    return given


def relate(fitted: Relation, extended: Relation, new: Sequence[str], *, name: str) -> Relatives:
    """Return how new units' effects follow from those of the fitted ones.

    Parameters
    ----------
    fitted : Relation
    extended : Relation
        Of the fitted units and the new ones, in any order.
    new : sequence of str
    name : str
        What the formula calls the relation.

    Raises
    ------
    RelationError
        If the extended relation lacks a unit, or says something else of the fitted ones.
    """
    absent = missing_labels(extended, fitted.labels)
    if absent:
        raise RelationError(
            f"the extended relation `{name}` lacks {len(absent)} of the units that were fitted",
            given=f"no {listed(absent)}",
            expected=f"the {fitted.n_units} labels of the fit and those of the new units",
            fix=f"compute `{name}` of all units together",
        )
    old, wanted = positions(extended, fitted.labels), positions(extended, new, name=name)
    is_sparse = extended.precision is not None and fitted.precision is not None
    by = _by_precision if is_sparse else _by_covariance
    regression, root, gap = by(fitted, extended, old, wanted)
    if gap > SAME_TOLERANCE:
        raise RelationError(
            f"the extended relation `{name}` is not that of the fit between the fitted units",
            given=f"entries that differ by {gap:.2g} of the largest",
            expected="the same covariance between the units that were fitted",
            fix=f"extend `{name}` without changing it between the fitted units. A genomic one "
            "depends on who is in it: compute that of all units and fit with it, since units "
            "without records get effects too",
        )
    used = np.flatnonzero(np.abs(regression).max(axis=0, initial=0.0) > 0)
    return Relatives(regression[:, used], used, root)


type _Found = tuple[np.ndarray, np.ndarray, float]


def _by_covariance(
    fitted: Relation, extended: Relation, old: np.ndarray, new: np.ndarray
) -> _Found:
    K, between = dense_covariance(extended), dense_covariance(fitted)
    within = K[np.ix_(old, old)]
    gap = float(np.abs(within - between).max() / np.abs(between).max())
    values, vectors = linalg.eigh(between)
    kept = values > RANK_TOLERANCE * values[-1]
    across = K[np.ix_(new, old)] @ vectors[:, kept]
    regression = across / values[kept] @ vectors[:, kept].T
    remaining = K[np.ix_(new, new)] - across / values[kept] @ across.T
    return regression, _root(remaining), gap


def _by_precision(fitted: Relation, extended: Relation, old: np.ndarray, new: np.ndarray) -> _Found:
    Q = sparse.csr_matrix(extended.precision)
    others = np.setdiff1d(np.arange(extended.n_units), old)
    across = Q[others][:, old]
    touched = np.flatnonzero(np.diff(across.tocsc().indptr))
    solve: Callable[[np.ndarray], np.ndarray] = splu(Q[others][:, others].tocsc()).solve
    part = solve(across[:, touched].toarray())
    # What is left of Q when the new units are integrated out must be the fitted precision.
    left = Q[old][:, old].tolil()
    left[np.ix_(touched, touched)] -= across[:, touched].T @ part
    gap = float(np.abs(left.tocsr() - fitted.precision).max() / np.abs(fitted.precision).max())
    place = np.searchsorted(others, new)
    regression = np.zeros((len(new), fitted.n_units))
    regression[:, touched] = -part[place]
    units = np.zeros((len(others), len(new)))
    units[place, np.arange(len(new))] = 1.0
    return regression, _root(solve(units)[place]), gap


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return R with R R' = matrix, negative rounding errors of a singular one set to 0."""
    values, vectors = linalg.eigh(0.5 * (matrix + matrix.T))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
