from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.errors import DataError, MissingValueError, Source, UnknownColumnError
from poolish.frame import drop_missing, get_column, read_table, take_rows


@pytest.fixture
def table():
    data = pd.DataFrame(
        {"y": [1.0, np.nan, 3.0, 4.0], "g": ["a", "b", None, "a"], "z": [1.0, 2.0, 3.0, np.nan]},
        index=["r1", "r2", "r3", "r4"],
    )
    return read_table(data)


def test_a_complete_table_is_returned_as_it_is(table):
    complete = take_rows(table, np.array([True, False, False, False]))

    assert drop_missing(complete, ["y", "g", "z"]) == (complete, ())


def test_missing_values_are_an_error_that_counts_them_by_column(table):
    expected = (
        r"2 of 4 rows have missing values in `y`, `g`\n"
        r"  given:    `y` 1 \(row r2\); `g` 1 \(row r3\)\n"
        r"(.*\n)*  fix:      pass missing=\"drop\""
    )

    with pytest.raises(MissingValueError, match=expected):
        drop_missing(table, ["y", "g"])


def test_dropping_returns_the_labels_of_the_dropped_rows(table):
    kept, dropped = drop_missing(table, ["y", "g"], "drop")

    assert dropped == ("r2", "r3")
    assert kept.rows.tolist() == ["r1", "r4"]
    np.testing.assert_array_equal(kept.columns["y"].values, [1.0, 4.0])
    np.testing.assert_array_equal(kept.columns["g"].codes, [0, 0])


def test_a_column_that_is_not_named_may_miss_values(table):
    kept, dropped = drop_missing(table, ["g"], "drop")

    assert dropped == ("r3",)
    assert kept.n_obs == 3


def test_nothing_left_is_an_error(table):
    gone = take_rows(table, np.array([1]))

    with pytest.raises(DataError, match="no rows are left without missing values"):
        drop_missing(gone, ["y"], "drop")


def test_infinite_values_are_an_error_that_names_rows():
    values = np.arange(9.0)
    values[1:8] = np.inf
    table = read_table({"x": values, "unused": values})

    with pytest.raises(
        DataError, match=r"`x` has infinite values\n.*7 .* rows 1, 2, 3, 4, 5, \.\.\."
    ):
        drop_missing(table, ["x"])


def test_another_policy_is_an_error(table):
    with pytest.raises(DataError, match="`missing` cannot be `ignore`"):
        drop_missing(table, ["y"], "ignore")


def test_an_unknown_column_is_shown_in_the_formula():
    table = read_table({"Reaction": [1.0], "Days": [0]})
    text = "Reaction ~ 1 + days"
    expected = (
        r"formula term `days` is not a column of `data`\n"
        r"  Reaction ~ 1 \+ days\n"
        r"                 \^\^\^\^\n"
        r"  given:    columns Reaction, Days \(1 rows\)\n"
        r"(.*\n)*  fix:      write `Days`, or add"
    )

    with pytest.raises(UnknownColumnError, match=expected):
        get_column(table, "days", Source(text, 15, 19))


def test_without_a_close_match_none_is_named(table):
    with pytest.raises(UnknownColumnError, match="fix:      add the column before"):
        drop_missing(table, ["temperature"])
