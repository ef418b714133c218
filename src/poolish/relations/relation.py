"""A known covariance between labelled units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.linalg import splu

from poolish.errors import RelationError

_LISTED = 10


@dataclass(frozen=True, slots=True, repr=False)
class Relation:
    """A labelled covariance or, where that is sparse and the covariance is not, its inverse.

    Parameters
    ----------
    labels : tuple of str
        Units, in the order of the rows.
    covariance : ndarray, shape (unit, unit), or None
        Symmetric positive semi-definite.
    precision : scipy.sparse matrix, shape (unit, unit), or None
        Symmetric positive definite; exactly one of the two is given.
    log_determinant : float or None
        log|K| of the covariance when known beforehand (a pedigree knows it).
    variances : ndarray, shape (unit,), or None
        Diagonal of the covariance, always known when `covariance` is given and for a pedigree.
    root : scipy.sparse matrix, shape (unit, unit), or None
        W with W'W = precision; its columns in the order `generation_order` make it lower
        triangular, so that W u = z, z ~ N(0, I), is one sparse solve for u ~ N(0, K).
    generation_order : ndarray of int, shape (unit,), or None
        Positions of the units, ancestors first; given with `root`.
    smallest_eigenvalue : float or None
        Of the covariance, where it was computed.
    scaling : str
        How a genomic relationship was scaled, with its numbers; otherwise empty.
    n_variants : int or None
        Number of variants behind a genomic relationship.
    notes : tuple of str
        What a person should know: eigenvalues clipped, variants left out.
    """

    labels: tuple[str, ...]
    covariance: np.ndarray | None = None
    precision: Any = None
    log_determinant: float | None = None
    variances: np.ndarray | None = None
    root: Any = None
    generation_order: np.ndarray | None = None
    smallest_eigenvalue: float | None = None
    scaling: str = ""
    n_variants: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_units(self) -> int:
        """Return the number of units."""
        return len(self.labels)

    def __repr__(self) -> str:
        form = "covariance" if self.precision is None else "sparse precision"
        smallest, n_variants = self.smallest_eigenvalue, self.n_variants
        facts = (
            "" if smallest is None else f"smallest eigenvalue {smallest:.3g}",
            "" if n_variants is None else f"{n_variants:,} variants",
            self.scaling,
            *self.notes,
        )
        units = f"{form} of {self.n_units:,} units, {listed(self.labels, 3)}"
        return "\n".join(filter(None, (units, "; ".join(filter(None, facts)))))


def as_labels(values: Iterable[Any]) -> tuple[str, ...]:
    """Return ids as text, whole numbers without a decimal point.

    Examples
    --------
    >>> as_labels([308, 309.0, "a "])
    ('308', '309', 'a')
    """
    return tuple(_label(value) for value in values)


def _label(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def as_numbers(values: object, name: str) -> np.ndarray:
    """Return a table's entries as floats.

    Raises
    ------
    RelationError
        If an entry is no number.
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as failure:
        raise RelationError(
            f"`{name}` has entries that are no numbers",
            given=f"{failure}",
            expected="a table of numbers, missing ones as NaN",
            fix='read it with its labels as index, and `decimal=","` where commas are decimal',
        ) from failure


def check_labels(labels: Sequence[str], name: str) -> None:
    """Raise `RelationError` when a label is missing or comes twice."""
    index = pd.Index(labels)
    repeated = tuple(dict.fromkeys(index[index.duplicated()]))
    if repeated:
        raise RelationError(
            f"`{name}` has duplicate labels",
            given=f"more than once: {listed(repeated)}",
            expected="every label once",
            fix="drop or rename what is repeated",
        )
    unlabelled = index.isin(("", "nan", "None", "NaT", "<NA>"))
    if unlabelled.any():
        raise RelationError(
            f"`{name}` has units without a label",
            given=f"no label at position {int(np.flatnonzero(unlabelled)[0])}",
            expected="a label for every unit",
            fix="give every row and column an id",
        )


def listed(labels: Iterable[str], most: int = _LISTED) -> str:
    """Return labels as a short list, with the number of those not shown."""
    items = tuple(labels)
    shown = ", ".join(f"`{item}`" for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most:,} more"


