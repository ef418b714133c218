"""Solving with a sparse triangular matrix, with its gradient, compiled by Numba."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key
from scipy import sparse
from scipy.sparse.linalg import spsolve_triangular

from poolish.engines.nuts.tensors import Tensor
from poolish.relations.triangle import Triangle


class TriangularSolve(Op):
    """Solve `lower v = z`, or `lower' v = z`; both take one pass over the entries.

    Inputs are the values, column indices and row starts of a lower-triangular matrix in CSR form,
    sorted rows with the diagonal last, and z. The derivative by z is the other solve.
    """

    __props__ = ("is_transposed",)

    def __init__(self, *, is_transposed: bool) -> None:
        self.is_transposed = is_transposed

    def make_node(self, *inputs: Tensor) -> Apply[Any]:
        """Return the node of one solve: values, indices, indptr, z."""
        tensors = [pt.as_tensor(part) for part in inputs]
        return Apply(self, tensors, [tensors[-1].type()])

    def perform(self, node: Apply[Any], inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        """Solve without a compiler."""
        values, indices, indptr, z = inputs
        lower = sparse.csr_matrix((values, indices, indptr), (len(z), len(z)))
        matrix = lower.T.tocsr() if self.is_transposed else lower
        outputs[0][0] = spsolve_triangular(matrix, z, lower=not self.is_transposed)

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        """Return that only z is differentiated."""
        return [[False], [False], [False], [True]]

    def pullback(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> list[Tensor]:
        """Return the derivative by z: the solve with the transposed matrix."""
        other = TriangularSolve(is_transposed=not self.is_transposed)
        by_z: Tensor = other(*inputs[:3], cotangents[0])
        return [*(disconnected_type() for _ in range(3)), by_z]


def solve_triangle(triangle: Triangle, z: Tensor) -> Tensor:
    """Return u ~ N(0, Q^-1) of z ~ N(0, I), shape (unit,)."""
    lower = triangle.lower
    parts = (lower.data, lower.indices.astype(np.int64), lower.indptr.astype(np.int64))
    solved: Tensor = TriangularSolve(is_transposed=triangle.is_transposed)(
        *map(pt.constant, parts), z
    )
    return solved[triangle.position]


def _forward(
    values: np.ndarray, indices: np.ndarray, indptr: np.ndarray, z: np.ndarray
) -> np.ndarray:
    v = np.empty_like(z)
    for i in range(len(z)):
        diagonal = indptr[i + 1] - 1
        total = z[i]
        for entry in range(indptr[i], diagonal):
            total -= values[entry] * v[indices[entry]]
        v[i] = total / values[diagonal]
    return v


def _backward(
    values: np.ndarray, indices: np.ndarray, indptr: np.ndarray, z: np.ndarray
) -> np.ndarray:
    v = z.copy()
    for i in range(len(z) - 1, -1, -1):
        diagonal = indptr[i + 1] - 1
        v[i] /= values[diagonal]
        for entry in range(indptr[i], diagonal):
            v[indices[entry]] -= values[entry] * v[i]
    return v


@register_funcify_default_op_cache_key(TriangularSolve)  # type: ignore[untyped-decorator]
def _compile(op: TriangularSolve, node: Apply[Any], **_: object) -> Callable[..., np.ndarray]:
    compiled: Callable[..., np.ndarray] = numba_njit(_backward if op.is_transposed else _forward)
    return compiled
