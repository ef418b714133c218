"""Arithmetic and calls: what stands inside functions and on the left side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from poolish.errors import FormulaError, UnsupportedError
from poolish.formula.cursor import Cursor, refuse_missing
from poolish.formula.functions import CONTRASTS, FUNCTIONS, check_call, find_signature
from poolish.formula.lexer import Kind
from poolish.formula.spelling import is_dots
from poolish.formula.terms import (
    BINDING,
    SIGN_BINDING,
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Text,
    Unary,
)

MAX_OPERATORS = 100


def read_expression(cursor: Cursor) -> Expression:
    """Return the expression that starts here, with R's precedence of operators.

    Raises
    ------
    FormulaError
        If there is no expression here, or it has more than 100 operators.
    """
    cursor.n_operators = 0
    return _read_operators(cursor, 0)


def read_argument(cursor: Cursor, position: int) -> Expression:
    """Return an argument that is any expression, whatever its position."""
    return read_expression(cursor)


def _read_operators(cursor: Cursor, minimum: int) -> Expression:
    """Return an expression whose operators bind at least as tightly as `minimum`."""
    start = cursor.token.source
    left = _read_operand(cursor)
    while cursor.is_at(*BINDING) and BINDING[cursor.token.value] >= minimum:
        operator = _take_operator(cursor)
        binding = BINDING[operator]
        right = _read_operators(cursor, binding if operator == "^" else binding + 1)
        left = Binary(operator, left, right, cursor.span(start))
    return left


def _read_operand(cursor: Cursor) -> Expression:
    token = cursor.token
    if cursor.is_at("+", "-"):
        sign = _take_operator(cursor)
        operand = _read_operators(cursor, SIGN_BINDING)
        return Unary(sign, operand, cursor.span(token.source))
    if cursor.accept("("):
        inner = _read_operators(cursor, 0)
        cursor.expect(")")
        return inner
    if cursor.is_at_call():
        return read_call(cursor)
    if token.kind not in _LITERALS:
        refuse_missing(cursor, "a column or a number")
    return _LITERALS[token.kind](cursor)


def _take_operator(cursor: Cursor) -> str:
    """Return the next operator; trees stay small enough for any recursion over them."""
    token = cursor.take()
    cursor.n_operators += 1
    if cursor.n_operators > MAX_OPERATORS:
        raise FormulaError(
            "the arithmetic is too long",
            given=f"more than {MAX_OPERATORS} operators",
            expected=f"at most {MAX_OPERATORS} operators in one expression",
            fix="add the result to the data as a column",
            source=token.source,
        )
    return token.value


def read_name(cursor: Cursor) -> Name:
    """Return the column that is named here.

    Raises
    ------
    FormulaError
        If there is no name here.
    UnsupportedError
        If the name is `.`, R's sign for all other columns.
    """
    token = cursor.token
    if token.kind not in (Kind.NAME, Kind.QUOTED):
        refuse_missing(cursor, "a column")
    if token.kind is Kind.NAME and is_dots(token.value):
        raise UnsupportedError(
            f"`{token.value}` for all other columns is not supported",
            given=f"`{token.value}`",
            expected="the names of columns",
            fix="write the columns out: `y ~ a + b + c`",
            source=token.source,
        )
    cursor.take()
    return Name(token.value, token.source)


def read_number(cursor: Cursor) -> Number:
    """Return the number that stands here.

    Raises
    ------
    FormulaError
        If there is no number here, or it is too large for double precision.
    """
    if cursor.token.kind is not Kind.NUMBER:
        refuse_missing(cursor, "a number")
    token = cursor.take()
    value = float(token.value)
    if not math.isfinite(value):
        raise FormulaError(
            "this number is too large",
            given=f"{token}",
            expected="a number below 1.8e308",
            fix="write a smaller number",
            source=token.source,
        )
    return Number(value, token.source)


def _read_text(cursor: Cursor) -> Text:
    token = cursor.take()
    return Text(token.value, token.source)


_LITERALS: dict[Kind, Callable[[Cursor], Expression]] = {
    Kind.NAME: read_name,
    Kind.QUOTED: read_name,
    Kind.NUMBER: read_number,
    Kind.TEXT: _read_text,
}


def read_call(cursor: Cursor) -> Call:
    """Return the call of one of the fixed list of functions that starts here.

    Raises
    ------
    FormulaError
        If the function is unknown or does not take these arguments.
    """
    function = cursor.token
    find_signature(function, FUNCTIONS)
    call = read_arguments(cursor, _read_coding if function.value == "C" else _read_inner)
    check_call(call, FUNCTIONS)
    return call


def _read_inner(cursor: Cursor, position: int) -> Expression:
    return _read_operators(cursor, 0)


def _read_coding(cursor: Cursor, position: int) -> Expression:
    """Return an argument of `C(f, contrast)`."""
    return _read_operators(cursor, 0) if position == 0 else _read_contrast(cursor)


def _read_contrast(cursor: Cursor) -> Expression:
    """Return a contrast by name, `sum`, or with its settings, `treatment("b")`."""
    is_call = cursor.is_at_call()
    typed = cursor.token
    name = replace(typed, value=typed.value.removeprefix("contr."))  # R's contr.sum
    if typed.kind is Kind.OPERATOR:
        refuse_missing(cursor, "a contrast")
    find_signature(name, CONTRASTS, what="contrast")
    if not is_call:
        cursor.take()
        return Name(name.value, name.source)
    call = replace(read_arguments(cursor, _read_inner), function=name.value)
    check_call(call, CONTRASTS)
    return call


def read_arguments(cursor: Cursor, read_value: Callable[[Cursor, int], Expression]) -> Call:
    """Return the call that starts here, of any function, its arguments unchecked.

    Parameters
    ----------
    cursor : Cursor
        At the name of the function.
    read_value : callable
        Reads the argument at a position, counted from 0.
    """
    function = cursor.take()
    cursor.expect("(")
    arguments: list[Expression] = []
    keywords: list[tuple[str, Expression]] = []
    while not cursor.is_at(")") or arguments or keywords:
        keyword = _read_keyword(cursor, is_required=bool(keywords))
        value = read_value(cursor, len(arguments) + len(keywords))
        if keyword is None:
            arguments.append(value)
        else:
            keywords.append((keyword, value))
        if not cursor.accept(","):
            break
    cursor.expect(")")
    return Call(function.value, tuple(arguments), tuple(keywords), cursor.span(function.source))


def _read_keyword(cursor: Cursor, *, is_required: bool) -> str | None:
    """Return the name before `=`, None when the argument has none."""
    if cursor.token.kind is Kind.NAME and cursor.is_before("="):
        keyword = cursor.take()
        cursor.take()
        return keyword.value
    if is_required:
        raise FormulaError(
            "an argument without a name follows one with a name",
            given=f"{cursor.token}",
            expected="arguments with names last, as in `bs(x, df=5)`",
            fix="move it to the front, or give it its name",
            source=cursor.token.source,
        )
    return None
