"""Whole formulas: splitting, round trips, limits and errors of the top level."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.strategies import TOKENS, systems

from poolish.errors import FormulaError, PoolishError, UnsupportedError
from poolish.formula import Call, Name, Number, Unary, parse, parse_call, read_formula

CANONICAL = {
    "Reaction ~ Days + (Days | Subject)": "Reaction ~ 1 + Days + (1 + Days | Subject)",
    "y~x": "y ~ 1 + x",
    "y ~ 0": "y ~ 0",
    "y ~ a*b + (1|g)": "y ~ 1 + a + b + a:b + (1 | g)",
    "log.radon ~ floor + (1|county)": "log.radon ~ 1 + floor + (1 | county)",
    "log(y) ~ `my col` + I(-x^2*(a+b))": "log(y) ~ 1 + `my col` + I(-x^2 * (a + b))",
    "y ~ offset(log(n)) + (0+x || g) + x": "y ~ 1 + x + (0 + x || g) + offset(log(n))",
    "y ~ f*g - f": "y ~ 1 + f:g + g",
    "y ~ C(f, contr.sum) + C(f, treatment('b'))": 'y ~ 1 + C(f, sum) + C(f, treatment("b"))',
    "y ~ __class__ + Intercept": "y ~ 1 + __class__ + Intercept",
}


@pytest.mark.parametrize(("text", "canonical"), CANONICAL.items())
def test_a_formula_has_one_canonical_text(text, canonical):
    formula = parse(text)

    assert str(formula) == canonical
    assert parse(canonical) == formula


@settings(max_examples=150, deadline=None)
@given(systems)
def test_canonical_text_reads_back_as_the_same_formula(text):
    formula = read_formula(text)

    assert read_formula(str(formula)) == formula
    assert str(read_formula(str(formula))) == str(formula)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join), st.text()))
def test_any_text_is_a_formula_or_an_error_of_ours(text):
    for read in (parse, lambda part: parse(f"y ~ {part}"), parse_call):
        try:
            read(text)
        except PoolishError as error:
            assert error.source is None or 0 <= error.source.start <= len(error.source.text)
            assert str(error).count("\n") in (3, 5)


@pytest.mark.parametrize(
    "text",
    [
        ["y ~ x + (1 | g)", "sigma ~ z", "zi ~ 1"],
        "y ~ x + (1 | g)\nsigma ~ z\nzi ~ 1",
        "\ny\n~ x +\n  (1 | g)\nsigma ~ z\n\nzi ~ 1\n",
        ("y ~ x + (1 | g)\nsigma ~ z", "zi ~ 1"),
    ],
)
def test_further_formulas_come_as_a_list_or_on_their_own_lines(text):
    formula = parse(text)

    assert [name for name, _ in formula.parameters] == ["sigma", "zi"]
    assert str(formula) == "y ~ 1 + x + (1 | g)\nsigma ~ 1 + z\nzi ~ 1"


def test_a_tilde_in_backticks_starts_no_formula():
    formula = parse("y ~ x +\n`a~b`")

    assert str(formula) == "y ~ 1 + x + `a~b`"


def test_equality_ignores_the_places_in_the_text():
    assert parse("y~x") == parse("y   ~   1 + x")


def test_terms_know_their_place_in_the_text():
    formula = parse("y ~ x + a*zz + (1 | gg)")

    sources = [term.source for term in formula.main.terms if term.source is not None]
    places = [source.text[source.start : source.stop] for source in sources]
    assert places == ["x", "a", "zz", "a*zz"]
    group = formula.main.groups[0]
    assert group.source is not None
    assert group.source.text[group.source.start : group.source.stop] == "(1 | gg)"


ERRORS = {
    "y x": (r"the formula has no `~`", "   "),
    "y = x": (r"(?s)has no `~`.*write `~` in place of `=`", "  ^"),
    "y == x": (r"(?s)has no `~`.*write `~` in place of `==`", "  ^^"),
    "y ~ x ~ z": (r"a formula has one `~`", "      ^"),
    "y ~ x, sigma ~ z": (r"(?s)only between the arguments.*as a list", "     ^"),
    "y ~ x = z": (r"`=` stands only inside a call", "      ^"),
    "y ~ ": (r"the right side is empty", "    ^"),
    "~ x": (r"the left side is empty", "^"),
    "y ~ x z": (r"`z` cannot follow `x`", "      ^"),
    "y ~ y + x": (r"the response `y` stands on both sides", "    ^"),
    "y ~ (y | g)": (r"the response `y` stands on both sides", "     ^"),
    "log(y) ~ x:log(y)": (r"`log\(y\)` stands on both sides", "         ^^^^^^^^"),
}


@pytest.mark.parametrize(("text", "expected"), ERRORS.items())
def test_a_mistake_is_shown_at_its_place(text, expected):
    problem, caret = expected

    with pytest.raises(FormulaError, match=problem) as caught:
        parse(text)

    line = str(caught.value).splitlines()[2]
    assert line == "  " + (caret if caret.strip() else " " * len(text) + "^")


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["y ~ x", "y ~ z"], "`y` has a formula already"),
        (["y ~ x", "mu ~ z"], "`mu` has a formula already"),
        (["y ~ x", "sigma ~ z", "sigma ~ 1"], "`sigma` has a formula already"),
        (["y ~ x", "log(z) ~ x"], "left of a further formula stands one family parameter"),
        (["y ~ x", "sigma"], "the formula has no `~`"),
        (["y ~ x", "sigma ~ y"], "the response `y` stands on both sides"),
    ],
)
def test_a_wrong_further_formula_is_an_error(texts, problem):
    with pytest.raises(FormulaError, match=problem):
        parse(texts)


@pytest.mark.parametrize("text", ["", "  \n ", [], [""]])
def test_no_text_is_an_error(text):
    with pytest.raises(FormulaError, match="the formula is empty"):
        parse(text)


@pytest.mark.parametrize(("value", "kind"), [(3, "int"), (None, "NoneType"), (["y ~ x", 3], "int")])
def test_what_is_not_text_is_an_error(value, kind):
    with pytest.raises(FormulaError, match=rf"(?s)a formula is a text.*given: +{kind}"):
        parse(value)


def test_a_dot_for_all_columns_is_refused():
    with pytest.raises(UnsupportedError, match=r"(?s)for all other columns.*write the columns"):
        parse("y ~ . - x")


def test_a_very_long_formula_is_an_error():
    with pytest.raises(FormulaError, match="too long as typed"):
        parse("y ~ " + "x" * 10_000)


def test_a_formula_that_expands_to_a_very_long_one_is_an_error():
    columns = " + ".join(f"a_rather_long_column_name_{letter}" for letter in "abcdefgh")

    with pytest.raises(FormulaError, match="too long as expanded"):
        parse(f"y ~ ({columns})^8")


def test_a_thousand_columns_are_read():
    text = "y ~ " + " + ".join(f"x{i}" for i in range(1000))

    assert len(parse(text).main.terms) == 1001


def test_a_prior_is_a_call_of_numbers():
    call = parse_call(" student_t(3, -0.5, +2e1) ")

    assert call == Call("student_t", (Number(3), Unary("-", Number(0.5)), Unary("+", Number(20))))
    assert parse_call("flat()") == Call("flat", ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("normal", "not a name with numbers in parentheses"),
        ("", "not a name with numbers in parentheses"),
        ("3(1)", "not a name with numbers in parentheses"),
        ("normal(0, x)", "a number is missing"),
        ("normal(0, 1 + 2)", r"`\+` has no meaning here"),
        ("normal(0, --1)", "a number is missing"),
        ("normal(0,", r"this `\(` is never closed"),
        ("normal(0, 1) 2", r"`2` cannot follow `\)`"),
        ("normal(mu=0, sd=1)", r"(?s)given by position, without names.*write `normal\(0, 1\)`"),
        ("normal(0, 1e999)", "this number is too large"),
    ],
)
def test_a_prior_that_is_not_a_call_of_numbers_is_an_error(text, problem):
    with pytest.raises(FormulaError, match=problem):
        parse_call(text)


def test_a_prior_must_be_text():
    with pytest.raises(FormulaError, match="a formula is a text"):
        parse_call(3)


def test_names_are_kept_as_they_are():
    formula = parse("`my y` ~ `a+b` + _x + `log`")

    assert formula.response.value == Name("my y")
    assert [str(term) for term in formula.main.terms] == ["1", "`a+b`", "_x", "log"]


def test_accents_are_composed_as_in_the_names_of_columns():
    assert parse("y ~ cafe\u0301") == parse("y ~ caf\u00e9")


@pytest.mark.parametrize("text", [b"y ~ x", 3])
def test_what_is_no_text_is_named(text):
    with pytest.raises(FormulaError) as caught:
        parse(text)

    assert caught.value.given == type(text).__name__
