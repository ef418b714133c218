"""Which structure of the marginal likelihood suits a Gaussian model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import PredictorDesign
from poolish.engines.exact.blocked import Blocked, build_blocked
from poolish.engines.exact.dense import Dense, build_dense
from poolish.engines.exact.fill_in import fill_in_operations
from poolish.engines.exact.layout import build_layout
from poolish.engines.exact.population import Population
from poolish.engines.exact.precision import Precision, build_precision, precision_obstacle
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.spectral import Spectral, build_spectral, spectral_obstacle

type Structure = Blocked | Spectral | Precision | Dense

# A dense Cholesky of this order takes a third of a second; one fit needs about a thousand.
MAX_PLACED = 3_000
# A sparse factor that takes this many times fewer multiplications than the dense one is faster,
# where the dense one takes milliseconds.
SPARSE_ADVANTAGE, MIN_PLACED = 100.0, 300
# An eigendecomposition of this order takes some minutes, once; a Cholesky factor of the other
# 0.2 s, about a thousand times.
MAX_SPECTRAL, MAX_DENSE = 12_000, 3_000
# Up to this many levels a sparse precision is inverted and diagonalised in a second.
MAX_INVERTED = 1_500
# A dense factor of so many rows takes two or three milliseconds, a sparse one of their levels as
# much in calls alone; a draw takes another of these, where the dense one is at hand.
MAX_SMALL = 600


def build_structure(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
) -> Structure:
    """Return the marginal likelihood of a predictor in the structure that is fastest for it.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """
    build = _BUILDERS[structure_kind(predictor, residual)]
    return build(predictor, residual, population, integrates_b=integrates_b)


def structure_kind(predictor: PredictorDesign, residual: Residual) -> type[Structure]:
    """Return the structure that is fastest for a predictor.

    Independent levels are blocked, or sparse where very many are nested. One known covariance,
    unless it is large and its inverse sparse, is diagonalised where its levels are alike. Several
    are dense while the rows are few; beyond, sparse precisions keep their sparsity.
    """
    if not _known(predictor):
        return Precision if _is_sparse(predictor) else Blocked
    is_sparse = precision_obstacle(predictor) is None
    is_small = _n_levels(predictor) <= MAX_INVERTED
    if (is_small or not is_sparse) and spectral_obstacle(predictor, residual) is None:
        return Spectral
    if not is_sparse or (is_small and _n_reduced_rows(predictor, residual) <= MAX_SMALL):
        return Dense
    return Precision


_BUILDERS: dict[type[Structure], Callable[..., Structure]] = {
    Blocked: build_blocked,
    Spectral: build_spectral,
    Precision: build_precision,
    Dense: build_dense,
}


def _is_sparse(predictor: PredictorDesign) -> bool:
    """Return whether independent levels are best the unknowns of one sparse factor."""
    n_placed = build_layout(predictor.groups, 0).n_placed
    if not MIN_PLACED < n_placed <= MAX_PLACED:
        return n_placed > MAX_PLACED
    return SPARSE_ADVANTAGE * fill_in_operations(predictor.groups) < n_placed**3 / 3


def structure_obstacle(predictor: PredictorDesign, residual: Residual) -> str | None:
    """Return why known covariances are out of reach, in one clause; None when they are not."""
    if not _known(predictor) or precision_obstacle(predictor) is None:
        return None
    largest = _n_levels(predictor)
    if largest > MAX_SPECTRAL:
        return f"a known covariance of {largest} levels, more than {MAX_SPECTRAL}"
    if spectral_obstacle(predictor, residual) is None:
        return None
    n_rows = _n_reduced_rows(predictor, residual)
    if n_rows > MAX_DENSE:
        return f"known covariances over {n_rows} distinct rows, more than {MAX_DENSE}"
    return None


def _known(predictor: PredictorDesign) -> list[int]:
    return [f for f, group in enumerate(predictor.groups) if group.relation is not None]


def _n_levels(predictor: PredictorDesign) -> int:
    """Return the levels of the largest known covariance."""
    return max(predictor.groups[f].n_levels for f in _known(predictor))


def _n_reduced_rows(predictor: PredictorDesign, residual: Residual) -> int:
    """Return how many rows are left at most: no more a cell than there are effects."""
    keys = np.column_stack([residual.strata, *(group.codes for group in predictor.groups)])
    _, counts = np.unique(keys, axis=0, return_counts=True)
    n_effects = sum(group.n_effects for group in predictor.groups)
    return int(np.minimum(counts, n_effects).sum())
