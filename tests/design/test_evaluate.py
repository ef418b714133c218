from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.design import evaluate_predictor
from poolish.design.evaluate import evaluate
from poolish.design.learn import learn, names_in
from poolish.errors import DataError, FormulaError, UnsupportedError
from poolish.formula.terms import Binary, Call, Name, Number, Text, Unary
from poolish.frame import read_table


def test_names_are_the_columns_and_not_the_codings():
    call = Call("C", (Name("f"), Name("sum")))
    arithmetic = Call("I", (Binary("*", Name("x"), Unary("-", Call("log", (Name("z"),)))),))

    assert [name.name for name in names_in(call)] == ["f"]
    assert [name.name for name in names_in(arithmetic)] == ["x", "z"]
    assert [name.name for name in names_in(Call("within", (Name("x"), Name("g"))))] == ["x", "g"]


@pytest.mark.parametrize(
    ("operator", "expected"), [("+", 5.0), ("-", -1.0), ("*", 6.0), ("/", 2 / 3), ("^", 8.0)]
)
def test_arithmetic_works_on_integer_columns(operator, expected):
    table = read_table({"a": [2], "b": [3]})

    assert evaluate(Binary(operator, Name("a"), Name("b")), table, {})[0] == expected


def test_a_result_that_is_not_finite_is_an_error_with_the_rows(build, data):
    changed = data.assign(x=np.where(data.index == 3, -1.0, 1.0 + data.index))

    with pytest.raises(
        DataError, match=r"`log\(x\)` is not a finite number everywhere\n(.*\n)*.*row 3"
    ):
        build("y ~ log(x)", changed)


def test_division_by_a_zero_column_names_every_row(build, data):
    with pytest.raises(
        DataError, match=r"`x / c` is not a finite(.*\n)*.*rows 0, 1, 2, 3, 4, \.\.\."
    ):
        build("y ~ I(x / c)", data.assign(c=0.0))


@pytest.mark.parametrize("text", ["log(f)", "I(f + 1)", "poly(f, 2)", "I(poly(x, 2) + 1)"])
def test_arithmetic_on_factors_and_matrices_is_an_error(build, text):
    with pytest.raises(FormulaError, match="is not one number per row"):
        build(f"y ~ {text}")


def test_a_text_is_no_variable():
    with pytest.raises(FormulaError, match="is not one number per row"):
        evaluate(Text("a"), read_table({"x": [1]}), {})


def test_a_factor_of_an_expression_is_an_error():
    call = Call("factor", (Binary("+", Name("x"), Number(1.0)),))

    with pytest.raises(FormulaError, match=r"`x \+ 1` cannot be a factor"):
        learn([call], read_table({"x": [1]}))


def test_a_function_that_is_not_fitted_yet_is_refused(build):
    with pytest.raises(UnsupportedError, match="is not fitted yet"):
        build("y ~ lag(x)")


def test_a_new_level_in_the_population_part_is_an_error(build):
    _, recipe = build("y ~ f")
    new = read_table({"f": ["a", "e", "z"]})

    with pytest.raises(DataError, match=r"`f` has levels(.*\n)*.*e, z in rows 1, 2\n.*a, b, c, d"):
        evaluate_predictor(recipe, "mu", new, groups=False)


def test_a_column_that_changed_its_kind_is_an_error(build):
    _, recipe = build("y ~ x")

    with pytest.raises(DataError, match="`x` was numeric in the fitting data and now is not"):
        evaluate_predictor(recipe, "mu", read_table({"x": ["a"]}), groups=False)


def test_numbers_match_the_labels_of_a_text_column(build, data):
    _, recipe = build("y ~ k", data.assign(k=data["id"].astype(str)))
    new = pd.DataFrame({"k": [101, 9]})

    found = evaluate_predictor(recipe, "mu", read_table(new), groups=False)

    assert found.coefs == ("Intercept", "k[101]", "k[2]", "k[33]", "k[9]")
    np.testing.assert_array_equal(found.X, [[1, 1, 0, 0, 0], [1, 0, 0, 0, 1]])
