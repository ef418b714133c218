"""Checks of a covariance or precision before it is used."""

from __future__ import annotations

import numpy as np
import scipy.linalg as linalg
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from poolish.errors import RelationError
from poolish.relations.relation import Relation

# Relative to the largest entry: what a matrix written as text with ten digits still meets.
SYMMETRY_TOLERANCE = 1e-8
# Relative to the largest eigenvalue: the rounding of matrices stored in single precision (GCTA).
EIGENVALUE_TOLERANCE = 1e-6
# Up to this size all eigenvalues are computed (0.5 s); above, a Cholesky factor is the check.
EIGENVALUE_LIMIT = 1500


def check_square(matrix: np.ndarray | sparse.spmatrix, labels: tuple[str, ...], name: str) -> None:
    """Raise `RelationError` unless the matrix has one row and one column per label."""
    if matrix.shape != (len(labels), len(labels)):
        raise RelationError(
            f"the shape of `{name}` does not fit its ids",
            given=f"a matrix of shape {tuple(matrix.shape)} and {len(labels)} ids",
            expected="one row and one column for every id",
            fix="pass the ids in the order of the rows",
        )


def symmetric_part(matrix: np.ndarray, labels: tuple[str, ...], name: str) -> np.ndarray:
    """Return the matrix made exactly symmetric.

    Raises
    ------
    RelationError
        If an entry is not finite, or differs from its mirror image by more than 1e-8 of the
        largest entry.
    """
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise _not_finite(name, labels[row], labels[column], float(matrix[row, column]))
    gap = np.abs(matrix - matrix.T)
    if gap.max(initial=0.0) > SYMMETRY_TOLERANCE * np.abs(matrix).max(initial=0.0):
        row, column = np.unravel_index(gap.argmax(), gap.shape)
        mirrored = matrix[[row, column], [column, row]]
        raise _not_symmetric(name, labels[row], labels[column], mirrored)
    return np.asarray(0.5 * (matrix + matrix.T))


def _not_finite(name: str, row: str, column: str, value: float) -> RelationError:
    return RelationError(
        f"`{name}` has entries that are not finite",
        given=f"{value} between `{row}` and `{column}`",
        expected="a number for every pair of units",
        fix="leave out the units without known relations",
    )


def _not_symmetric(name: str, row: str, column: str, values: np.ndarray) -> RelationError:
    return RelationError(
        f"`{name}` is not symmetric",
        given=f"{values[0]:.10g} at (`{row}`, `{column}`), {values[1]:.10g} at the mirror image",
        expected=f"differences of at most {SYMMETRY_TOLERANCE:g} of the largest entry",
        fix="use `0.5 * (K + K.T)` if the difference is rounding",
    )


def checked_covariance(
    matrix: np.ndarray, labels: tuple[str, ...], *, nearest_psd: bool, name: str
) -> Relation:
    """Return the relation of a covariance that is symmetric and positive semi-definite.

    Raises
    ------
    RelationError
        If it is not, and `nearest_psd` is False.
    """
    covariance = symmetric_part(matrix, labels, name)
    if len(labels) > EIGENVALUE_LIMIT and _has_cholesky(covariance):
        return _relation(covariance, labels, None, ())
    values = linalg.eigvalsh(covariance)
    if _is_semidefinite(values):
        return _relation(covariance, labels, float(values[0]), ())
    if not nearest_psd:
        raise _indefinite(name, values)
    return _clipped(covariance, labels)


def _relation(
    covariance: np.ndarray, labels: tuple[str, ...], smallest: float | None, notes: tuple[str, ...]
) -> Relation:
    return Relation(
        labels,
        covariance,
        variances=np.diagonal(covariance).copy(),
        smallest_eigenvalue=smallest,
        notes=notes,
    )


def _is_semidefinite(values: np.ndarray) -> bool:
    return len(values) == 0 or bool(values[0] >= -EIGENVALUE_TOLERANCE * max(values[-1], 0.0))


