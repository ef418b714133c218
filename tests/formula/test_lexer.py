"""Tokens, balance and what no token starts with."""

import pytest

from poolish.errors import FormulaError
from poolish.formula.lexer import Kind, lex


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("y~1+x", ["y", "~", "1", "+", "x"]),
        ("a.b .x x1", ["a.b", ".x", "x1"]),
        (".5 1. 1e3 2.5e-3", [".5", "1.", "1e3", "2.5e-3"]),
        ("a**b ^ c", ["a", "^", "b", "^", "c"]),
        ("x||g|p|", ["x", "||", "g", "|", "p", "|"]),
        ("a%in%b", ["a", "%in%", "b"]),
        ('`my col` \'a"b\' "c"', ["my col", 'a"b', "c"]),
        ("größe", ["größe"]),
    ],
)
def test_text_becomes_tokens(text, values):
    tokens = lex(text)

    assert [token.value for token in tokens] == [*values, ""]
    assert tokens[-1].kind is Kind.END


def test_tokens_know_their_place():
    tokens = lex("y ~  log(x)")

    assert [token.typed for token in tokens] == ["y", "~", "log", "(", "x", ")", ""]
    assert tokens[2].source.start == 5


def test_tabs_and_line_breaks_are_shown_as_spaces():
    tokens = lex("y\t~\nx")

    assert tokens[0].source.text == "y ~ x"


@pytest.mark.parametrize(
    ("text", "problem", "start"),
    [
        ("y ~ `a", "this backtick opens a name that is never closed", 4),
        ("y ~ `a\nb`", "this backtick opens a name that is never closed", 4),
        ('y ~ C(f, "b)', "this quote opens a text that is never closed", 9),
        ("y ~ C(f, 'b)", "this quote opens a text that is never closed", 9),
        ("y ~ x > 3", "comparisons are not part of a formula", 6),
        ("y ~ x != 3", "comparisons are not part of a formula", 6),
        ("y ~ d$x", "a formula only names columns", 5),
        ("y ~ x[1]", "a formula only names columns", 5),
        ("y ~ x # z", "the character `#` means nothing", 6),
        ("y ~ log(x", r"this `\(` is never closed", 7),
        ("y ~ log(x + (1 | g)", r"this `\(` is never closed", 7),
        ("y ~ x + (1 | g", r"this `\(` is never closed", 8),
        ("y ~ x)", r"this `\)` closes nothing", 5),
        ("y ~ " + 51 * "(", "nested too deeply", 54),
    ],
)
def test_unreadable_text_is_an_error_with_its_place(text, problem, start):
    with pytest.raises(FormulaError, match=problem) as caught:
        lex(text)

    assert caught.value.source is not None
    assert caught.value.source.start == start


def test_fifty_levels_of_parentheses_are_allowed():
    assert len(lex(50 * "(" + "x" + 50 * ")")) == 102
