"""What stands right of the bar."""

import pytest

from poolish.errors import FormulaError
from poolish.formula import Grouping, Name, read_formula

A, B, C = Name("a"), Name("b"), Name("c")


def groupings(text):
    return [group.grouping for group in read_formula(f"y ~ (1 | {text})").main.groups]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [Grouping((A,))]),
        ("`a`", [Grouping((A,))]),
        ("a:b", [Grouping((A, B))]),
        ("a/b", [Grouping((A,)), Grouping((A, B))]),
        ("a/b/c", [Grouping((A,)), Grouping((A, B)), Grouping((A, B, C))]),
        ("a/(b/c)", [Grouping((A,)), Grouping((A, B)), Grouping((A, B, C))]),
        ("a:b/c", [Grouping((A, B)), Grouping((A, B, C))]),
        ("a/b:c", [Grouping((A,)), Grouping((A, B, C))]),
        ("(a)", [Grouping((A,))]),
        ("gr(a)", [Grouping((A,))]),
        ("gr(a, cov=K)", [Grouping((A,), "K")]),
        ("kin(a, K)", [Grouping((A,), "K")]),
        ("gr(a, by=b)", [Grouping((A,), by=B)]),
        ("gr(a, by=b, cov=`my K`)", [Grouping((A,), "my K", B)]),
        ("mm(a, b)", [Grouping((A, B), is_multiple=True)]),
        ("mm(a, b, c)", [Grouping((A, B, C), is_multiple=True)]),
    ],
)
def test_a_grouping_becomes_one_for_each_level_of_nesting(text, expected):
    found = groupings(text)

    assert found == expected
    assert [groupings(str(grouping)) for grouping in found] == [[each] for each in expected]


def test_a_grouping_is_named_by_its_columns():
    assert [grouping.name for grouping in groupings("a/b/c")] == ["a", "a:b", "a:b:c"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a + b", r"(?s)`\+` cannot stand right of the bar.*\(1 \| a\) \+ \(1 \| b\)"),
        ("a * b", r"`\*` cannot stand right of the bar"),
        ("a %in% b", "`%in%` cannot stand right of the bar"),
        ("factor(a)", r"(?s)there is no grouping `factor`.*write the column itself"),
        ("interaction(a, b)", r"(?s)there is no grouping `interaction`.*write `a:b`"),
        ("kim(a, K)", r"(?s)there is no grouping `kim`.*write `kin\(\.\.\.\)`"),
        ("a:factor(b)", "a function cannot stand inside a nested or crossed grouping"),
        ("a/gr(b)", "a function cannot stand inside a nested or crossed grouping"),
        ("gr(a)/b", "`/` has no meaning here"),
        ("gr()", "`gr` does not take these arguments"),
        ("gr(a, K)", "`gr` does not take these arguments"),
        ("gr(a, dist='student')", "`gr` does not take these arguments"),
        ("kin(a)", "`kin` does not take these arguments"),
        ("mm(a)", "`mm` does not take these arguments"),
        ("gr(log(a))", r"`log\(a\)` is not a name"),
        ("kin(a, 'K')", '`"K"` is not a name'),
        ("/".join("abcdefghijklmnopqrstu"), "a grouping joins too many columns"),
        ("1", "a column is missing"),
        ("a/", "nothing follows `/`"),
        ("a b", "`b` cannot follow `a`"),
    ],
)
def test_a_wrong_grouping_is_an_error(text, problem):
    with pytest.raises(FormulaError, match=problem) as caught:
        groupings(text)

    assert caught.value.source is not None
