"""Typed columns and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A numeric column; booleans are 0/1, missing is NaN. `values` has shape (obs,).

    Integers without missing values keep their integer type, so that long ids stay exact.
    """

    values: np.ndarray
    is_integer: bool = False


@dataclass(frozen=True, slots=True)
class FactorColumn:
    """A categorical column: codes into labels, -1 for missing. `codes` has shape (obs,).

    `is_text` tells text, of which nobody has said that it is a factor, from categories.
    """

    codes: np.ndarray
    levels: tuple[str, ...]
    is_ordered: bool = False
    is_text: bool = field(default=False, repr=False, compare=False)


type Column = NumericColumn | FactorColumn


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of equal length; `rows` are the labels of the rows as the user sees them."""

    columns: Mapping[str, Column]
    rows: np.ndarray

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return len(self.rows)


class LazyColumns(Mapping[str, Column]):
    """Columns by name, each read when first asked for: unused ones cost and refuse nothing.

    Parameters
    ----------
    names : tuple of str
    read : callable
        `read(name)` returns the column, or raises DataError when it cannot be used.
    """

    def __init__(self, names: tuple[str, ...], read: Callable[[str], Column]) -> None:
        self._names = dict.fromkeys(names)
        self._read = read
        self._known: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        """Return the column called `name`."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Return whether there is a column called `name`, without reading it."""
        return name in self._names


def label_value(value: object) -> str:
    """Return the label of a level: integers without `.0`, everything else as written."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def as_factor(column: Column) -> FactorColumn:
    """Return the column as a factor; numbers become levels in numerical order."""
    if isinstance(column, FactorColumn):
        return column
    is_known = ~np.isnan(column.values)
    if is_known.all():
        found, codes = np.unique(column.values, return_inverse=True)
    else:
        found, known = np.unique(column.values[is_known], return_inverse=True)
        codes = np.full(len(column.values), -1, dtype=np.intp)
        codes[is_known] = known
    return FactorColumn(codes, tuple(label_value(value) for value in found.tolist()))


def relabel(factor: FactorColumn, levels: tuple[str, ...]) -> FactorColumn:
    """Return the factor on other levels, with code -1 for labels that are not among them."""
    if factor.levels == levels:
        return factor
    place = {label: code for code, label in enumerate(levels)}
    lookup = np.array([*(place.get(label, -1) for label in factor.levels), -1], dtype=np.intp)
    return FactorColumn(lookup[factor.codes], levels, factor.is_ordered)
