"""Formula text to `Formula`, and prior text to `Call`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import normalize

from poolish.errors import FormulaError
from poolish.formula.cursor import Cursor
from poolish.formula.expressions import read_arguments, read_number
from poolish.formula.left_side import read_left_side
from poolish.formula.lexer import Kind, Token
from poolish.formula.right_side import read_right_side
from poolish.formula.terms import Call, Expression, Formula, LinearFormula, Name, Unary
from poolish.formula.unsupported import refuse_unsupported
from poolish.formula.walk import all_terms, linear_formulas

MAX_LENGTH = 10_000


def parse(text: str | Sequence[str]) -> Formula:
    """Return the formula that a text stands for.

    Parameters
    ----------
    text : str or sequence of str
        One formula, or the main one followed by those of other parameters, as a list or on
        lines of their own: `["y ~ x + (1 | g)", "sigma ~ x"]`.

    Raises
    ------
    FormulaError
        If it cannot be read; the place is shown.
    UnsupportedError
        If it holds a form that is not fitted yet.

    Examples
    --------
    >>> print(parse("Reaction ~ Days + (Days | Subject)"))
    Reaction ~ 1 + Days + (1 + Days | Subject)
    >>> print(parse("y ~ a * b + (1 | school/class)"))
    y ~ 1 + a + b + a:b + (1 | school) + (1 | school:class)
    """
    formula = read_formula(text)
    refuse_unsupported(formula)
    return formula


def read_formula(text: str | Sequence[str]) -> Formula:
    """Return the formula, forms that are not fitted yet included.

    Raises
    ------
    FormulaError
        If it cannot be read, or is longer than 10,000 characters, typed or expanded.
    """
    main, *others = _split_formulas(text)
    cursor = _open(main)
    response = read_left_side(cursor)
    cursor.expect("~")
    right = read_right_side(cursor)
    parameters = tuple(_read_parameter(other) for other in others)
    _check_parameters(response.value, [name for name, _ in parameters])
    formula = Formula(response, right, tuple((name.name, part) for name, part in parameters))
    _check_response(formula)
    _check_length(str(formula), "expanded")
    return formula


def parse_call(text: str) -> Call:
    """Return the call of numbers that a text such as `normal(0, -5)` stands for.

    Raises
    ------
    FormulaError
        If it is anything else than one name with numbers in parentheses.

    Examples
    --------
    >>> parse_call("half_student_t(3, 0, 20)").function
    'half_student_t'
    """
    text = _check_text(text)
    _check_length(text, "typed")
    cursor = Cursor(text)
    if not cursor.is_at_call():
        raise FormulaError(
            "this is not a name with numbers in parentheses",
            given=f"`{cursor.token.source.text.strip()}`",
            expected="a call such as `normal(0, 5)`",
            fix="write the name, then its numbers in parentheses",
            source=cursor.token.source,
        )
    call = read_arguments(cursor, _read_signed_number)
    cursor.expect_end()
    if call.keywords:
        raise FormulaError(
            "numbers are given by position, without names",
            given=f"`{call}`",
            expected="numbers only, as in `normal(0, 5)`",
            fix=f"write `{call.function}({', '.join(str(value) for _, value in call.keywords)})`",
            source=call.source,
        )
    return call


def _read_signed_number(cursor: Cursor, position: int) -> Expression:
    if not cursor.is_at("-", "+"):
        return read_number(cursor)
    sign = cursor.take()
    return Unary(sign.value, read_number(cursor), cursor.span(sign.source))


def _split_formulas(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the formulas of a text; a line that holds no `~` of its own continues one."""
    is_list = isinstance(text, Sequence) and not isinstance(text, str | bytes)
    texts = tuple(map(_check_text, text if is_list else (text,)))
    _check_length("\n".join(texts), "typed")
    formulas = tuple(formula for part in texts for formula in _join_lines(part.split("\n")))
    if not formulas:
        raise FormulaError(
            "the formula is empty",
            given="no text",
            expected="a response, `~` and predictors",
            fix="write, for example, `y ~ x + (1 | g)`",
        )
    return formulas


