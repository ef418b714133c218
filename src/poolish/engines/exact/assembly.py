"""From the covariances to the dense matrix that is factored; see `blocked` for the equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from poolish.engines.exact.cross_products import CrossProducts
from poolish.engines.exact.layout import Layout, Placed
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.pair_map import Cells, PairMap
from poolish.engines.exact.population import Population
from poolish.engines.exact.reduction import reduce_groups
from poolish.engines.exact.roots import stack

# Elements of one array that stay in the processor's cache.
CACHE_ELEMENTS = 32_768


@dataclass(frozen=True, slots=True)
class Blocks:
    """Everything the dense matrix is made of."""

    layout: Layout
    population: Population
    sums: CrossProducts
    cells: Cells
    pairs: PairMap


def reduced_matrix(blocks: Blocks, at: Covariances) -> tuple[np.ndarray, np.ndarray]:
    """Return R, shape (value, size, size), and sum_j log|A_j|, shape (value,).

    Only the lower triangles of R are right.
    """
    R = stack(at.n_values, blocks.layout.size)
    np.einsum("hij,hv->vij", blocks.sums.total, at.precision, out=R)
    log_det = np.zeros(at.n_values)
    if blocks.layout.eliminated is None:
        return R, log_det
    parts = []
    for classes, cells in _class_blocks(blocks, at.n_values):
        G, log_A = _eliminate(blocks, at, classes, cells)
        parts.append(blocks.pairs.subtracted(G, cells))
        log_det += blocks.cells.n_members[classes] @ log_A
    blocks.pairs.subtract_from(R, reduce(np.add, parts))
    return R, log_det


def whiten(blocks: Blocks, at: Covariances, R: np.ndarray) -> np.ndarray:
    """Return S = Lam' R Lam + diag(I, P0, 0) with the prior's pull, written over R."""
    layout, population = blocks.layout, blocks.population
    if layout.is_mixing:
        R += np.swapaxes(np.tril(R, -1), 1, 2) - np.triu(R, 1)
    for item in layout.placed:
        scale_rows(R, item, at.roots[item.factor])
        scale_rows(np.swapaxes(R, 1, 2), item, at.roots[item.factor])
    ones = np.arange(layout.n_placed)
    R[:, ones, ones] += 1.0
    free = slice(layout.n_placed, layout.n_unknowns)
    R[:, free, free] += population.precision
    R[:, -1, free] += population.pull
    R[:, -1, -1] += population.pull_norm
    return R


def scale_rows(R: np.ndarray, item: Placed, L: np.ndarray) -> None:
    """Multiply the rows of one placed factor by L' in place, R (value, size, any)."""
    rows = slice(item.start, item.stop)
    if item.n_effects == 1:
        R[:, rows] *= L[0, 0][:, None, None]
        return
    n_values, _, n_columns = R.shape
    by_effect = R[:, rows].reshape(n_values, item.n_effects, item.n_levels, n_columns)
    R[:, rows] = np.einsum("aiv,vajn->vijn", L, by_effect).reshape(n_values, -1, n_columns)


def _eliminate(
    blocks: Blocks, at: Covariances, classes: slice, cells: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return t G by pair, cell and value, and log|A| by class and value."""
    assert blocks.layout.eliminated is not None
    K = np.tensordot(blocks.cells.K[:, :, classes], at.precision, axes=(0, 0))
    G, log_A = reduce_groups(K, at.roots[blocks.layout.eliminated])
    if len(at.precision) == 1 and cells.stop - cells.start == classes.stop - classes.start:
        G *= at.precision[0] ** 2  # one cell a class
        return G, log_A
    product = at.precision[blocks.cells.first[cells]] * at.precision[blocks.cells.second[cells]]
    G = G[:, blocks.cells.of_class[cells] - classes.start]
    G *= product
    return G, log_A


def _class_blocks(blocks: Blocks, n_values: int) -> Iterator[tuple[slice, slice]]:
    """Yield ranges of classes, small enough for the cache, with their ranges of cells."""
    n_classes = blocks.cells.n_classes
    step = n_classes
    if blocks.pairs.is_dense:
        step = max(64, CACHE_ELEMENTS // n_values)
    for start in range(0, n_classes, step):
        stop = min(start + step, n_classes)
        first, last = np.searchsorted(blocks.cells.of_class, (start, stop))
        yield slice(start, stop), slice(int(first), int(last))
