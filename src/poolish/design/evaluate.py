"""Expressions of a formula to columns, on any data, coded as the fitting data were."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from poolish.design.contrasts import Contrast, default_contrast, parse_contrast
from poolish.design.group_means import group_means
from poolish.design.options import split_arguments
from poolish.design.states import GroupMeans, Levels, Memory
from poolish.design.transforms import ELEMENTWISE, transform
from poolish.errors import DataError, FormulaError
from poolish.formula.terms import Binary, Call, Expression, Name, Number, Text, Unary
from poolish.frame import FactorColumn, Table, as_factor, describe_rows, get_column, relabel


@dataclass(frozen=True, slots=True)
class Factor:
    """A categorical variable and how its levels are coded. `codes` has shape (obs,)."""

    codes: np.ndarray
    levels: tuple[str, ...]
    contrast: Contrast


type Value = np.ndarray | Factor

_OPERATORS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "**": operator.pow,
}


def read_factor(expression: Expression, table: Table) -> FactorColumn:
    """Return a column as a factor with the levels of this very table."""
    match expression:
        case Name():
            return as_factor(get_column(table, expression.name, expression.source))
        case Call(function="factor" | "C"):
            return read_factor(expression.arguments[0], table)
        case _:
            raise FormulaError(
                f"`{expression}` cannot be a factor",
                given=f"`{expression}`",
                expected="the name of a column",
                fix="add the grouping as a column to the data and name it",
                source=expression.source,
            )


def evaluate(expression: Expression, table: Table, memory: Memory) -> Value:
    """Return the values of an expression on a table, coded as remembered.

    Raises
    ------
    DataError
        If a level is unknown, a column changed its kind, or a result is not finite.
    """
    match expression:
        case Name():
            return _evaluate_name(expression, table, memory)
        case Number():
            return np.asarray(expression.value)
        case Call(function="factor" | "C"):
            return _evaluate_factor(expression, table, memory)
        case Unary() | Binary() | Call():
            with np.errstate(all="ignore"):
                values = _compute(expression, table, memory)
            _check_finite(values, expression, table)
            return values
        case Text():
            raise _not_numeric(expression)


def evaluate_numbers(expression: Expression, table: Table, memory: Memory) -> np.ndarray:
    """Return the values of a numeric expression, shape (obs,) or, for constants, ()."""
    values = evaluate(expression, table, memory)
    if isinstance(values, Factor) or values.ndim > 1:
        raise _not_numeric(expression)
    return values


def evaluate_column(expression: Expression, table: Table, memory: Memory) -> np.ndarray:
    """Return the values of a numeric expression, shape (obs,); read only for constants."""
    return np.broadcast_to(evaluate_numbers(expression, table, memory), (table.n_obs,))


def _compute(expression: Unary | Binary | Call, table: Table, memory: Memory) -> np.ndarray:
    match expression:
        case Unary():
            value = evaluate_numbers(expression.operand, table, memory)
            return -value if expression.operator == "-" else value
        case Binary():
            left = evaluate_numbers(expression.left, table, memory)
            right = evaluate_numbers(expression.right, table, memory)
            return _OPERATORS[expression.operator](left, right)
        case Call():
            return _compute_call(expression, table, memory)


def _compute_call(call: Call, table: Table, memory: Memory) -> np.ndarray:
    variables, _ = split_arguments(call)
    x = evaluate_column(variables[0], table, memory)
    if call.function in ELEMENTWISE:
        return ELEMENTWISE[call.function](x)
    state = memory[str(call)]
    if isinstance(state, GroupMeans):
        means = group_means(state, x, read_factor(variables[1], table))
        return means if call.function == "between" else x - means
    return transform(state, x)


def _evaluate_name(name: Name, table: Table, memory: Memory) -> Value:
    column = get_column(table, name.name, name.source)
    state = memory.get(str(name))
    if isinstance(state, Levels):
        return _code(as_factor(column), state, default_contrast(state.is_ordered), name, table)
    if isinstance(column, FactorColumn):
        raise DataError(
            f"column `{name.name}` was numeric in the fitting data and now is not",
            given=f"labels {', '.join(column.levels[:5])}",
            expected="numbers",
            fix=f"convert `{name.name}` to numbers",
            source=name.source,
        )
    return np.asarray(column.values, dtype=float)


def _evaluate_factor(call: Call, table: Table, memory: Memory) -> Factor:
    state = memory[str(call)]
    assert isinstance(state, Levels)
    contrast = parse_contrast(call, state.levels, state.is_ordered)
    return _code(read_factor(call, table), state, contrast, call, table)


def _code(
    found: FactorColumn, state: Levels, contrast: Contrast, expression: Expression, table: Table
) -> Factor:
    codes = relabel(found, state.levels).codes
    is_unknown = codes < 0
    if not is_unknown.any():
        return Factor(codes, state.levels, contrast)
    unknown = dict.fromkeys(found.levels[code] for code in found.codes[is_unknown])
    raise DataError(
        f"`{expression}` has levels that the fitting data did not have",
        given=f"{', '.join(unknown)} in {describe_rows(table, is_unknown)}",
        expected=f"one of {', '.join(state.levels)}",
        fix="leave these rows out, or fit again with data that have these levels",
        source=expression.source,
    )


def _check_finite(values: np.ndarray, expression: Expression, table: Table) -> None:
    is_bad = ~np.isfinite(values)
    if not is_bad.any():
        return
    is_bad_row = np.broadcast_to(is_bad.T, (*is_bad.T.shape[:-1], table.n_obs))
    is_bad_row = is_bad_row.reshape(-1, table.n_obs).any(axis=0)
    raise DataError(
        f"`{expression}` is not a finite number everywhere",
        given=f"{describe_rows(table, is_bad_row)}",
        expected="a finite value in every row",
        fix="check the values of these rows, or change the transformation",
        source=expression.source,
    )


def _not_numeric(expression: Expression) -> FormulaError:
    return FormulaError(
        f"`{expression}` is not one number per row",
        given=f"`{expression}`, a factor, a text or several columns",
        expected="a numeric variable inside arithmetic and functions",
        fix="use it as a term of its own, or convert the column to numbers",
        source=expression.source,
    )
