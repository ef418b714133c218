"""Which structure of the marginal likelihood suits a Gaussian model."""

from __future__ import annotations

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


def build_structure(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
) -> Structure:
    """Return the marginal likelihood of a predictor in the structure that is fastest for it.

    Independent levels are blocked, or sparse where very many are nested; one known covariance,
    unless it is large and its inverse sparse, is diagonalised where its levels are alike; sparse
    precisions keep their sparsity; everything else is dense.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """
    sparse = is_sparse(predictor)
    if not _known(predictor):
        build = build_precision if sparse else build_blocked
        return build(predictor, residual, population, integrates_b=integrates_b)
    is_small = _n_levels(predictor) <= MAX_INVERTED or not sparse
    if is_small and spectral_obstacle(predictor, residual) is None:
        return build_spectral(predictor, residual, population, integrates_b=integrates_b)
    if sparse:
        return build_precision(predictor, residual, population, integrates_b=integrates_b)
    return build_dense(predictor, residual, population, integrates_b=integrates_b)


def is_sparse(predictor: PredictorDesign) -> bool:
    """Return whether the effects of all levels are unknowns of one sparse factor."""
    if _known(predictor):
        return precision_obstacle(predictor) is None
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
    keys = np.column_stack([residual.strata, *(group.codes for group in predictor.groups)])
    n_rows = _rows_after_reduction(keys, sum(group.n_effects for group in predictor.groups))
    if n_rows > MAX_DENSE:
        return f"known covariances over {n_rows} distinct rows, more than {MAX_DENSE}"
    return None


def _known(predictor: PredictorDesign) -> list[int]:
    return [f for f, group in enumerate(predictor.groups) if group.relation is not None]


def _n_levels(predictor: PredictorDesign) -> int:
    """Return the levels of the largest known covariance."""
    return max(predictor.groups[f].n_levels for f in _known(predictor))


def _rows_after_reduction(keys: np.ndarray, n_effects: int) -> int:
    """Return how many rows are left at most: no more a cell than there are effects."""
    _, counts = np.unique(keys, axis=0, return_counts=True)
    return int(np.minimum(counts, n_effects).sum())
