"""The response and its additions."""

import pytest

from poolish.errors import FormulaError
from poolish.formula import parse


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("y", "y"),
        ("log(y)", "log(y)"),
        ("y/10 - 1", "y / 10 - 1"),
        ("y | trials(n)", "y | trials(n)"),
        ("y | trials(10)", "y | trials(10)"),
        ("y | trials(n) + weights(w)", "y | trials(n) + weights(w)"),
        ("y | se(v)", "y | se(v)"),
        ("y | rate(d/1000)", "y | rate(d / 1000)"),
        ("y | cens(status)", "y | cens(status)"),
        ("y | cens(status, y2)", "y | cens(status, y2)"),
        ("y | trunc(0, 9)", "y | trunc(lb=0, ub=9)"),
        ("y | trunc(ub=9, lb=low)", "y | trunc(lb=low, ub=9)"),
        ("y | trunc(ub=9)", "y | trunc(ub=9)"),
        ("cbind(s, f)", "s | trials(s + f)"),
        ("cbind(s, n - s)", "s | trials(n)"),
        ("cbind(s, n - f)", "s | trials(s + (n - f))"),
        ("cbind(s, f) | weights(w)", "s | trials(s + f) + weights(w)"),
    ],
)
def test_the_left_side_has_one_canonical_text(text, canonical):
    formula = parse(f"{text} ~ x")

    assert str(formula.response) == canonical
    assert parse(str(formula)) == formula


def test_additions_are_named_by_their_function():
    response = parse("y | trials(n) + weights(w) ~ x").response

    assert [name for name, _ in response.additions] == ["trials", "weights"]


@pytest.mark.parametrize(
    ("text", "problem", "start"),
    [
        ("y | trial(n)", r"(?s)there is no response term `trial`.*write `trials\(\.\.\.\)`", 4),
        ("y | n", r"a response term such as `trials\(n\)` is missing", 4),
        ("y | ", r"nothing follows `\|`", 2),
        ("y | trials", r"a response term such as `trials\(n\)` is missing", 4),
        ("y | trials()", "`trials` does not take these arguments", 4),
        ("y | trials(n, m)", "`trials` does not take these arguments", 14),
        ("y | se(v, sigma=TRUE)", "`se` does not take these arguments", 16),
        ("y | trunc()", "`trunc` is empty", 4),
        ("y | trials(n) + trials(m)", r"`trials\(\.\.\.\)` is given twice", 16),
        ("cbind(s, f) | trials(n)", r"`trials\(\.\.\.\)` is given twice", 14),
        ("cbind(s)", "`cbind` does not take these arguments", 0),
        ("y | trials(n) | se(v)", "response terms are joined by `\\+`", 14),
        ("y | trials(n), se(v)", "response terms are joined by `\\+`", 13),
        ("y | trials(n) +", r"nothing follows `\+`", 14),
        ("y z", "`z` cannot follow `y`", 2),
        ("'y'", "the response is not a column", 0),
        ("3", "the response is not a column", 0),
        ("cbind(1, y)", "the response is not a column", 6),
    ],
)
def test_a_wrong_left_side_is_shown_at_its_place(text, problem, start):
    with pytest.raises(FormulaError, match=problem) as caught:
        parse(f"{text} ~ x")

    assert caught.value.source is not None
    assert caught.value.source.start == start
