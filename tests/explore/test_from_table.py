"""Explorers of raw tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import DataError, MissingValueError, UnknownColumnError
from poolish.explore.from_table import explore_table


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    g = np.repeat(list("abcd"), [2, 3, 5, 8])
    return pd.DataFrame({"g": g, "x": rng.normal(size=18), "y": rng.normal(5, 2, size=18)})


def test_groups_have_their_means_and_numbers(table):
    shown = explore_table(table, "y", "g").exploration

    by_group = table.groupby("g")["y"]
    assert shown.groups == ("a", "b", "c", "d")
    np.testing.assert_array_equal(shown.n, [2, 3, 5, 8])
    np.testing.assert_allclose(shown.effects[0].own, by_group.mean(), rtol=1e-12)
    np.testing.assert_allclose(shown.effects[0].info, [2, 3, 5, 8], rtol=1e-12)
    assert (shown.n_draws, shown.plane) == (0, None)


def test_sigma_is_that_of_lme4_where_groups_are_balanced(root):
    reference = root / "tests" / "reference" / "lme4"
    data = pd.read_csv(reference / "data" / "Dyestuff.csv")

    shown = explore_table(data, "Yield", "Batch").exploration

    lme4 = json.loads((reference / "dyestuff__lme4_REML.json").read_text())
    assert shown.sigma == pytest.approx(lme4["sigma"], rel=1e-6)


def test_lines_are_least_squares_of_each_group(table):
    shown = explore_table(table, "y", "g", predictor="x").exploration

    for j, (_, rows) in enumerate(table.groupby("g")):
        slope, intercept = np.polyfit(rows["x"], rows["y"], 1)
        assert shown.effects[0].own[j] == pytest.approx(intercept, rel=1e-9)
        assert shown.effects[1].own[j] == pytest.approx(slope, rel=1e-9)
        slope_variance = 1 / np.square(rows["x"] - rows["x"].mean()).sum()
        assert 1 / shown.effects[1].info[j] == pytest.approx(slope_variance, rel=1e-9)
        np.testing.assert_allclose(shown.plane.x[j], rows["x"])
        np.testing.assert_allclose(shown.plane.y[j], rows["y"])
    np.testing.assert_allclose(shown.plane.A[:, 0], [2, 3, 5, 8])
    np.testing.assert_allclose(shown.plane.b[:, 0], table.groupby("g")["y"].sum())


def test_a_group_of_one_row_has_no_line_of_its_own(table):
    shown = explore_table(table.iloc[1:], "y", "g", predictor="x").exploration

    assert np.isnan(shown.effects[1].own).tolist() == [True, False, False, False]


def test_known_standard_errors_are_kept(schools, schools_explorer):
    shown = schools_explorer.exploration

    assert (shown.sigma, shown.is_known_error) == (1.0, True)
    np.testing.assert_allclose(1 / np.sqrt(shown.effects[0].info), schools["sigma"])
    assert shown.effects[0].tau_max == 30  # as in Gelman et al. (2013), figure 5.5


def test_labels_and_units_name_the_axes(table):
    labels = {"y": {"label": "Weight", "unit": "kg"}, "x": {"label": "Age", "unit": "years"}}

    shown = explore_table(table, "y", "g", predictor="x", labels=labels).exploration

    assert shown.effects[0].words.axis == "Intercept: Weight (kg)"
    assert shown.effects[1].words.axis == "Slope: Weight (kg per year)"
    assert (shown.plane.x_axis, shown.plane.y_axis) == ("Age (years)", "Weight (kg)")


def test_rows_with_missing_values_are_left_out_when_asked(table):
    table.loc[0, "y"] = np.nan

    with pytest.raises(MissingValueError, match='missing="drop"'):
        explore_table(table, "y", "g")
    shown = explore_table(table, "y", "g", missing="drop").exploration

    assert shown.n.tolist() == [1, 3, 5, 8]
    assert "1 rows with missing values left out" in shown.note


def test_levels_without_rows_are_not_shown(table):
    table["g"] = pd.Categorical(table["g"], categories=list("zabcd"))

    assert explore_table(table, "y", "g").exploration.groups == ("a", "b", "c", "d")


def test_the_public_name_stays_the_function(table):
    first = po.explore(table, "y", "g")

    assert repr(po.explore(table, "y", "g")) == repr(first)
    assert repr(first).startswith("Explorer: 4 groups of g, means")


def test_an_unknown_column_is_named(table):
    with pytest.raises(UnknownColumnError, match="`z` is not a column"):
        explore_table(table, "z", "g")


def test_a_response_of_text_is_refused(table):
    with pytest.raises(DataError, match="column `g` is not numeric"):
        explore_table(table, "g", "y")


def test_one_group_is_nothing_to_pool(table):
    with pytest.raises(DataError, match="nothing to pool"):
        explore_table(table[table["g"] == "a"], "y", "g")


def test_single_rows_need_standard_errors(schools):
    with pytest.raises(DataError, match=r"do not vary within(?s:.*)se="):
        explore_table(schools, "y", "school")


def test_groups_without_variation_are_refused():
    data = {"y": [1.0, 1.0, 2.0, 2.0], "g": list("aabb")}

    with pytest.raises(DataError, match="do not vary within"):
        explore_table(data, "y", "g")


def test_standard_errors_are_positive(schools):
    with pytest.raises(DataError, match="not positive"):
        explore_table(schools.assign(sigma=0.0), "y", "school", se="sigma")


def test_lines_need_a_predictor_that_varies_within_groups(table):
    with pytest.raises(DataError, match="too few groups have estimates of their own"):
        explore_table(table.assign(x=1.0), "y", "g", predictor="x")


def test_too_many_groups_are_refused():
    data = {"y": np.arange(4002.0) ** 2, "g": np.repeat(np.arange(2001), 2)}

    with pytest.raises(DataError, match=r"too many groups(?s:.*)2,001"):
        explore_table(data, "y", "g")
