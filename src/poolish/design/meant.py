"""Whether text is meant as levels, or is numbers and dates that a table was read with."""

from __future__ import annotations

import re

import numpy as np

from poolish.errors import DataError
from poolish.formula.terms import Name
from poolish.frame import FactorColumn, Table

# Decimal commas too; `nan` and `inf` are words.
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_DATE = re.compile(r"\s*(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})([T ].*)?\s*")
# Whole numbers of this many values are codes of levels, as of months; more are a quantity.
_MOST_CODES = 12
# Of more labels than these, the share that are numbers above which the others are slips.
_MOSTLY = 0.8


def check_levels_meant(name: Name, column: FactorColumn, table: Table) -> None:
    """Raise for a predictor that is text but reads as numbers or dates.

    Taken for a factor, as in R, it would have a coefficient for each of its values. Whole numbers
    of at most 12 values are taken for codes of levels; categories and `factor(x)` are never
    questioned.

    Raises
    ------
    DataError
        If all values are dates, or all but a few are numbers.
    """
    labels = [column.levels[code] for code in np.unique(column.codes) if code >= 0]
    if not column.is_text or not labels:
        return
    slips = [label for label in labels if not _NUMBER.fullmatch(label)]
    is_many = len(labels) > _MOST_CODES
    data = f"data[{name.name!r}]"
    if all(_DATE.fullmatch(label) for label in labels):
        fix = f"convert it, `t = pd.to_datetime({data})` and `(t - t.min()).dt.days`"
        _refuse(name, column, table, "dates", labels, fix)
    elif not slips and (is_many or not all(_WHOLE.fullmatch(label) for label in labels)):
        _refuse(name, column, table, "numbers", labels, f"convert it, `pd.to_numeric({data})`")
    elif is_many and len(slips) <= (1.0 - _MOSTLY) * len(labels):
        fix = f"mend the cell and convert the column, `pd.to_numeric({data})`"
        _refuse(name, column, table, "numbers but for a few cells", slips, fix)


def _refuse(
    name: Name, column: FactorColumn, table: Table, kind: str, labels: list[str], fix: str
) -> None:
    """Raise with the first row that has one of the labels."""
    shown = {code for code, label in enumerate(column.levels) if label in set(labels)}
    row = next(row for row, code in enumerate(column.codes) if code in shown)
    raise DataError(
        f"predictor `{name.name}` holds {kind}, written as text",
        given=f"`{column.levels[column.codes[row]]}` in row {table.rows[row]}, one of "
        f"{len(column.levels):,} values",
        expected="numbers for one slope, or a factor that is meant as one",
        fix=f"{fix}, or write `factor({name})` for a coefficient of each value",
        source=name.source,
    )
