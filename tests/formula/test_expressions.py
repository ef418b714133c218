"""Arithmetic and calls, and their canonical text."""

import pytest
from hypothesis import given, settings
from tests.formula.strategies import expressions

from poolish.errors import FormulaError, UnsupportedError
from poolish.formula import Binary, Call, Name, Number, Text, Unary
from poolish.formula.cursor import Cursor
from poolish.formula.expressions import MAX_OPERATORS, read_expression

X, Y, Z = Name("x"), Name("y"), Name("z")


def read(text):
    cursor = Cursor(text)
    expression = read_expression(cursor)
    cursor.expect_end()
    return expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("x + y * z", Binary("+", X, Binary("*", Y, Z))),
        ("x - y - z", Binary("-", Binary("-", X, Y), Z)),
        ("x - (y - z)", Binary("-", X, Binary("-", Y, Z))),
        ("x^y^z", Binary("^", X, Binary("^", Y, Z))),
        ("(x^y)^z", Binary("^", Binary("^", X, Y), Z)),
        ("-x^2", Unary("-", Binary("^", X, Number(2)))),
        ("(-x)^2", Binary("^", Unary("-", X), Number(2))),
        ("-x * y", Binary("*", Unary("-", X), Y)),
        ("-(x * y)", Unary("-", Binary("*", X, Y))),
        ("x^-y * z", Binary("*", Binary("^", X, Unary("-", Y)), Z)),
        ("x ** 2", Binary("^", X, Number(2))),
        ("log(x) / 2", Binary("/", Call("log", (X,)), Number(2))),
        ("factor(x, ref='b')", Call("factor", (X,), (("ref", Text("b")),))),
        ("poly(x, 2, raw=TRUE)", Call("poly", (X, Number(2)), (("raw", Name("TRUE")),))),
        ("C(x, contr.helmert)", Call("C", (X, Name("helmert")))),
        ("C(x, treatment(base=2))", Call("C", (X, Call("treatment", (), (("base", Number(2)),))))),
        ("C(x, contr.poly())", Call("C", (X, Call("poly", ())))),
        ("within(x, y)", Call("within", (X, Y))),
    ],
)
def test_expressions_bind_as_in_r(text, expression):
    assert read(text) == expression
    assert read(str(expression)) == expression


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((x))", "x"),
        ("(x*y)+z", "x * y + z"),
        ("x*(y+z)", "x * (y + z)"),
        ("x/(y/z)", "x / (y / z)"),
        ("-(-x)", "--x"),
        ("I( x ^ 2 )", "I(x^2)"),
        ("(x+1)^(y-1)", "(x + 1)^(y - 1)"),
    ],
)
def test_canonical_text_has_only_the_parentheses_it_needs(text, canonical):
    assert str(read(text)) == canonical


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_any_expression_reads_back_from_its_text(expression):
    assert read(str(expression)) == expression


def test_expressions_know_their_place():
    call = read("z * log(x + y)").right

    assert call.source.start == 4
    assert call.source.stop == 14
    assert (call.arguments[0].source.start, call.arguments[0].source.stop) == (8, 13)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("foo(x)", r"(?s)there is no function `foo`.*one of log, log1p.*data as a column"),
        ("lgo(x)", r"(?s)there is no function `lgo`.*write `log\(\.\.\.\)`"),
        ("as.factor(x)", r"(?s)no function `as.factor`.*write `factor\(x\)`"),
        ("s(x)", r"(?s)no function `s`.*write `ns\(x, df=4\)`"),
        ("offset(x)", r"(?s)no function `offset`.*as a term of its own"),
        ("trials(x)", r"(?s)no function `trials`.*left of `~`"),
        ("x.__class__(y)", "there is no function `x.__class__`"),
        ("`log`(x)", r"`\(` cannot follow ``log``"),
        ("log(x)(y)", r"`\(` cannot follow `\)`"),
        ("log()", "`log` does not take these arguments"),
        ("log(x, 2)", "`log` does not take these arguments"),
        ("log(x=x)", "`log` does not take these arguments"),
        ("within(x)", r"(?s)`within` does not take.*`within\(x, g\)`"),
        ("bs(x, 4, df=5)", "`bs` does not take these arguments"),
        ("bs(x, 4, 3)", "`bs` does not take these arguments"),
        ("bs(x, knots=3)", "`bs` does not take these arguments"),
        ("poly(x, degree=k)", "`degree` of `poly` is not a plain value"),
        ("factor(x, ref=b)", "`ref` of `factor` is not a plain value"),
        ("bs(df=3, x)", "an argument without a name follows one with a name"),
        ("C(f, dummy)", r"(?s)there is no contrast `dummy`.*treatment, sum, helmert, poly"),
        ("C(f, log(x))", "there is no contrast `log`"),
        ("C(f, 2)", "there is no contrast `2`"),
        ("C(f,)", "nothing follows `,`"),
        ("C(f, sum(2))", "`sum` does not take these arguments"),
        ("C(f, treatment(ref=b))", "`ref` of `treatment` is not a plain value"),
        ("log(,x)", r"nothing follows `\(`"),
        ("log(x,)", "nothing follows `,`"),
        ("x +", r"nothing follows `\+`"),
        ("x + * y", "a column or a number is missing"),
        ("()", r"nothing follows `\(`"),
        ("I(x:y)", "`:` has no meaning here"),
        ("I(x %in% y)", "`%in%` has no meaning here"),
        ("I(x == 3)", "`==` stands only inside a call"),
        ("2x", "`x` cannot follow `2`"),
        ("x 'a'", "`'a'` cannot follow `x`"),
        ("1e999", "this number is too large"),
    ],
)
def test_a_wrong_expression_is_an_error(text, problem):
    with pytest.raises(FormulaError, match=problem):
        read(text)


@pytest.mark.parametrize("text", [".", "log(.)", "..."])
def test_dots_are_not_columns(text):
    with pytest.raises(UnsupportedError, match="for all other columns is not supported"):
        read(text)


@pytest.mark.parametrize("text", ["+".join(102 * "x"), 101 * "-" + "x", "^".join(102 * "x")])
def test_a_very_long_expression_is_an_error(text):
    with pytest.raises(FormulaError, match="the arithmetic is too long"):
        read(text)


def test_a_hundred_operators_are_allowed():
    expression = read("+".join((MAX_OPERATORS + 1) * "x"))

    assert str(expression).count("+") == MAX_OPERATORS
