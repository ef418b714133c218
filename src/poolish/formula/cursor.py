"""A place in the tokens of a formula, and what to say where a formula stops making sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from poolish.errors import FormulaError, Source
from poolish.formula.lexer import Kind, Token, lex


class Cursor:
    """Reads tokens from left to right.

    Parameters
    ----------
    text : str
        One formula, or the text of a prior.

    Attributes
    ----------
    tokens : tuple of Token
    n_operators : int
        Operators of the expression being read, counted by its reader to bound its size.
    """

    def __init__(self, text: str) -> None:
        self.tokens = lex(text)
        self._position = 0
        self.n_operators = 0

    @property
    def token(self) -> Token:
        """Return the token to be read next."""
        return self.tokens[self._position]

    @property
    def previous(self) -> Token | None:
        """Return the token read last, None at the start."""
        return self.tokens[self._position - 1] if self._position else None

    def take(self) -> Token:
        """Return the next token and move past it."""
        token = self.token
        self._position = min(self._position + 1, len(self.tokens) - 1)
        return token

    def is_at(self, *operators: str) -> bool:
        """Return whether the next token is one of these operators."""
        return self.token.kind is Kind.OPERATOR and self.token.value in operators

    @property
    def following(self) -> Token:
        """Return the token after the next one."""
        return self.tokens[min(self._position + 1, len(self.tokens) - 1)]

    def is_before(self, operator: str) -> bool:
        """Return whether this operator follows the next token."""
        return self.following.kind is Kind.OPERATOR and self.following.value == operator

    def is_at_call(self) -> bool:
        """Return whether a function call starts here; a name in backticks is a column."""
        return self.token.kind is Kind.NAME and self.is_before("(")

    def accept(self, operator: str) -> bool:
        """Return whether the next token is this operator, moving past it if so."""
        is_there = self.is_at(operator)
        if is_there:
            self.take()
        return is_there

    def expect(self, operator: str) -> Token:
        """Return the next token, which must be this operator."""
        if not self.is_at(operator):
            refuse_token(self)
        return self.take()

    def expect_end(self) -> None:
        """Raise unless the whole text has been read."""
        if self.token.kind is not Kind.END:
            refuse_token(self)

    def span(self, start: Source) -> Source:
        """Return the stretch of text from `start` to the token read last."""
        stop = start.stop if self.previous is None else self.previous.source.stop
        return Source(start.text, start.start, stop)


def refuse_missing(cursor: Cursor, wanted: str) -> NoReturn:
    """Raise because `wanted` (a term, a number, ...) does not stand here.

    Raises
    ------
    FormulaError
        At the operator that nothing follows, or at the token that is out of place.
    """
    previous, token = cursor.previous, cursor.token
    is_ending = token.kind is Kind.END or cursor.is_at(")", ",", "~")
    if previous is not None and previous.kind is Kind.OPERATOR and is_ending:
        raise FormulaError(
            f"nothing follows `{previous.typed}`",
            given=f"{token} after `{previous.typed}`",
            expected=f"{wanted} after `{previous.typed}`",
            fix=f"add {wanted}, or remove `{previous.typed}`",
            source=previous.source,
        )
    raise FormulaError(
        f"{wanted} is missing",
        given=f"{token}",
        expected=f"{wanted} here",
        fix=f"write {wanted} before {token}",
        source=token.source,
    )


def refuse_token(cursor: Cursor) -> NoReturn:
    """Raise because the next token cannot follow what was read so far.

    Raises
    ------
    FormulaError
        With the fix for this operator, or for two terms without an operator between them.
    """
    token = cursor.token
    refuse = _OUT_OF_PLACE.get(token.value) if token.kind is Kind.OPERATOR else None
    problem, expected, fix = (refuse or _no_operator)(cursor)
    raise FormulaError(problem, given=f"{token}", expected=expected, fix=fix, source=token.source)


_WORDS = (Kind.NAME, Kind.QUOTED, Kind.NUMBER)

type _Parts = tuple[str, str, str]


def _no_operator(cursor: Cursor) -> _Parts:
    previous = "the start" if cursor.previous is None else f"{cursor.previous}"
    return (
        f"{cursor.token} cannot follow {previous}",
        "an operator between two terms, `,` or `)` inside a call",
        "add the operator, usually `+`; write a name with spaces in backticks",
    )


def _bar_out_of_place(cursor: Cursor) -> _Parts:
    return (
        "a group term needs parentheses",
        "`(effects | group)` around every `|`",
        f"write `{_spell_group(cursor)}`, added to the other terms by `+`",
    )


def _spell_group(cursor: Cursor) -> str:
    """Return the group term that was probably meant around this bar."""
    words = (cursor.previous, cursor.following)
    left, right = ("" if word is None else word.typed for word in words)
    is_plain = all(word is not None and word.kind in _WORDS for word in words)
    return f"({left} {cursor.token.typed} {right})" if is_plain else "(1 | g)"


def _second_tilde(cursor: Cursor) -> _Parts:
    return (
        "a formula has one `~`",
        "one response and one right side",
        "give formulas of other parameters as a list, or each on its own line",
    )


def _comma_out_of_place(cursor: Cursor) -> _Parts:
    return (
        "a `,` stands only between the arguments of a function",
        "terms added by `+`",
        "write `+`; give formulas of other parameters as a list, or each on its own line",
    )


def _equals_out_of_place(cursor: Cursor) -> _Parts:
    return (
        f"`{cursor.token.typed}` stands only inside a call, as in `poly(x, degree=2)`",
        "`~` between the two sides of a formula",
        "write `~`, or add a comparison to the data as a column",
    )


def _term_operator(cursor: Cursor) -> _Parts:
    return (
        f"`{cursor.token.typed}` has no meaning here",
        "arithmetic (`+ - * / ^`) inside functions and on the left side, `:` and `/` in groups",
        "move the operator outside of the call",
    )


_OUT_OF_PLACE: dict[str, Callable[[Cursor], _Parts]] = {
    "|": _bar_out_of_place,
    "||": _bar_out_of_place,
    "~": _second_tilde,
    ",": _comma_out_of_place,
    "=": _equals_out_of_place,
    "==": _equals_out_of_place,
    **dict.fromkeys((":", "%in%", "*", "/", "^", "+", "-"), _term_operator),
}
