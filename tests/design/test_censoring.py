from __future__ import annotations

import numpy as np
import pytest

from poolish.design import prepare_table
from poolish.design.censoring import read_censoring
from poolish.errors import DataError, FormulaError
from poolish.formula import parse
from poolish.formula.terms import Name, Number
from poolish.frame import read_table

CODES = [0, 1, -1, 2]


@pytest.mark.parametrize(
    "states",
    [["none", "right", "left", "interval"], ["None", "RIGHT", "Left", "Interval"], CODES],
)
def test_words_and_codes_mean_the_same(states):
    table = read_table({"c": states, "u": [np.nan, np.nan, np.nan, 2.0]})
    arguments = {"status": Name("c"), "y2": Name("u")}

    status, upper = read_censoring(arguments, np.ones(4), table, {})

    np.testing.assert_array_equal(status, CODES)
    np.testing.assert_array_equal(upper, [np.nan, np.nan, np.nan, 2.0])


@pytest.mark.parametrize("states", [[True, False], ["TRUE", "FALSE"]])
def test_true_is_right_censored(states):
    status, upper = read_censoring({"status": Name("c")}, np.ones(2), read_table({"c": states}), {})

    np.testing.assert_array_equal(status, [1, 0])
    assert upper is None


def test_upper_ends_may_be_missing_outside_intervals(build, data):
    data["c"] = np.where(data.index < 2, "interval", "none")
    data["u"] = np.where(data.index < 2, data["y"] + 1, np.nan)

    design, _ = build("y | cens(c, u) ~ x", data)

    np.testing.assert_array_equal(design.response.censoring[:3], [2, 2, 0])
    np.testing.assert_array_equal(design.response.upper[:2], data["u"][:2])
    formula = parse("y | cens(c, u) ~ x")
    assert prepare_table(formula, read_table(data), "drop")[1] == ()


def test_upper_ends_are_not_needed_without_intervals(build, data):
    design, _ = build("y | cens(c, u) ~ x", data.assign(c="none", u=np.nan))

    assert np.isnan(design.response.upper).all()


def test_an_unknown_state_is_an_error():
    table = read_table({"c": ["none", "dead"]})

    with pytest.raises(
        DataError, match=r"`c` has censoring states(.*\n)*.*dead in row 1\n.*none, right"
    ):
        read_censoring({"status": Name("c")}, np.ones(2), table, {})


@pytest.mark.parametrize("arguments", [{}, {"status": Number(1.0)}])
def test_the_status_must_be_a_column(arguments):
    with pytest.raises(FormulaError, match=r"status in `cens\(\)` is not a column"):
        read_censoring(arguments, np.ones(1), read_table({"c": [1]}), {})


def test_intervals_need_an_upper_end():
    table = read_table({"c": ["interval"]})

    with pytest.raises(FormulaError, match=r"no upper end(.*\n)*.*write `cens\(c, y2\)`"):
        read_censoring({"status": Name("c")}, np.ones(1), table, {})


def test_intervals_must_end_above_their_start():
    table = read_table({"c": ["interval", "none"], "u": [1.0, 0.0]})
    arguments = {"status": Name("c"), "y2": Name("u")}

    with pytest.raises(DataError, match=r"`u` is not above the response(.*\n)*.*row 0"):
        read_censoring(arguments, np.ones(2), table, {})
