"""The right side of a formula: population terms, group terms and offsets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from poolish.errors import FormulaError, Source
from poolish.formula.cursor import Cursor, refuse_missing
from poolish.formula.expand import (
    Part,
    add,
    cross,
    finish_terms,
    interact,
    lie_within,
    nest,
    part_of,
    raise_to,
    remove,
)
from poolish.formula.expressions import (
    read_argument,
    read_arguments,
    read_call,
    read_name,
    read_number,
)
from poolish.formula.functions import Signature, bind_arguments
from poolish.formula.groups import read_groupings
from poolish.formula.lexer import Kind
from poolish.formula.terms import GroupTerm, LinearFormula, Term

# How tightly operators bind between terms, as in R, and what they do.
_OPERATORS: dict[str, tuple[int, Callable[[Part, Part, Source], Part]]] = {
    "+": (10, add),
    "-": (10, remove),
    "*": (20, cross),
    "/": (20, nest),
    "%in%": (30, lie_within),
    ":": (40, interact),
}
_ADDEND = 11
_PRODUCT = 20
_NAMES = (Kind.NAME, Kind.QUOTED)


def read_right_side(cursor: Cursor) -> LinearFormula:
    """Return the right side that starts here and ends with the text.

    Raises
    ------
    FormulaError
        With the place, for anything that is not a right side.
    """
    if cursor.token.kind is Kind.END:
        raise FormulaError(
            "the right side is empty",
            given="nothing after `~`",
            expected="terms, or `1` for an intercept alone",
            fix="write `y ~ 1`, or add predictors after `~`",
            source=cursor.token.source,
        )
    part = _read_terms(cursor, 0)
    cursor.expect_end()
    return LinearFormula(finish_terms(part), part.groups, part.offsets)


def _read_terms(cursor: Cursor, minimum: int) -> Part:
    """Return the terms whose operators bind at least as tightly as `minimum`."""
    left = _read_power(cursor, minimum)
    while cursor.is_at(*_OPERATORS) and _OPERATORS[cursor.token.value][0] >= minimum:
        operator = cursor.take()
        binding, combine = _OPERATORS[operator.value]
        left = combine(left, _read_terms(cursor, binding + 1), operator.source)
    return left


def _read_power(cursor: Cursor, minimum: int) -> Part:
    """Return a factor with the powers that follow it; they bind most tightly."""
    if cursor.is_at("+", "-"):
        return _read_signed(cursor, minimum)
    part = _read_factor(cursor)
    while cursor.is_at("^"):
        operator = cursor.take()
        part = raise_to(part, _read_exponent(cursor), operator.source)
    return part


def _read_signed(cursor: Cursor, minimum: int) -> Part:
    if minimum > _ADDEND:
        raise FormulaError(
            "a sign cannot stand inside a product of terms",
            given=f"{cursor.token}",
            expected="a sign only between terms, as in `a + b - a:b`",
            fix=f"remove {cursor.token}, or write arithmetic inside `I(...)`",
            source=cursor.token.source,
        )
    sign = cursor.take()
    _, combine = _OPERATORS[sign.value]
    return combine(Part(), _read_terms(cursor, _PRODUCT), sign.source)


def _read_exponent(cursor: Cursor) -> int:
    token = cursor.token
    value = read_number(cursor).value if token.kind is Kind.NUMBER else 0.0
    if value < 1 or not value.is_integer():
        raise FormulaError(
            "the power of a sum of terms is not a whole number",
            given=f"{token} after `^`",
            expected="a whole number of at least 1, as in `(a + b)^2`",
            fix="write a whole number, or arithmetic inside `I(...)`",
            source=token.source,
        )
    return int(value)


def _read_factor(cursor: Cursor) -> Part:
    if cursor.is_at("("):
        return _read_parentheses(cursor)
    if cursor.is_at_call():
        return _read_offset(cursor) if cursor.token.value == "offset" else _read_function(cursor)
    read = _FACTORS.get(cursor.token.kind)
    if read is None:
        refuse_missing(cursor, "a term")
    return read(cursor)


def _read_function(cursor: Cursor) -> Part:
    call = read_call(cursor)
    return part_of(Term((call,), call.source))


def _read_offset(cursor: Cursor) -> Part:
    call = read_arguments(cursor, read_argument)
    return Part(offsets=tuple(bind_arguments(call, Signature()).values()))


def _read_column(cursor: Cursor) -> Part:
    name = read_name(cursor)
    return part_of(Term((name,), name.source))


def _read_constant(cursor: Cursor) -> Part:
    number = read_number(cursor)
    if number.value not in (0, 1):
        raise FormulaError(
            f"the number `{number}` is not a term",
            given=f"`{number}`",
            expected="`1` or `0` for with or without an intercept, and columns",
            fix="write arithmetic inside `I(...)`, as in `I(2 * x)`",
            source=number.source,
        )
    return Part(intercept=number.value == 1)


def _refuse_text(cursor: Cursor) -> NoReturn:
    token = cursor.token
    raise FormulaError(
        "a quoted text is not a term",
        given=f"{token}",
        expected="the name of a column",
        fix=f"write `{token.value}` without quotes, in backticks if it has spaces",
        source=token.source,
    )


_FACTORS: dict[Kind, Callable[[Cursor], Part]] = {
    Kind.NAME: _read_column,
    Kind.QUOTED: _read_column,
    Kind.NUMBER: _read_constant,
    Kind.TEXT: _refuse_text,
}


def _read_parentheses(cursor: Cursor) -> Part:
    opening = cursor.take()
    part = _read_terms(cursor, 0)
    if cursor.is_at("|", "||"):
        return Part(groups=_read_group_terms(cursor, part, opening.source))
    cursor.expect(")")
    return part


def _read_group_terms(cursor: Cursor, effects: Part, opening: Source) -> tuple[GroupTerm, ...]:
    """Return the group terms of `(effects | grouping)`, one for each level of nesting."""
    bar = cursor.take()
    is_correlated = bar.value == "|"
    share = None
    if is_correlated and cursor.token.kind in _NAMES and cursor.is_before("|"):
        share = read_name(cursor).name
        cursor.take()
    groupings = read_groupings(cursor)
    cursor.expect(")")
    source = cursor.span(opening)
    terms = _finish_effects(effects, source)
    return tuple(GroupTerm(terms, each, is_correlated, share, source) for each in groupings)


def _finish_effects(effects: Part, source: Source) -> tuple[Term, ...]:
    terms = finish_terms(effects)
    if effects.groups or effects.offsets or not terms:
        raise FormulaError(
            "left of the bar stand no population terms",
            given=f"`{source.text[source.start : source.stop]}`",
            expected="`1`, columns or their products, without group terms or offsets",
            fix="write, for example, `(1 | g)` or `(1 + x | g)`",
            source=source,
        )
    return terms
