"""The algebra of terms against R's terms() and lme4's findbars(): expansions.R."""

import json
from pathlib import Path

import pytest

from poolish.errors import FormulaError
from poolish.formula import parse

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference/formula/expansions.json").read_text(encoding="utf-8")
)


def spelled(texts):
    return [str(text).replace(" ", "").replace("%in%", ":") for text in texts]


@pytest.mark.parametrize("case", REFERENCE["population"], ids=lambda case: case["formula"])
def test_terms_are_those_of_r(case):
    formula = parse(case["formula"])

    terms = [term for term in formula.main.terms if term.variables]
    assert spelled(terms) == spelled(case["labels"])
    assert formula.main.has_intercept == case["intercept"]
    assert parse(str(formula)) == formula


@pytest.mark.parametrize("case", REFERENCE["offsets"], ids=lambda case: case["formula"])
def test_offsets_are_those_of_r(case):
    main = parse(case["formula"]).main

    assert [f"offset({expression})" for expression in main.offsets] == case["offsets"]
    assert spelled(term for term in main.terms if term.variables) == case["labels"]
    assert main.has_intercept == case["intercept"]


@pytest.mark.parametrize("case", REFERENCE["groups"], ids=lambda case: case["formula"])
def test_groupings_are_those_of_lme4(case):
    groups = parse(case["formula"]).main.groups

    found = [{column.name for column in group.grouping.variables} for group in groups]
    expected = [set(columns) for columns in case["groupings"]]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


@pytest.mark.parametrize(
    ("text", "problem", "start"),
    [
        ("y ~ x^2", r"(?s)`x\^2` is `x` in a formula.*write `I\(x\^2\)`", 5),
        ("y ~ (a:b)^2", r"(?s)`a:b\^2` is `a:b` in a formula.*write `a:b`", 9),
        ("y ~ a*(1 + b)", "`1` cannot stand in a product", 5),
        ("y ~ a:0", "`0` cannot stand in a product", 5),
        ("y ~ (a + b - 1)^2", "`0` cannot stand in a product", 15),
        ("y ~ a:(1 | g)", r"`\(1 \| g\)` cannot stand in a product", 5),
        ("y ~ a/offset(n)", r"`offset\(n\)` cannot stand in a product", 5),
        ("y ~ (1 | g)/a", r"`\(1 \| g\)` cannot stand in a product", 11),
        ("y ~ x - (1 | g)", "only population terms can be removed", 6),
        ("y ~ x - offset(n)", "only population terms can be removed", 6),
        ("y ~ (a+b+c+d+e+f+g+h+i+j)^10", "expands to too many terms", 25),
        (f"y ~ ({'+'.join(f'a{i}' for i in range(200))})^2", "expands to too many terms", None),
        (f"y ~ {':'.join('abcdefghijklmnopqrstu')}", "a product joins too many variables", 43),
        (f"y ~ {'/'.join('abcdefghijklmnopqrstu')}", "a product joins too many variables", 43),
        (f"y ~ {'+'.join(f'a{i}' for i in range(1001))}", "expands to too many terms", None),
    ],
)
def test_what_has_no_expansion_is_an_error(text, problem, start):
    with pytest.raises(FormulaError, match=problem) as caught:
        parse(text)

    assert caught.value.source is not None
    assert start is None or caught.value.source.start == start


def test_a_high_power_stops_at_the_full_product():
    assert parse("y ~ (a + b)^1000000") == parse("y ~ a * b")


def test_terms_of_a_power_are_bounded_in_work():
    text = f"y ~ ({'+'.join('abcdefghi')})^9" + f" * ({'+'.join('abcdefghi')})^9"

    with pytest.raises(FormulaError, match="expands to too many terms"):
        parse(text)
