"""Formula text to tokens, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from poolish.errors import FormulaError, Source
from poolish.formula.spelling import IDENTIFIER

MAX_DEPTH = 50


class Kind(Enum):
    """What a token is; a `QUOTED` name stood in backticks."""

    NAME = auto()
    QUOTED = auto()
    NUMBER = auto()
    TEXT = auto()
    OPERATOR = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a formula: its kind, its value without quotes, and where it stands."""

    kind: Kind
    value: str
    source: Source

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else f"`{self.typed}`"

    @property
    def typed(self) -> str:
        """Return the token as it was typed."""
        return self.source.text[self.source.start : self.source.stop]


_TOKEN = re.compile(
    rf"""
    (?P<SPACE>\s+)
    | (?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<NAME>{IDENTIFIER})
    | (?P<QUOTED>`[^`\n]+`)
    | (?P<TEXT>"[^"\n]*"|'[^'\n]*')
    | (?P<OPERATOR>\*\*|\|\||%in%|==|[-+*/^:~|(),=])
    """,
    re.VERBOSE,
)
_UNQUOTED = {Kind.QUOTED: slice(1, -1), Kind.TEXT: slice(1, -1)}
_SAME_OPERATOR = {"**": "^"}

# Why a character cannot start a token, and what to write.
_UNREADABLE = {
    "`": ("this backtick opens a name that is never closed", "close the name with a backtick"),
    '"': ("this quote opens a text that is never closed", "close the text with the same quote"),
    "'": ("this quote opens a text that is never closed", "close the text with the same quote"),
    **dict.fromkeys(
        "<>!&",
        ("comparisons are not part of a formula", "add the comparison to the data as a column"),
    ),
    **dict.fromkeys(
        "[]{}$@",
        ("a formula only names columns", "add what you need to the data as a column"),
    ),
}
_STRANGE = ("the character `{}` means nothing in a formula", "write a strange name in backticks")


def lex(text: str) -> tuple[Token, ...]:
    """Return the tokens of a text, parentheses balanced, the last of kind `END`.

    Raises
    ------
    FormulaError
        For a character outside the language, an unclosed quote or parenthesis, or parentheses
        more than 50 deep.
    """
    shown = re.sub(r"\s", " ", text)  # carets stand below one line without tabs
    tokens = [
        _token(Kind[kind], match, shown)
        for match in _matches(text, shown)
        if (kind := match.lastgroup) is not None and kind != "SPACE"
    ]
    end = Token(Kind.END, "", Source(shown, len(text), len(text) + 1))
    _check_balance(tokens)
    return (*tokens, end)


def _matches(text: str, shown: str) -> list[re.Match[str]]:
    matches: list[re.Match[str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text[position], Source(shown, position, position + 1))
        matches.append(match)
        position = match.end()
    return matches


def _token(kind: Kind, match: re.Match[str], shown: str) -> Token:
    typed = match.group()
    value = _SAME_OPERATOR.get(typed, typed)[_UNQUOTED.get(kind, slice(None))]
    return Token(kind, value, Source(shown, *match.span()))


def _unreadable(character: str, source: Source) -> FormulaError:
    problem, fix = _UNREADABLE.get(character, _STRANGE)
    return FormulaError(
        problem.format(character),
        given=f"`{character}`",
        expected="names, numbers, quoted texts and the operators `~ + - * / : ^ | ( ) ,`",
        fix=fix,
        source=source,
    )


def _check_balance(tokens: list[Token]) -> None:
    """Raise at the opening parenthesis that is not closed, or the closing one that opens none."""
    opened: list[Token] = []
    for token in tokens:
        if token.kind is not Kind.OPERATOR:
            continue
        if token.value == "(":
            opened.append(token)
            _check_depth(opened)
        elif token.value == ")":
            if not opened:
                raise _unbalanced("this `)` closes nothing", "remove this `)`", token)
            opened.pop()
    if opened:
        raise _unbalanced("this `(` is never closed", "add the `)` that belongs to it", opened[-1])


def _unbalanced(problem: str, fix: str, token: Token) -> FormulaError:
    return FormulaError(
        problem,
        given=f"`{token.source.text.strip()}`",
        expected="one `)` for every `(`",
        fix=fix,
        source=token.source,
    )


def _check_depth(opened: list[Token]) -> None:
    if len(opened) > MAX_DEPTH:
        raise FormulaError(
            "the parentheses are nested too deeply",
            given=f"more than {MAX_DEPTH} levels",
            expected=f"at most {MAX_DEPTH} levels of parentheses",
            fix="remove parentheses, or compute part of it as a column",
            source=opened[-1].source,
        )