def missing_labels(relation: Relation, labels: Iterable[str]) -> tuple[str, ...]:
    """Return those of `labels` that the relation does not have, each once.

    Examples
    --------
    >>> missing_labels(Relation(("a", "b"), np.eye(2)), ["b", "c", "c"])
    ('c',)
    """
    known = set(relation.labels)
    return tuple(dict.fromkeys(label for label in labels if label not in known))


def positions(relation: Relation, labels: Sequence[str], *, name: str = "K") -> np.ndarray:
    """Return the row of each label.

    Raises
    ------
    RelationError
        If a label is not in the relation; all of them are listed.
    """
    found = pd.Index(relation.labels).get_indexer(pd.Index(labels))
    if (found < 0).any():
        missing = missing_labels(relation, labels)
        raise RelationError(
            f"{len(missing)} ids are not in the relation `{name}`",
            given=listed(missing),
            expected=f"ids among the {relation.n_units} labels of `{name}`",
            fix=f"add them to `{name}`, or drop their rows from the data",
        )
    return np.asarray(found, dtype=np.intp)


def reorder(relation: Relation, labels: Sequence[str], *, name: str = "K") -> Relation:
    """Return the relation with its units in the order of `labels`, which must be all of them.

    Raises
    ------
    RelationError
        If `labels` are not exactly the relation's labels.
    """
    order = positions(relation, labels, name=name)
    check_labels(labels, name)
    if len(order) != relation.n_units:
        raise RelationError(
            f"reordering `{name}` must keep all of its units",
            given=f"{len(order)} labels",
            expected=f"the {relation.n_units} labels of `{name}` in another order",
            fix="use `select` to take a part",
        )
    if np.array_equal(order, np.arange(len(order))):
        return relation
    return _permuted(relation, tuple(labels), order)


def _permuted(relation: Relation, labels: tuple[str, ...], order: np.ndarray) -> Relation:
    at = np.argsort(order)
    return replace(
        relation,
        labels=labels,
        covariance=None if relation.covariance is None else _block(relation.covariance, order),
        precision=None if relation.precision is None else relation.precision[order][:, order],
        variances=None if relation.variances is None else relation.variances[order],
        root=None if relation.root is None else relation.root[:, order],
        generation_order=_mapped(relation.generation_order, at),
    )


def _mapped(order: np.ndarray | None, at: np.ndarray) -> np.ndarray | None:
    return None if order is None else at[order]


def _block(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return matrix[np.ix_(rows, rows)]


def select(relation: Relation, labels: Sequence[str], *, name: str = "K") -> Relation:
    """Return the relation of the units `labels`, in that order: their marginal covariance.

    A part of a precision is given as a covariance, found by one sparse solve per unit.

    Raises
    ------
    RelationError
        If a label is unknown or comes twice.
    """
    rows = positions(relation, labels, name=name)
    if len(rows) == relation.n_units:
        return reorder(relation, labels, name=name)
    check_labels(labels, name)
    covariance = _covariance_of(relation, rows)
    return Relation(
        labels=tuple(labels),
        covariance=covariance,
        variances=np.diagonal(covariance).copy(),
        scaling=relation.scaling,
        n_variants=relation.n_variants,
        notes=relation.notes,
    )


def _covariance_of(relation: Relation, rows: np.ndarray) -> np.ndarray:
    if relation.covariance is not None:
        return _block(relation.covariance, rows)
    units = np.zeros((relation.n_units, len(rows)))
    units[rows, np.arange(len(rows))] = 1.0
    solved = splu(relation.precision.tocsc()).solve(units)[rows]
    return np.asarray(0.5 * (solved + solved.T))


def dense_covariance(relation: Relation) -> np.ndarray:
    """Return the covariance as an array, inverting a precision.

    Returns
    -------
    ndarray, shape (unit, unit)
    """
    return _covariance_of(relation, np.arange(relation.n_units))


def mean_variance(relation: Relation) -> float:
    """Return the mean diagonal of the covariance, the unit in which h2 is reported.

    Notes
    -----
    A genomic relationship is only known up to a scale: its mean diagonal was 0.25, 1.00 and 1.03
    under three conventions for the same genotypes. `sd^2 * mean_variance` does not depend on it.
    """
    if relation.variances is not None:
        return float(relation.variances.mean())
    return float(np.diagonal(dense_covariance(relation)).mean())
