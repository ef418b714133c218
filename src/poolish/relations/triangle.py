"""Triangular roots of sparse precisions: one sparse solve draws from the relation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from poolish.relations.relation import Relation


@dataclass(frozen=True, slots=True)
class Triangle:
    """A triangular root of a precision Q, its units in an order that keeps it sparse.

    `lower v = z`, or `lower' v = z` when transposed, with z ~ N(0, I) gives `u = v[position]` with
    u ~ N(0, Q^-1).

    Parameters
    ----------
    lower : scipy.sparse CSR matrix, shape (unit, unit)
        Lower triangular with sorted rows, the diagonal last in each.
    position : ndarray of int, shape (unit,)
    is_transposed : bool
    """

    lower: Any
    position: np.ndarray
    is_transposed: bool

    @property
    def whitener(self) -> sparse.csr_matrix:
        """Return W with W'W = Q and W u = z."""
        root = self.lower.T if self.is_transposed else self.lower
        return sparse.csr_matrix(root.tocsc()[:, self.position])


def triangular_root(relation: Relation) -> Triangle:
    """Return the root of a relation given by its precision.

    Notes
    -----
    A pedigree's own, D^-1/2 (I - P/2) by generations (Henderson 1976); otherwise the Cholesky
    factor in SuperLU's minimum-degree order.
    """
    if relation.root is not None:
        order = relation.generation_order
        assert order is not None
        lower = sparse.csr_matrix(relation.root)[order][:, order]
        return Triangle(_sorted(lower), np.argsort(order), is_transposed=False)
    factor = splu(
        sparse.csc_matrix(relation.precision),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    scaled = factor.L @ sparse.diags_array(np.sqrt(factor.U.diagonal()))
    return Triangle(_sorted(scaled), np.asarray(factor.perm_c, dtype=np.int64), is_transposed=True)


def _sorted(matrix: sparse.spmatrix) -> sparse.csr_matrix:
    rows = sparse.csr_matrix(matrix)
    rows.sort_indices()
    return rows
