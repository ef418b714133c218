"""Censored outcomes: the status of each row and the upper end of intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poolish.design.evaluate import evaluate_numbers
from poolish.design.learn import names_in
from poolish.design.states import Memory
from poolish.errors import DataError, FormulaError
from poolish.formula.terms import Expression, Name
from poolish.frame import Table, as_factor, describe_rows, drop_missing, get_column, take_rows

# As in brms: words, codes, and TRUE for right-censored.
STATUS: Mapping[str, int] = {
    "none": 0,
    "0": 0,
    "false": 0,
    "right": 1,
    "1": 1,
    "true": 1,
    "left": -1,
    "-1": -1,
    "interval": 2,
    "2": 2,
}


def read_censoring(
    arguments: Mapping[str, Expression], y: np.ndarray, table: Table, memory: Memory
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the status (0 none, 1 right, -1 left, 2 interval) and the upper ends of intervals.

    Raises
    ------
    DataError
        If a status is another word, or an interval does not end above its start.
    FormulaError
        If there are intervals but no `y2`, or the status is not a column.
    """
    status = _status(arguments.get("status"), table)
    is_interval = status == 2
    if "y2" in arguments:
        return status, _upper(arguments["y2"], is_interval, y, table, memory)
    if is_interval.any():
        raise _no_upper(arguments["status"], is_interval, table)
    return status, None


def _status(expression: Expression | None, table: Table) -> np.ndarray:
    if not isinstance(expression, Name):
        raise FormulaError(
            "the status in `cens()` is not a column",
            given="nothing" if expression is None else f"`{expression}`",
            expected="the name of a column with none, left, right or interval",
            fix="write `cens(status)`",
            source=None if expression is None else expression.source,
        )
    factor = as_factor(get_column(table, expression.name, expression.source))
    codes: np.ndarray = np.array([STATUS.get(label.lower(), 9) for label in factor.levels])[
        factor.codes
    ]
    if (codes == 9).any():
        unknown = [label for label in factor.levels if label.lower() not in STATUS]
        raise DataError(
            f"`{expression}` has censoring states that do not exist",
            given=f"{', '.join(unknown)} in {describe_rows(table, codes == 9)}",
            expected="none, right, left or interval (or 0, 1, -1, 2, or booleans, true = right)",
            fix="recode the column",
            source=expression.source,
        )
    return codes


def _upper(
    expression: Expression, is_interval: np.ndarray, y: np.ndarray, table: Table, memory: Memory
) -> np.ndarray:
    """Return the upper ends, NaN where a row is no interval: they may be missing there."""
    upper = np.full(table.n_obs, np.nan)
    intervals = take_rows(table, is_interval)
    if not is_interval.any():
        return upper
    drop_missing(intervals, [name.name for name in names_in(expression)])
    upper[is_interval] = evaluate_numbers(expression, intervals, memory)
    is_bad = is_interval & ~(upper > y)
    if is_bad.any():
        raise DataError(
            f"`{expression}` is not above the response in censored intervals",
            given=describe_rows(table, is_bad),
            expected="an upper end above the lower one, which is the response",
            fix="swap or correct the ends of these intervals",
            source=expression.source,
        )
    return upper


def _no_upper(status: Expression, is_interval: np.ndarray, table: Table) -> FormulaError:
    return FormulaError(
        "intervals in `cens()` have no upper end",
        given=f"interval in {describe_rows(table, is_interval)}",
        expected=f"`cens({status}, y2)` with the column of upper ends",
        fix=f"write `cens({status}, y2)`",
        source=status.source,
    )
