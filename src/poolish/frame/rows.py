"""Which columns and which rows of a table are used: unknown names, missing values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Literal

import numpy as np

from poolish.errors import DataError, MissingValueError, Source, UnknownColumnError
from poolish.frame.columns import Column, FactorColumn, LazyColumns, NumericColumn, Table

SHOWN = 5


def get_column(table: Table, name: str, source: Source | None = None) -> Column:
    """Return a column of the table.

    Raises
    ------
    UnknownColumnError
        If there is none of that name; a column that is close to it is named.
    """
    if name in table.columns:
        return table.columns[name]
    close = _close_match(name, tuple(table.columns))
    raise UnknownColumnError(
        f"formula term `{name}` is not a column of `data`",
        given=f"columns {', '.join(table.columns)} ({table.n_obs} rows)",
        expected="every variable of the formula to be a column of `data`",
        fix=(f"write `{close}`, or " if close else "") + "add the column before calling `fit`",
        source=source,
    )


def _close_match(name: str, names: tuple[str, ...]) -> str | None:
    lowered = {other.lower(): other for other in names}
    found = get_close_matches(name.lower(), lowered, n=1)
    return lowered[found[0]] if found else None


def drop_missing(
    table: Table, names: Sequence[str], missing: Literal["error", "drop"] = "error"
) -> tuple[Table, tuple[object, ...]]:
    """Return the table without rows that have a missing value, and the labels of those rows.

    Parameters
    ----------
    names : sequence of str
        The columns that matter.
    missing : "error" or "drop"

    Raises
    ------
    MissingValueError
        If values are missing and `missing` is "error".
    DataError
        If a value is infinite, no row is left, or `missing` is another word.
    UnknownColumnError
        If a name is not a column.
    """
    _check_policy(missing)
    masks = {name: _is_missing(get_column(table, name)) for name in dict.fromkeys(names)}
    for name in masks:
        _check_finite(name, table)
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    if not masks:
        return table, ()
    if missing == "error":
        raise _missing_values(table, masks)
    keep = ~np.logical_or.reduce(list(masks.values()))
    if not keep.any():
        raise _nothing_left(table, masks)
    return take_rows(table, keep), tuple(table.rows[~keep].tolist())


def take_rows(table: Table, keep: np.ndarray) -> Table:
    """Return the rows chosen by a mask or by positions."""
    columns = LazyColumns(
        tuple(table.columns), lambda name: _take_column(table.columns[name], keep)
    )
    return Table(columns, table.rows[keep])


def _take_column(column: Column, keep: np.ndarray) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values[keep], column.is_integer)
    return replace(column, codes=column.codes[keep])


def _is_missing(column: Column) -> np.ndarray:
    if isinstance(column, FactorColumn):
        return column.codes < 0
    return np.isnan(column.values)


def _check_policy(missing: str) -> None:
    if missing not in ("error", "drop"):
        raise DataError(
            f"`missing` cannot be `{missing}`",
            given=f"missing={missing!r}",
            expected='"error" or "drop"',
            fix='write missing="drop" to leave out rows with missing values',
        )


def _check_finite(name: str, table: Table) -> None:
    column = table.columns[name]
    if isinstance(column, FactorColumn) or not np.isinf(column.values).any():
        return
    is_bad = np.isinf(column.values)
    raise DataError(
        f"column `{name}` has infinite values",
        given=f"infinite in {is_bad.sum()} of {is_bad.size} rows: {describe_rows(table, is_bad)}",
        expected="finite numbers",
        fix="correct them, or replace them by missing values",
    )


def _missing_values(table: Table, masks: Mapping[str, np.ndarray]) -> MissingValueError:
    is_bad = np.logical_or.reduce(list(masks.values()))
    counts = "; ".join(
        f"`{name}` {mask.sum()} ({describe_rows(table, mask)})" for name, mask in masks.items()
    )
    return MissingValueError(
        f"{is_bad.sum()} of {table.n_obs} rows have missing values in {_listed(masks)}",
        given=counts,
        expected="no missing values in the columns of the formula",
        fix='pass missing="drop" (`--missing drop`) to leave those rows out, or fill the values in',
    )


def _nothing_left(table: Table, masks: Mapping[str, np.ndarray]) -> DataError:
    return DataError(
        "no rows are left without missing values",
        given=f"{table.n_obs} rows, each with a missing value in {_listed(masks)}",
        expected="at least one complete row",
        fix="take the emptiest column out of the formula, or fill its values in",
    )


def describe_rows(table: Table, mask: np.ndarray) -> str:
    """Return the first rows where `mask` holds, in words: `rows 3, 7, ... (12 rows)`."""
    labels = [str(label) for label in table.rows[mask][:SHOWN].tolist()]
    more = ", ..." if mask.sum() > SHOWN else ""
    return ("row " if mask.sum() == 1 else "rows ") + ", ".join(labels) + more


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
