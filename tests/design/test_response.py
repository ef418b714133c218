from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.design import evaluate_response
from poolish.design.response import bind_addition
from poolish.errors import DataError, FormulaError, MissingValueError
from poolish.formula.terms import Call, Name
from poolish.frame import read_table


def test_a_number_is_copied_as_typed(build, data):
    design, _ = build("y ~ x")

    assert design.response.name == "y"
    np.testing.assert_array_equal(design.response.y, data["y"])
    assert design.response.y.flags.writeable
    assert design.response.levels == ()
    assert design.n_obs == 40


def test_a_function_of_the_response_is_named_as_typed(build, data):
    design, _ = build("log(z) ~ x")

    assert design.response.name == "log(z)"
    np.testing.assert_allclose(design.response.y, np.log(data["z"]))


def test_a_factor_becomes_codes_and_labels(build, data):
    data["f"] = pd.Categorical(data["f"], categories=["d", "b", "a", "c"], ordered=True)

    design, recipe = build("f ~ x", data)

    assert design.response.levels == ("d", "b", "a", "c")
    np.testing.assert_array_equal(design.response.y, data["f"].cat.codes)
    again = evaluate_response(recipe, read_table({"f": ["a", "d"]}))
    np.testing.assert_array_equal(again.y, [2, 0])


def test_booleans_are_zero_and_one(build, data):
    design, _ = build("t ~ z", data.assign(t=data["x"] > 0))

    np.testing.assert_array_equal(design.response.y, data["x"] > 0)


@pytest.mark.parametrize(
    ("text", "field", "column"),
    [
        ("s | trials(n) ~ x", "trials", "n"),
        ("y | se(z) ~ x", "se", "z"),
        ("y | weights(z) ~ x", "weights", "z"),
        ("s | rate(z) ~ x", "rate", "z"),
    ],
)
def test_additions_are_evaluated(build, data, text, field, column):
    design, _ = build(text)

    np.testing.assert_array_equal(getattr(design.response, field), data[column])


def test_a_constant_number_of_trials_is_repeated(build):
    design, _ = build("s | trials(12) ~ x")

    np.testing.assert_array_equal(design.response.trials, np.full(40, 12.0))


def test_cbind_counts_successes_and_failures(build, data):
    design, _ = build("cbind(s, n) ~ x")

    np.testing.assert_array_equal(design.response.y, data["s"])
    np.testing.assert_array_equal(design.response.trials, data["s"] + data["n"])


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ("s | trials(n) ~ x", 2.5, r"`trials\(n\)`.*\n(.*\n)*.*2\.5 .*row 3\n.*whole number"),
        ("s | trials(n) ~ x", 0, r"`trials\(n\)`(.*\n)*.*row 3"),
        ("y | se(n) ~ x", 0, r"`se\(n\)`(.*\n)*.*standard error above 0"),
        ("y | weights(n) ~ x", 0, r"`weights\(n\)`(.*\n)*.*leave out the rows with weight 0"),
        ("y | weights(n) ~ x", -1, r"`weights\(n\)`(.*\n)*.*weight above 0"),
        ("s | rate(n) ~ x", 0, r"`rate\(n\)`(.*\n)*.*denominator above 0"),
    ],
)
def test_impossible_values_are_named_with_their_row(build, data, text, value, message):
    changed = data.astype({"n": float})
    changed.loc[3, "n"] = value

    with pytest.raises(DataError, match=message):
        build(text, changed)


def test_a_factor_is_no_weight(build):
    with pytest.raises(FormulaError, match="`f` is not one number per row"):
        build("y | weights(f) ~ x")


def test_truncation_has_bounds_by_row(build, data):
    design, _ = build("y | trunc(lb=-9, ub=z) ~ x")

    np.testing.assert_array_equal(design.response.lower_bound, np.full(40, -9.0))
    np.testing.assert_array_equal(design.response.upper_bound, data["z"])


def test_bounds_in_the_wrong_order_are_an_error(build):
    with pytest.raises(DataError, match="lower bound that is not below the upper one"):
        build("y | trunc(lb=9, ub=z) ~ x")


@pytest.mark.parametrize(
    "call",
    [
        Call("weights", (Name("a"), Name("b"))),
        Call("se", (), (("sigma", Name("a")),)),
        Call("trunc", (), ()),
    ],
)
def test_arguments_that_an_addition_does_not_take_are_an_error(call):
    with pytest.raises(
        FormulaError, match=rf"has arguments that `{call.function}\(\)` does not take"
    ):
        bind_addition(call.function, call)


def test_several_columns_are_no_response(build):
    with pytest.raises(FormulaError, match="is not one number per row"):
        build("poly(y, 2) ~ x")


def test_a_constant_response_is_an_error_unless_it_counts(build, data):
    with pytest.raises(DataError, match="`y` has the same value in every row"):
        build("y ~ x", data.assign(y=-1.5))
    design, _ = build("y ~ x", data.assign(y=0))
    assert not design.response.y.any()


def test_without_the_outcome_the_rest_is_still_known(build):
    _, recipe = build("s | trials(n) + weights(z) ~ x")
    new = read_table({"n": [3, 4], "z": [1.0, 2.0]})

    found = evaluate_response(recipe, new, observed=False)

    assert np.isnan(found.y).all()
    np.testing.assert_array_equal(found.trials, [3, 4])
    np.testing.assert_array_equal(found.weights, [1, 2])


def test_a_missing_outcome_in_new_data_is_an_error(build):
    _, recipe = build("y ~ x")

    with pytest.raises(MissingValueError, match="missing values in `y`"):
        evaluate_response(recipe, read_table({"y": [1.0, np.nan]}))
