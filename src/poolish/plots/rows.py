"""Rows made up for a curve: a predictor on a grid, the rest at typical values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from poolish.errors import UnknownNameError
from poolish.formula import columns
from poolish.formula.terms import Formula, LinearFormula
from poolish.frame import Column, FactorColumn, NumericColumn, Table
from poolish.posterior import Posterior

_N_GRID = 60


def predictor_columns(posterior: Posterior) -> tuple[str, ...]:
    """Return the columns that the population part of the main formula uses."""
    formula = posterior.spec.formula
    main = LinearFormula(formula.main.terms, (), formula.main.offsets)
    bare = LinearFormula((), (), ())
    outcome = columns(Formula(formula.response, bare))
    grouping = {v.name for term in formula.main.groups for v in term.grouping.variables}
    named = columns(Formula(formula.response, main))
    return tuple(name for name in named if name not in (*outcome, *grouping))


def find_predictor(posterior: Posterior, predictor: str | None) -> str:
    """Return a predictor by name, the first one when no name is given.

    Raises
    ------
    UnknownNameError
        If the main formula has no such predictor, or none at all.
    """
    names = predictor_columns(posterior)
    if predictor in names:
        return str(predictor)
    if predictor is None and names:
        return names[0]
    raise UnknownNameError(
        f"`{predictor}` is not a predictor" if predictor else "the model has no predictors",
        given=f"the formula {posterior.record.formula}",
        expected=f"one of {', '.join(names)}" if names else "a formula with a predictor",
        fix="name one of these" if names else "show the groups with `plot.caterpillar`",
    )


def grid_of(column: Column, rows: np.ndarray | None = None) -> Column:
    """Return a column that runs through the values of another: a grid, or every level in use.

    Parameters
    ----------
    column : Column
    rows : ndarray of int, optional
        The rows whose range counts.
    """
    if isinstance(column, FactorColumn):
        used = np.unique(column.codes if rows is None else column.codes[rows])
        return replace(column, codes=used[used >= 0])
    values = column.values if rows is None else column.values[rows]
    found = np.unique(values)
    is_few = len(found) <= 2 or (column.is_integer and len(found) <= _N_GRID)
    return NumericColumn(found if is_few else np.linspace(found[0], found[-1], _N_GRID),
                         is_integer=is_few and column.is_integer)  # fmt: skip


def rows_at(table: Table, grid: Mapping[str, Column], rows: np.ndarray | None = None) -> Table:
    """Return rows with some columns as given, the others at the median or the commonest level.

    Parameters
    ----------
    table : Table
    grid : Mapping of str to Column
        Columns of equal length.
    rows : ndarray of int, optional
        The rows of `table` that are typical; all when left out.
    """
    n = max(map(column_length, grid.values()))
    filled = {
        name: grid[name] if name in grid else _typical(column, n, rows)
        for name, column in table.columns.items()
    }
    return Table(filled, np.arange(n))


def column_length(column: Column) -> int:
    """Return the number of rows of a column."""
    return len(column.codes if isinstance(column, FactorColumn) else column.values)


def axis_values(column: Column) -> np.ndarray:
    """Return where the values of a column stand on an axis: themselves, or codes of levels."""
    return column.codes if isinstance(column, FactorColumn) else np.asarray(column.values, float)


def axis_labels(column: Column) -> tuple[str, ...]:
    """Return the labels of a factor, nothing for numbers."""
    return column.levels if isinstance(column, FactorColumn) else ()


def _typical(column: Column, n: int, rows: np.ndarray | None) -> Column:
    if isinstance(column, FactorColumn):
        codes = column.codes if rows is None else column.codes[rows]
        common = np.bincount(codes[codes >= 0]).argmax()
        return replace(column, codes=np.full(n, common))
    values = column.values if rows is None else column.values[rows]
    # A value that occurs, so that counts stay counts.
    middle = np.sort(values)[(len(values) - 1) // 2]
    return NumericColumn(np.full(n, middle), column.is_integer)
