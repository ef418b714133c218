"""Population terms, group terms and offsets as they are typed."""

import pytest

from poolish.errors import FormulaError
from poolish.formula import INTERCEPT, Grouping, GroupTerm, Name, Term, parse

X, G = Name("x"), Name("g")


def right(text):
    return parse(f"y ~ {text}").main


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("(1 | g)", GroupTerm((INTERCEPT,), Grouping((G,)))),
        ("(x | g)", GroupTerm((INTERCEPT, Term((X,))), Grouping((G,)))),
        ("(0 + x | g)", GroupTerm((Term((X,)),), Grouping((G,)))),
        ("(x - 1 | g)", GroupTerm((Term((X,)),), Grouping((G,)))),
        ("(x || g)", GroupTerm((INTERCEPT, Term((X,))), Grouping((G,)), is_correlated=False)),
        ("(1 |p| g)", GroupTerm((INTERCEPT,), Grouping((G,)), share="p")),
        ("(1 | p | g)", GroupTerm((INTERCEPT,), Grouping((G,)), share="p")),
    ],
)
def test_a_group_term_has_effects_and_a_grouping(text, group):
    assert right(text).groups == (group,)


def test_group_terms_leave_the_population_part_alone():
    main = right("(x | g) + z + (1 | h) - 1")

    assert list(map(str, main.terms)) == ["z"]
    assert list(map(str, main.groups)) == ["(1 + x | g)", "(1 | h)"]


def test_group_terms_may_stand_in_parentheses():
    assert right("x + ((1 | g) + (1 | h))") == right("x + (1 | g) + (1 | h)")


@pytest.mark.parametrize(
    ("text", "problem", "start"),
    [
        ("x | g", r"(?s)a group term needs parentheses.*write `\(x \| g\)`", 2),
        ("x + 1 || g", r"(?s)a group term needs parentheses.*write `\(1 \|\| g\)`", 6),
        ("log(x) | g", r"(?s)a group term needs parentheses.*write `\(1 \| g\)`", 7),
        ("(| g)", "a term is missing", 1),
        ("(1 |)", r"nothing follows `\|`", 3),
        ("(0 | g)", "left of the bar stand no population terms", 0),
        ("((1 | h) | g)", "left of the bar stand no population terms", 0),
        ("(offset(x) | g)", "left of the bar stand no population terms", 0),
        ("x +", r"nothing follows `\+`", 2),
        ("x:", "nothing follows `:`", 1),
        ("()", r"nothing follows `\(`", 0),
        ("x + * z", "a term is missing", 4),
        ("a:-b", "a sign cannot stand inside a product", 2),
        ("- - - a", "a sign cannot stand inside a product", 2),
        ("(a + b)^n", "the power of a sum of terms is not a whole number", 8),
        ("(a + b)^1.5", "the power of a sum of terms is not a whole number", 8),
        ("(a + b)^0", "the power of a sum of terms is not a whole number", 8),
        ("(a + b)^-1", "the power of a sum of terms is not a whole number", 8),
        ("(a + b)^", "the power of a sum of terms is not a whole number", 8),
        ("2 * x", r"(?s)the number `2` is not a term.*write arithmetic inside `I\(", 0),
        ("x + 'my col'", r"(?s)a quoted text is not a term.*write `my col` without quotes", 4),
        ("offset()", "`offset` does not take these arguments", 0),
        ("offset(x, z)", "`offset` does not take these arguments", 10),
        ("log(x)(z)", r"`\(` cannot follow `\)`", 6),
        ("cbind(x, z)", r"(?s)no function `cbind`.*on the left side", 0),
    ],
)
def test_a_wrong_right_side_is_shown_at_its_place(text, problem, start):
    with pytest.raises(FormulaError, match=problem) as caught:
        right(text)

    assert caught.value.source is not None
    assert caught.value.source.start == start + len("y ~ ")