def _has_cholesky(covariance: np.ndarray) -> bool:
    """Whether K plus its tolerance has a Cholesky factor; the mean diagonal bounds the largest."""
    jitter = EIGENVALUE_TOLERANCE * max(float(np.diagonal(covariance).mean()), 0.0)
    shifted = covariance.copy()
    shifted[np.diag_indices_from(shifted)] += jitter
    _, failed = linalg.lapack.dpotrf(shifted.T, lower=True, overwrite_a=True)
    return bool(failed == 0)


def _indefinite(name: str, values: np.ndarray) -> RelationError:
    n_negative = int((values < 0).sum())
    return RelationError(
        f"`{name}` is not positive semi-definite",
        given=f"smallest eigenvalue {values[0]:.6g}, largest {values[-1]:.6g}; "
        f"{n_negative} of {len(values)} negative",
        expected="no negative eigenvalue; a singular covariance is fine",
        fix="pass `po.as_relation(K, nearest_psd=True)` to set the negative eigenvalues to 0, "
        "or recompute the matrix from complete data",
    )


def _clipped(covariance: np.ndarray, labels: tuple[str, ...]) -> Relation:
    values, vectors = linalg.eigh(covariance)
    kept = np.maximum(values, 0.0)
    n_negative = int((values < 0).sum())
    note = (
        f"{n_negative} negative eigenvalues set to 0; the smallest was {values[0]:.6g}, "
        f"the largest is {values[-1]:.6g}"
    )
    nearest = (vectors * kept) @ vectors.T
    return _relation(0.5 * (nearest + nearest.T), labels, float(kept[0]), (note,))


def check_precision(matrix: sparse.spmatrix, labels: tuple[str, ...], *, name: str) -> Relation:
    """Return the relation of a sparse precision that is symmetric and positive definite.

    Raises
    ------
    RelationError
        If it is not finite, symmetric or positive definite.
    """
    entries = matrix.tocoo()
    if not np.isfinite(entries.data).all():
        bad = np.flatnonzero(~np.isfinite(entries.data))[0]
        row, column = labels[entries.row[bad]], labels[entries.col[bad]]
        raise _not_finite(name, row, column, float(entries.data[bad]))
    gap = abs(matrix - matrix.T).tocoo()
    if gap.data.max(initial=0.0) > SYMMETRY_TOLERANCE * np.abs(entries.data).max(initial=0.0):
        worst = gap.data.argmax()
        row, column = int(gap.row[worst]), int(gap.col[worst])
        pair = np.array([matrix[row, column], matrix[column, row]])
        raise _not_symmetric(name, labels[row], labels[column], pair)
    symmetric = ((matrix + matrix.T) * 0.5).tocsc()
    return Relation(labels, precision=symmetric, log_determinant=-log_determinant(symmetric, name))


def log_determinant(matrix: sparse.spmatrix, name: str) -> float:
    """Return log|Q| of a sparse positive definite matrix.

    Raises
    ------
    RelationError
        If it is not positive definite.

    Notes
    -----
    SuperLU in symmetric mode pivots on the diagonal: P Q P' = L U with the pivots of the Cholesky
    factor on the diagonal of U, all positive exactly when Q is positive definite.
    """
    if not (matrix.diagonal() > 0).all():
        raise _improper(name, "a diagonal entry that is not positive")
    try:
        factor = splu(
            matrix,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as failure:
        raise _improper(name, "a singular matrix") from failure
    pivots = factor.U.diagonal()
    if (pivots <= 1e-12 * pivots.max()).any() or (factor.perm_r != factor.perm_c).any():
        raise _improper(name, f"smallest pivot {pivots.min():.3g}, largest {pivots.max():.3g}")
    return float(np.log(pivots).sum())


def _improper(name: str, given: str) -> RelationError:
    return RelationError(
        f"the precision `{name}` is not positive definite",
        given=given,
        expected="a positive definite matrix, the inverse of a covariance",
        fix="make an intrinsic precision proper, for example `po.car_precision(W, ids, rho=0.99)`",
    )