def _join_lines(lines: list[str]) -> list[str]:
    joined: list[str] = []
    for line in lines:
        if not joined or (_has_tilde(line) and _has_tilde(joined[-1])):
            joined.append(line)
        else:
            joined[-1] = f"{joined[-1]}\n{line}"
    return [formula for formula in joined if formula.strip()]


def _has_tilde(text: str) -> bool:
    return "~" in re.sub(r"`[^`\n]*`", "", text)


def _open(text: str) -> Cursor:
    """Return the start of a formula that is known to have a `~`."""
    cursor = Cursor(text)
    if not any(_is_operator(token, "~") for token in cursor.tokens):
        raise _no_tilde(cursor)
    return cursor


def _no_tilde(cursor: Cursor) -> FormulaError:
    equals = (token for token in cursor.tokens if _is_operator(token, "=", "=="))
    at = next(equals, cursor.tokens[-1])
    is_equals = at.kind is Kind.OPERATOR
    return FormulaError(
        "the formula has no `~`",
        given=f"{at} instead" if is_equals else f"`{at.source.text.strip()}`",
        expected="the response, `~`, then the predictors",
        fix=f"write `~` in place of {at}" if is_equals else "write, for example, `y ~ x`",
        source=at.source,
    )


def _is_operator(token: Token, *operators: str) -> bool:
    return token.kind is Kind.OPERATOR and token.value in operators


def _read_parameter(text: str) -> tuple[Name, LinearFormula]:
    """Return the parameter of a further formula, as in `sigma ~ x`, and its right side."""
    cursor = _open(text)
    if cursor.token.kind is not Kind.NAME or not cursor.is_before("~"):
        raise FormulaError(
            "left of a further formula stands one family parameter",
            given=f"`{text.strip()}`",
            expected="the name of a parameter and `~`, as in `sigma ~ x`",
            fix="write the name of the parameter; fit a second response as a model of its own",
            source=cursor.token.source,
        )
    token = cursor.take()
    cursor.take()
    return Name(token.value, token.source), read_right_side(cursor)


def _check_parameters(response: Expression, names: Sequence[Name]) -> None:
    """Raise if a parameter has two formulas, or is not one beside the main formula."""
    taken = ["mu", response.name if isinstance(response, Name) else "mu"]
    for name in names:
        if name.name in taken:
            raise FormulaError(
                f"`{name}` has a formula already",
                given=f"a further formula for `{name}`",
                expected="the first formula for `mu`, then one for each other family parameter",
                fix=f"put all terms of `{name}` into one formula",
                source=name.source,
            )
        taken.append(name.name)


def _check_response(formula: Formula) -> None:
    """Raise if the response explains itself."""
    response = formula.response.value
    terms = (term for right in linear_formulas(formula) for term in all_terms(right))
    both = next((term for term in terms if response in term.variables), None)
    if both is not None:
        raise FormulaError(
            f"the response `{response}` stands on both sides",
            given=f"`{both}` on the right side",
            expected="predictors other than the response",
            fix=f"remove `{both}` from the right side",
            source=both.source,
        )


def _check_text(text: object) -> str:
    """Return a text with accents composed, as in the names of columns; raise if it is none."""
    if isinstance(text, str):
        return normalize("NFC", text)
    raise FormulaError(
        "a formula is a text",
        given=f"{type(text).__name__}",
        expected="a text, or a list of texts",
        fix='write, for example, `"y ~ x + (1 | g)"`',
    )


def _check_length(text: str, how: str) -> None:
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula is too long as {how}",
            given=f"{len(text):,} characters",
            expected=f"at most {MAX_LENGTH:,} characters",
            fix="use fewer terms or shorter names, or combine columns first",
        )
