"""Cholesky factors of stacks of symmetric matrices, small or large, without needless copies."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri

# Up to this order one step per column, over all matrices at once, is fastest; above the second
# one LAPACK call per matrix costs nothing beside its arithmetic.
SMALL_SIZE, STACKED_SIZE = 16, 48


def stack(n_values: int, size: int) -> np.ndarray:
    """Return room for matrices, shape (value, size, size), in the order that is fastest for them.

    Values of small matrices are neighbours in memory, so that a step over all of them is quick.
    """
    if size > SMALL_SIZE:
        return np.empty((n_values, size, size))
    return np.moveaxis(np.empty((size, size, n_values)), -1, 0)


def cholesky_roots(S: np.ndarray) -> np.ndarray:
    """Return lower Cholesky factors; NaN where a matrix is not positive definite.

    Parameters
    ----------
    S : ndarray, shape (value, size, size)
        Only the lower triangles are read; may be overwritten.

    Returns
    -------
    ndarray, shape (value, size, size)
        What stands above the diagonals is undefined.
    """
    if S.shape[1] > STACKED_SIZE:
        return _one_by_one(S)
    if S.shape[1] <= SMALL_SIZE:
        return _column_by_column(S)
    try:
        return np.linalg.cholesky(S)
    except np.linalg.LinAlgError:  # some of them: find out which
        return _one_by_one(S)


def _column_by_column(S: np.ndarray) -> np.ndarray:
    C = np.moveaxis(S, 0, -1)
    with np.errstate(invalid="ignore", divide="ignore"):  # negative pivots give NaN
        for j in range(len(C)):
            C[j:, j] -= np.einsum("ikv,kv->iv", C[j:, :j], C[j, :j])
            C[j, j] = np.sqrt(C[j, j])
            C[j + 1 :, j] /= C[j, j]
    return S


def _one_by_one(S: np.ndarray) -> np.ndarray:
    for matrix in S:
        # The transpose is the Fortran order LAPACK works in: no copy is made.
        _, info = dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)
        if info:
            matrix[:] = np.nan
    return S


def solve_transposed(roots: np.ndarray, index: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return C'^-1 B for the leading blocks of the factors at `index`, B (draw, leading).

    One factor serves all its consecutive draws with one call.
    """
    n = B.shape[1]
    if n <= SMALL_SIZE:
        return _solve_small(np.moveaxis(roots, 0, -1), index, B)
    if n <= STACKED_SIZE:
        upper = np.swapaxes(np.tril(roots[index, :n, :n]), 1, 2)
        return np.asarray(np.linalg.solve(upper, B[..., None])[..., 0])
    solved = np.empty_like(B)
    for one in np.unique(index):
        at = index == one
        block = roots[one, :n, :n]
        solved[at] = solve_triangular(block, B[at].T, lower=True, trans=1, check_finite=False).T
    return solved


def _solve_small(C: np.ndarray, index: np.ndarray, B: np.ndarray) -> np.ndarray:
    solved = np.empty(B.T.shape)
    for i in reversed(range(len(solved))):
        rest = B[:, i].copy()
        for k in range(i + 1, len(solved)):
            rest -= C[k, i].take(index) * solved[k]
        solved[i] = rest / C[i, i].take(index)
    return solved.T


def inverse_from_root(root: np.ndarray) -> np.ndarray:
    """Return (C C')^-1, symmetric and full, from the lower triangle of C."""
    if not len(root):
        return root
    inverse, _ = dpotri(np.asfortranarray(root), lower=1, overwrite_c=0)
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(lower, -1).T)
