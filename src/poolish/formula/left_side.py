"""The left side of a formula: the response and what is known about each row."""

from __future__ import annotations

from dataclasses import replace

from poolish.errors import FormulaError
from poolish.formula.cursor import Cursor, refuse_missing
from poolish.formula.expressions import read_argument, read_arguments, read_expression
from poolish.formula.functions import ADDITIONS, Signature, bind_arguments, find_signature
from poolish.formula.terms import Binary, Call, Expression, Name, Response, Unary

_CBIND = Signature(("successes", "failures"))


def read_left_side(cursor: Cursor) -> Response:
    """Return the response that starts here and ends before `~`.

    Raises
    ------
    FormulaError
        If there is none, or a response term is unknown or given twice.
    """
    start = cursor.token.source
    if cursor.is_at("~"):
        raise FormulaError(
            "the left side is empty",
            given="nothing before `~`",
            expected="the response, a column of the data",
            fix="write the response before `~`, as in `y ~ x`",
            source=start,
        )
    is_cbind = cursor.is_at_call() and cursor.token.value == "cbind"
    value, trials = _read_cbind(cursor) if is_cbind else (read_expression(cursor), ())
    if not isinstance(value, Name | Unary | Binary | Call):
        raise FormulaError(
            "the response is not a column",
            given=f"`{value}`",
            expected="a column of the data, or an expression of columns",
            fix="write the name of the response, without quotes, before `~`",
            source=value.source,
        )
    additions = (*trials, *(_read_additions(cursor) if cursor.accept("|") else ()))
    _refuse_repeats(additions)
    named = tuple((call.function, call) for call in additions)
    return Response(value, named, cursor.span(start))


def _read_cbind(cursor: Cursor) -> tuple[Expression, tuple[Call, ...]]:
    """Return the successes of `cbind(s, f)` and `trials(s + f)`; for `f = n - s`, `trials(n)`."""
    call = read_arguments(cursor, read_argument)
    successes, failures = bind_arguments(call, _CBIND).values()
    match failures:
        case Binary("-", n, subtracted) if subtracted == successes:
            trials = n
        case _:
            trials = Binary("+", successes, failures, call.source)
    return successes, (Call("trials", (trials,), source=call.source),)


def _read_additions(cursor: Cursor) -> tuple[Call, ...]:
    additions = [_read_addition(cursor)]
    while cursor.accept("+"):
        additions.append(_read_addition(cursor))
    if cursor.is_at("|", ","):
        raise FormulaError(
            "response terms are joined by `+`",
            given=f"{cursor.token}",
            expected="one `|`, then response terms joined by `+`",
            fix="write `+`, as in `y | trials(n) + weights(w)`",
            source=cursor.token.source,
        )
    return tuple(additions)


def _read_addition(cursor: Cursor) -> Call:
    """Return a response term, `lb=` and `ub=` as keywords and other arguments by position."""
    if not cursor.is_at_call():
        refuse_missing(cursor, "a response term such as `trials(n)`")
    signature = find_signature(cursor.token, ADDITIONS, what="response term")
    call = read_arguments(cursor, read_argument)
    bound = bind_arguments(call, signature)
    if not bound:
        raise FormulaError(
            f"`{call.function}` is empty",
            given=f"`{call}`",
            expected=f"one of {', '.join(f'`{name}=`' for name in signature.settings)}, or both",
            fix=f"write, for example, `{call.function}({signature.settings[0]}=0)`",
            source=call.source,
        )
    keywords = tuple((name, bound.pop(name)) for name in signature.settings if name in bound)
    return replace(call, arguments=tuple(bound.values()), keywords=keywords)


def _refuse_repeats(additions: tuple[Call, ...]) -> None:
    names = [call.function for call in additions]
    for position, call in enumerate(additions):
        if call.function in names[:position]:
            raise FormulaError(
                f"`{call.function}(...)` is given twice",
                given=f"`{' + '.join(map(str, additions))}`",
                expected="each response term once; `cbind(s, f)` already gives `trials(s + f)`",
                fix=f"remove one `{call.function}(...)`",
                source=call.source,
            )
