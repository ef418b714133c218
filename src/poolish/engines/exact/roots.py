"""Cholesky factors of stacks of symmetric matrices, small or large, without needless copies."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri

# Above this order one LAPACK call per matrix costs nothing beside its arithmetic.
STACKED_SIZE = 48


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
    try:
        return np.linalg.cholesky(S)
    except np.linalg.LinAlgError:  # some of them: find out which
        return _one_by_one(S)


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
    if n <= STACKED_SIZE:
        upper = np.swapaxes(np.tril(roots[index, :n, :n]), 1, 2)
        return np.asarray(np.linalg.solve(upper, B[..., None])[..., 0])
    solved = np.empty_like(B)
    for one in np.unique(index):
        at = index == one
        block = roots[one, :n, :n]
        solved[at] = solve_triangular(block, B[at].T, lower=True, trans=1, check_finite=False).T
    return solved


def inverse_from_root(root: np.ndarray) -> np.ndarray:
    """Return (C C')^-1, symmetric and full, from the lower triangle of C."""
    if not len(root):
        return root
    inverse, _ = dpotri(np.asfortranarray(root), lower=1, overwrite_c=0)
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(lower, -1).T)
