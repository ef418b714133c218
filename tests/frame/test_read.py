from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from poolish.errors import DataError
from poolish.frame import FactorColumn, read_table

VALUES = {"x": [1.5, 2.5, 3.5], "n": [3, 1, 2], "t": [True, False, True], "s": ["b", "a", "b"]}


def polars_arrow(values):
    return pl.DataFrame(values).to_arrow()


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, polars_arrow, dict])
def test_every_kind_of_frame_gives_the_same_columns(make):
    table = read_table(make(VALUES))

    assert list(table.columns) == ["x", "n", "t", "s"]
    assert table.n_obs == 3
    np.testing.assert_array_equal(table.columns["x"].values, [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(table.columns["n"].values, [3, 1, 2])
    np.testing.assert_array_equal(table.columns["t"].values, [1, 0, 1])
    assert table.columns["s"].levels == ("a", "b")
    np.testing.assert_array_equal(table.columns["s"].codes, [1, 0, 1])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, polars_arrow])
def test_missing_values_are_nan_or_minus_one(make):
    table = read_table(
        make({"x": [1.0, None], "n": [1, None], "t": [None, True], "s": ["a", None]})
    )

    assert np.isnan(table.columns["x"].values[1])
    assert np.isnan(table.columns["n"].values[1])
    assert np.isnan(table.columns["t"].values[0])
    np.testing.assert_array_equal(table.columns["s"].codes, [0, -1])


def test_nullable_pandas_columns_are_read():
    data = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "x": pd.array([1.5, None], dtype="Float64"),
            "t": pd.array([True, None], dtype="boolean"),
            "s": pd.array(["a", None], dtype="string"),
        }
    )

    table = read_table(data)

    assert table.columns["n"].is_integer
    for name in ("n", "x", "t"):
        assert np.isnan(table.columns[name].values[1])
    assert table.columns["s"].codes[1] == -1


def test_integers_without_missing_values_stay_exact():
    long_id = 2**60 + 1

    table = read_table(pd.DataFrame({"id": [long_id, 5]}))

    assert table.columns["id"].values[0] == long_id


@pytest.mark.parametrize("is_ordered", [True, False])
def test_pandas_categories_keep_their_order(is_ordered):
    values = pd.Categorical(["lo", "hi", None], categories=["lo", "mid", "hi"], ordered=is_ordered)

    column = read_table(pd.DataFrame({"f": values})).columns["f"]

    assert column.levels == ("lo", "mid", "hi")
    assert column.is_ordered is is_ordered
    np.testing.assert_array_equal(column.codes, [0, 2, -1])


def test_numeric_categories_are_labelled_without_decimals():
    column = read_table(pd.DataFrame({"f": pd.Categorical([2.0, 1.0, 2.5])})).columns["f"]

    assert column.levels == ("1", "2", "2.5")


def test_polars_enum_keeps_its_order_and_categorical_is_text():
    data = pl.DataFrame(
        {
            "e": pl.Series(["b", "a", None], dtype=pl.Enum(["z", "b", "a"])),
            "c": pl.Series(["b", "a", None], dtype=pl.Categorical),
        }
    )

    table = read_table(data)

    assert table.columns["e"].levels == ("z", "b", "a")
    np.testing.assert_array_equal(table.columns["e"].codes, [1, 2, -1])
    assert table.columns["c"].levels == ("a", "b")


def test_arrow_dictionaries_keep_missing_values():
    data = pl.DataFrame({"c": pl.Series(["b", "a", None], dtype=pl.Categorical)}).to_arrow()

    column = read_table(data).columns["c"]

    np.testing.assert_array_equal(column.codes, [1, 0, -1])


def test_objects_of_one_kind_are_read_as_that_kind():
    data = pd.DataFrame(
        {
            "t": pd.Series([True, None, False], dtype=object),
            "s": pd.Series(["a", None, "b"], dtype=object),
        }
    )

    table = read_table(data)

    np.testing.assert_array_equal(table.columns["t"].values, [1, np.nan, 0])
    assert isinstance(table.columns["s"], FactorColumn)


def test_row_labels_are_those_of_the_frame():
    data = pd.DataFrame({"x": [1, 2]}, index=["first", "second"])

    assert read_table(data).rows.tolist() == ["first", "second"]
    assert read_table(pl.DataFrame({"x": [1, 2]})).rows.tolist() == [0, 1]


def test_names_that_are_no_text_become_text():
    assert list(read_table(pd.DataFrame({0: [1.0], 1: [2.0]})).columns) == ["0", "1"]


def test_a_date_is_refused_only_when_it_is_used():
    table = read_table(pd.DataFrame({"when": pd.to_datetime(["2024-01-01"]), "x": [1.0]}))

    table.columns["x"]
    with pytest.raises(DataError, match=r"`when` can be neither.*\n.*Datetime(.*\n)*.*dt\.days"):
        table.columns["when"]


def test_mixed_objects_are_refused():
    table = read_table(pd.DataFrame({"m": [1, "a"]}))

    with pytest.raises(DataError, match=r"mixed objects \(int, str\)"):
        table.columns["m"]


def test_lists_are_refused():
    table = read_table(pl.DataFrame({"m": [[1], [2]]}))

    with pytest.raises(DataError, match="convert `m` to numbers or to text"):
        table.columns["m"]


def test_a_name_that_is_no_column_is_a_key_error():
    table = read_table(pd.DataFrame({"x": [1.0]}))

    assert "y" not in table.columns
    assert len(table.columns) == 1
    with pytest.raises(KeyError):
        table.columns["y"]


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        polars_arrow({"a": [1], "b": [2]}).rename_columns(["a", "a"]),
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
    ],
)
def test_duplicate_names_are_refused(data):
    with pytest.raises(DataError, match=r"more than one column called `[a1]`"):
        read_table(data)


def test_no_rows_is_refused():
    with pytest.raises(DataError, match="`data` has no rows"):
        read_table(pd.DataFrame({"x": []}))


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(DataError, match=r"given:    x: \(2,\), y: \(1,\)"):
        read_table({"x": np.arange(2), "y": np.arange(1)})


@pytest.mark.parametrize(
    ("data", "fix"),
    [
        (xr.Dataset({"x": ("row", [1.0])}), r"to_dataframe\(\)\.reset_index\(\)"),
        (pl.LazyFrame({"x": [1.0]}), r"data\.collect\(\)"),
        ("data.csv", r"pandas\.read_csv"),
        (np.zeros((2, 2)), "name the columns"),
        (pd.Series([1.0]), r"data\.to_frame\(\)"),
        (3, "one row per observation"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_way_to_make_one(data, fix):
    with pytest.raises(DataError, match=rf"`data` is not a data frame(.*\n)+.*{fix}"):
        read_table(data)


def test_accents_of_names_are_composed():
    assert list(read_table({"cafe\u0301": [1.0]}).columns) == ["caf\u00e9"]


def test_names_that_differ_in_the_spelling_of_accents_are_duplicates():
    with pytest.raises(DataError, match="more than one column called"):
        read_table({"cafe\u0301": [1.0], "caf\u00e9": [2.0]})


@pytest.mark.parametrize("kind", [object, "datetime64[ns]"])
def test_a_date_may_become_a_number_or_text(kind):
    days = pd.Series([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], dtype=object)

    with pytest.raises(DataError, match=r"pd\.to_datetime(?s:.)*astype\(str\)"):
        read_table(pd.DataFrame({"d": days.astype(kind)})).columns["d"]
