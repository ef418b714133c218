"""Relations from what users have: labelled matrices, sparse precisions, pedigrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sparse
import xarray as xr

from poolish.errors import RelationError
from poolish.relations.checks import (
    check_precision,
    check_square,
    checked_covariance,
)
from poolish.relations.pedigree import Pedigree
from poolish.relations.relation import Relation, as_labels, as_numbers, check_labels, listed

_FORMS = (
    "a pandas DataFrame or a DataArray with ids on both axes, `(matrix, ids)`, "
    "`po.precision(matrix, ids)`, a `po.Pedigree` or a `Relation`"
)


def as_relation(
    value: object, *, ids: Sequence[Any] | None = None, nearest_psd: bool = False, name: str = "K"
) -> Relation:
    """Return a checked relation between labelled units.

    Parameters
    ----------
    value : DataFrame, DataArray, (matrix, ids), matrix, Pedigree or Relation
        A covariance with ids on both axes, in any order; a bare matrix needs `ids`.
    ids : sequence, optional
        Ids of the rows and columns of a bare matrix.
    nearest_psd : bool
        Whether to clip the negative eigenvalues of an indefinite matrix; noted on the result.
    name : str
        What the user calls it, for messages.

    Raises
    ------
    RelationError
        If the form is not one of these, labels are duplicated or differ between the axes, or the
        matrix is not finite, symmetric (to 1e-8 of its largest entry) and positive semi-definite.

    Notes
    -----
    A singular covariance (twins, clones) is fine. The nearest positive semi-definite matrix in
    the Frobenius norm has the negative eigenvalues set to 0 (Higham 1988, Linear Algebra and its
    Applications 103, 103-118, theorem 2.1, doi:10.1016/0024-3795(88)90223-6).

    Examples
    --------
    >>> K = pd.DataFrame([[1.0, 0.5], [0.5, 1.0]], index=["a", "b"], columns=["a", "b"])
    >>> as_relation(K).labels
    ('a', 'b')
    """
    if isinstance(value, Relation):
        return _checked_relation(value, nearest_psd, name)
    if isinstance(value, Pedigree):
        return value.relation()
    matrix, labels = _labelled_matrix(value, ids, name)
    check_labels(labels, name)
    return checked_covariance(matrix, labels, nearest_psd=nearest_psd, name=name)


def as_relations(given: object) -> dict[str, Relation]:
    """Return the checked relations of a model by name; none when nothing is given.

    Raises
    ------
    RelationError
        If it is not a mapping from names, or one of the relations cannot be used.

    Examples
    --------
    >>> as_relations({"K": (np.eye(2), ["a", "b"])})["K"].labels
    ('a', 'b')
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RelationError(
            "`relations` has no names",
            given=f"a value of type `{type(given).__name__}`",
            expected="a mapping from the names in the formula to relations",
            fix='write `relations={"K": K}` for `kin(id, K)`',
        )
    return {name: as_relation(value, name=name) for name, value in given.items()}


def precision(matrix: object, ids: Sequence[Any] | None = None, *, name: str = "K") -> Relation:
    """Return a relation given by the inverse of its covariance, kept sparse.

    Parameters
    ----------
    matrix : sparse matrix, ndarray or DataFrame, shape (unit, unit)
        Symmetric positive definite.
    ids : sequence, optional
        Labels of its rows and columns; a DataFrame has its own.
    name : str
        What the user calls it, for messages.

    Raises
    ------
    RelationError
        If it is not finite, symmetric and positive definite, or the labels do not fit.

    Examples
    --------
    >>> precision(np.diag([1.0, 4.0]), ["a", "b"]).log_determinant
    -1.3862943611198906
    """
    if sparse.issparse(matrix):
        entries, labels = matrix, _given_ids(ids, name)
    else:
        entries, labels = _labelled_matrix(matrix, ids, name)
    check_square(entries, labels, name)
    check_labels(labels, name)
    return check_precision(sparse.csc_matrix(entries, dtype=float), labels, name=name)


