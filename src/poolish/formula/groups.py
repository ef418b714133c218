"""What stands right of the bar of a group term."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import NoReturn

from poolish.errors import FormulaError
from poolish.formula.cursor import Cursor
from poolish.formula.expand import MAX_DEGREE
from poolish.formula.expressions import read_argument, read_arguments, read_name
from poolish.formula.functions import GROUPINGS, bind_arguments, find_signature
from poolish.formula.terms import (
    Call,
    Expression,
    Grouping,
    Name,
    cover_sources,
)

type _Levels = tuple[Grouping, ...]


def read_groupings(cursor: Cursor) -> _Levels:
    """Return the groupings that start here: `a/b/c` is `a`, `a:b` and `a:b:c`.

    Raises
    ------
    FormulaError
        If it is not made of columns by `:` and `/`, nor a call of `gr`, `kin` or `mm`.
    """
    levels = (_read_function(cursor),) if cursor.is_at_call() else _read_nested(cursor)
    if cursor.is_at("+", "*", "-", "^", "%in%"):
        _refuse_operator(cursor)
    return levels


def _read_nested(cursor: Cursor) -> _Levels:
    levels = _read_crossed(cursor)
    while cursor.accept("/"):
        levels = _nest(levels, _read_crossed(cursor))
    return levels


def _read_crossed(cursor: Cursor) -> _Levels:
    levels = _read_columns(cursor)
    while cursor.accept(":"):
        right = _read_columns(cursor)
        levels = tuple(_join(a, b) for a in levels for b in right)
    return levels


def _read_columns(cursor: Cursor) -> _Levels:
    if cursor.accept("("):
        inner = _read_nested(cursor)
        cursor.expect(")")
        return inner
    if cursor.is_at_call():
        _refuse_inner_call(cursor)
    name = read_name(cursor)
    return (Grouping((name,), source=name.source),)


def _nest(left: _Levels, right: _Levels) -> _Levels:
    """Return the levels of `left / right`: right lies within all columns of left together."""
    whole = reduce(_join, left)
    return (*left, *(_join(whole, each) for each in right))


def _join(left: Grouping, right: Grouping) -> Grouping:
    columns = tuple(dict.fromkeys((*left.variables, *right.variables)))
    source = cover_sources(left.source, right.source)
    if len(columns) > MAX_DEGREE:
        raise FormulaError(
            "a grouping joins too many columns",
            given=f"more than {MAX_DEGREE} columns",
            expected=f"at most {MAX_DEGREE} columns in one grouping",
            fix="add one column to the data that numbers the groups",
            source=source,
        )
    return Grouping(columns, source=source)


def _read_function(cursor: Cursor) -> Grouping:
    function = cursor.token
    find_signature(function, GROUPINGS, what="grouping")
    return _BUILDERS[function.value](read_arguments(cursor, read_argument))


def _build_gr(call: Call) -> Grouping:
    bound = _names(bind_arguments(call, GROUPINGS["gr"]), call)
    relation = bound.get("cov")
    name = None if relation is None else relation.name
    return Grouping((bound["g"],), name, bound.get("by"), source=call.source)


def _build_kin(call: Call) -> Grouping:
    bound = _names(bind_arguments(call, GROUPINGS["kin"]), call)
    return Grouping((bound["g"],), bound["K"].name, source=call.source)


def _build_mm(call: Call) -> Grouping:
    bound = _names(bind_arguments(call, GROUPINGS["mm"]), call)
    return Grouping(tuple(bound.values()), is_multiple=True, source=call.source)


_BUILDERS: dict[str, Callable[[Call], Grouping]] = {
    "gr": _build_gr,
    "kin": _build_kin,
    "mm": _build_mm,
}


def _names(bound: dict[str, Expression], call: Call) -> dict[str, Name]:
    return {key: _name(value, call) for key, value in bound.items()}


def _name(value: Expression, call: Call) -> Name:
    if isinstance(value, Name):
        return value
    raise FormulaError(
        f"`{value}` is not a name",
        given=f"`{call}`",
        expected="names of columns, and of a relation for `cov` and `K`",
        fix="add the values to the data as a column, and write its name",
        source=value.source,
    )


def _refuse_inner_call(cursor: Cursor) -> NoReturn:
    function = cursor.token
    raise FormulaError(
        "a function cannot stand inside a nested or crossed grouping",
        given=f"`{function.value}(...)`",
        expected="columns joined by `:` or `/`",
        fix="add the values to the data as a column, and write its name",
        source=function.source,
    )


def _refuse_operator(cursor: Cursor) -> NoReturn:
    operator = cursor.token.typed
    raise FormulaError(
        f"`{operator}` cannot stand right of the bar",
        given=f"`{operator}`",
        expected="a column, `a:b` for combinations, or `a/b` for b within a",
        fix="write one group term for each grouping: `(1 | a) + (1 | b)`",
        source=cursor.token.source,
    )
