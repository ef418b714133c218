"""How much work the sparse factor of independent levels takes: nothing fills in where they nest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from poolish.design.arrays import GroupDesign
from poolish.engines.exact.layout import build_layout

# Entries of the Schur complement before equal ones are added up: 12 bytes each.
MAX_PRODUCTS = 100_000_000


def fill_in_operations(groups: Sequence[GroupDesign]) -> float:
    """Return a bound of the multiplications that one sparse factor of the levels takes.

    The factor with most levels is eliminated first; what it leaves of the others is factored
    within its envelope, in the order of Cuthill & McKee: row i takes (width of row i)^2.

    Parameters
    ----------
    groups : sequence of GroupDesign
        Factors with independent levels.

    References
    ----------
    George & Liu (1981), Computer Solution of Large Sparse Positive Definite Systems, chapter 4.
    """
    layout = build_layout(groups, 0)
    if len(groups) < 2 or layout.eliminated is None:
        return 0.0
    others = [_levels_of_rows(groups[item.factor]) for item in layout.placed]
    met = (_levels_of_rows(groups[layout.eliminated]).T @ sparse.hstack(others)).tocsr()
    products = float((np.diff(met.indptr).astype(float) ** 2).sum())
    if products > MAX_PRODUCTS:
        operations = met.shape[1] ** 3 / 3
    else:
        operations = products + _envelope_operations((met.T @ met).tocsr())
    return operations * max(group.n_effects for group in groups) ** 3


def _levels_of_rows(group: GroupDesign) -> sparse.csr_matrix:
    """Return the indicator of each row's level, shape (obs, level)."""
    n_obs = len(group.codes)
    parts = (np.ones(n_obs), group.codes, np.arange(n_obs + 1))
    return sparse.csr_matrix(parts, shape=(n_obs, group.n_levels))


def _envelope_operations(graph: sparse.csr_matrix) -> float:
    order = reverse_cuthill_mckee(graph, symmetric_mode=True)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    entries = graph.tocoo()
    first = place.copy()
    np.minimum.at(first, entries.row, place[entries.col])
    return float(((place - first).astype(float) ** 2).sum())