def _checked_relation(relation: Relation, nearest_psd: bool, name: str) -> Relation:
    """Check a relation made by hand; ours carry `variances` and were checked when made."""
    if (relation.covariance is None) == (relation.precision is None):
        raise RelationError(
            f"the relation `{name}` needs a covariance or a precision",
            given="both" if relation.covariance is not None else "neither",
            expected="exactly one of the two",
            fix="leave the other one out",
        )
    if relation.variances is not None or relation.log_determinant is not None:
        return relation
    if relation.precision is not None:
        return precision(relation.precision, relation.labels, name=name)
    matrix, labels = _labelled_matrix((relation.covariance, relation.labels), None, name)
    check_labels(labels, name)
    checked = checked_covariance(matrix, labels, nearest_psd=nearest_psd, name=name)
    return replace(
        checked,
        scaling=relation.scaling,
        n_variants=relation.n_variants,
        notes=(*relation.notes, *checked.notes),
    )


def _labelled_matrix(
    value: object, ids: Sequence[Any] | None, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    if isinstance(value, pd.DataFrame):
        return _aligned(value, name)
    if isinstance(value, xr.DataArray):
        return _aligned(_frame_of(value, name), name)
    if isinstance(value, tuple) and len(value) == 2:
        return _labelled_matrix(value[0], value[1], name)
    if sparse.issparse(value):
        raise RelationError(
            f"the sparse matrix `{name}` may be a covariance or a precision",
            given="a sparse matrix",
            expected=_FORMS,
            fix="write `po.precision(matrix, ids)`, or `(matrix.toarray(), ids)` for a covariance",
        )
    if not isinstance(value, np.ndarray | list):
        raise RelationError(
            f"the relation `{name}` cannot be read",
            given=f"a value of type `{type(value).__name__}`",
            expected=_FORMS,
            fix=f'pass, for example, `relations={{"{name}": (matrix, ids)}}`',
        )
    matrix, labels = as_numbers(value, name), _given_ids(ids, name)
    check_square(matrix, labels, name)
    return matrix, labels


def _given_ids(ids: Sequence[Any] | None, name: str) -> tuple[str, ...]:
    if ids is None:
        raise RelationError(
            f"the matrix `{name}` has no ids",
            given="a matrix without labels",
            expected="one id for every row; units are matched by label, never by order",
            fix=f'pass `(matrix, ids)`, for example `relations={{"{name}": (matrix, ids)}}`',
        )
    return as_labels(ids)


def _frame_of(array: xr.DataArray, name: str) -> pd.DataFrame:
    if array.ndim != 2 or any(dim not in array.coords for dim in array.dims):
        raise RelationError(
            f"the DataArray `{name}` needs two dimensions with ids",
            given=f"dimensions {array.dims} with coordinates {tuple(map(str, array.coords))}",
            expected="two dimensions, each with a coordinate of ids",
            fix='write `xr.DataArray(matrix, coords={"id": ids, "id_bis": ids})`',
        )
    rows, columns = (array.coords[dim].to_numpy() for dim in array.dims)
    return pd.DataFrame(array.to_numpy(), index=rows, columns=columns)


def _aligned(frame: pd.DataFrame, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the entries with the columns in the order of the rows."""
    rows, columns = as_labels(frame.index), as_labels(frame.columns)
    check_labels(rows, name)
    check_labels(columns, name)
    odd = sorted(set(rows) ^ set(columns))
    if odd:
        raise RelationError(
            f"rows and columns of `{name}` have different labels",
            given=f"on one axis only: {listed(odd)}",
            expected="the same ids on both axes, in any order",
            fix=_axis_fix(frame),
        )
    order = pd.Index(columns).get_indexer(pd.Index(rows))
    return as_numbers(frame, name)[:, order], rows


def _axis_fix(frame: pd.DataFrame) -> str:
    n_rows, n_columns = frame.shape
    if isinstance(frame.index, pd.RangeIndex) and n_columns - n_rows in (0, 1):
        return "the rows are not labelled: write `K.index = K.columns`, or read with `index_col=0`"
    if n_rows != n_columns:
        return "a table of parents is `po.Pedigree.from_frame(table, id=..., sire=..., dam=...)`"
    return "make the index and the columns the same ids"
