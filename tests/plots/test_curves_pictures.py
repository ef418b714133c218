"""Trajectories and effects: lines are predictions, own lines are regressions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import DataError, UnknownNameError, UnsupportedError
from poolish.plots import Plots, make_picture
from poolish.predict import predict
from poolish.relations import as_relation


def test_own_lines_are_the_regressions_of_each_subject(brms_sleep, sleepstudy):
    data = Plots(brms_sleep).trajectories(data=True)

    for level in ("308", "335"):
        rows = sleepstudy[sleepstudy["Subject"].astype(str) == level]
        slope, intercept = np.polyfit(rows["Days"], rows["Reaction"], 1)
        line = data[(data["level"] == level) & (data["kind"] == "curve")]
        np.testing.assert_allclose(line["own"], intercept + slope * line["Days"], rtol=1e-8)


def test_the_complete_line_is_the_regression_of_all_rows(brms_sleep, sleepstudy):
    data = Plots(brms_sleep).trajectories(data=True)

    slope, intercept = np.polyfit(sleepstudy["Days"], sleepstudy["Reaction"], 1)
    line = data[(data["level"] == "308") & (data["kind"] == "curve")]
    np.testing.assert_allclose(line["complete"], intercept + slope * line["Days"], rtol=1e-8)


def test_partial_lines_pass_through_the_predicted_means(brms_sleep, sleepstudy):
    data = Plots(brms_sleep).trajectories(selected=["308"], data=True)

    rows = np.flatnonzero(sleepstudy["Subject"] == 308)
    expected = predict(brms_sleep).values.mean(axis=(0, 1))[rows]
    curve = data[data["kind"] == "curve"]
    np.testing.assert_allclose(curve["partial"], expected)
    points = data[data["kind"] == "data"]
    np.testing.assert_array_equal(points["y"], sleepstudy["Reaction"][rows])


def test_at_most_twenty_panels_are_drawn_and_it_is_said(brms_sleep):
    few = make_picture(brms_sleep, "trajectories", at_most=6)

    assert few.frame["level"].nunique() == 6
    assert "6 of 18 groups" in few.caption


def test_every_panel_draws_its_own_points(brms_sleep):
    axes = Plots(brms_sleep).trajectories(selected=["308", "309"])

    data = Plots(brms_sleep).trajectories(selected=["308", "309"], data=True)
    for ax, level in zip(axes, ["308", "309"], strict=True):
        points = next(line for line in ax.get_lines() if line.get_marker() == "o")
        rows = data[(data["level"] == level) & (data["kind"] == "data")]
        np.testing.assert_array_equal(points.get_ydata(), rows["y"])


def test_a_factor_makes_points_and_own_lines_are_not_claimed(counts):
    trajectories = make_picture(counts, "trajectories")
    effects = make_picture(counts, "effects")

    assert trajectories.frame["own"].isna().all()
    assert "own data alone" in trajectories.caption
    assert len(effects.frame) == 3


def test_relatives_without_records_have_no_panel():
    K = as_relation((np.eye(9), list("abcdefghi")))
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [0.0, 1.0, 2.0, 1.5], "id": list("beeh")})
    fit = make_posterior("y ~ x + (1 | kin(id, K))", data, relations={"K": K})

    picture = make_picture(fit, "trajectories", at_most=2)

    assert set(picture.frame["level"]) == {"b", "h"}
    assert "2 of 3 groups" in picture.caption
    with pytest.raises(DataError, match="`a` of `id` has no rows to draw"):
        make_picture(fit, "trajectories", selected=["e", "a"])


def test_effects_are_the_means_of_a_typical_group(brms_sleep):
    data = Plots(brms_sleep).effects("Days", data=True)

    b = brms_sleep.draws["b"].values.reshape(-1, 2)
    np.testing.assert_allclose(data["mean"], b[:, 0].mean() + b[:, 1].mean() * data["Days"])
    lower = np.quantile(b @ np.stack([np.ones(len(data)), data["Days"]]), 0.025, axis=0)
    np.testing.assert_allclose(data["lower"], lower)


def test_an_unknown_predictor_is_named(brms_sleep):
    with pytest.raises(UnknownNameError, match="`Nights` is not a predictor"):
        make_picture(brms_sleep, "effects", "Nights")


def test_effects_without_a_name_are_one_panel_a_predictor_and_interaction():
    rng = np.random.default_rng(4)
    data = pd.DataFrame(
        {
            "y": rng.normal(size=40),
            "dose": np.tile([0.0, 1.0, 2.0, 3.0], 10),
            "arm": np.repeat(["a", "b"], 20),
            "site": np.tile(["s", "t", "u", "v", "w"], 8),
        }
    )
    plot = Plots(make_posterior("y ~ dose * arm + (1 | site)", data))

    every = plot.effects(data=True)
    axes = plot.effects()

    assert every["panel"].unique().tolist() == ["dose", "arm", "dose:arm"]
    assert len(axes) == 3
    pair = plot.effects("dose", by="arm", data=True)
    both = every[every["panel"] == "dose:arm"]
    np.testing.assert_array_equal(both[["x", "mean"]], pair[["dose", "mean"]])
    named = plot.effects(condition=["dose", "arm"], data=True)
    pd.testing.assert_frame_equal(named, pair)


def test_a_third_predictor_makes_one_panel_a_value(three_predictors):
    axes = Plots(three_predictors).effects(condition=["x", "dose", "arm"])

    assert [ax.get_title(loc="left") for ax in axes] == ["arm: a", "arm: b"]
    data = Plots(three_predictors).effects(condition=["x", "dose", "arm"], data=True)
    b = three_predictors.draws["b"].values.reshape(-1, 5).mean(axis=0)
    a, other = (data.loc[data["panel"] == f"arm: {arm}", "mean"].to_numpy() for arm in "ab")
    assert three_predictors.spec.main.coefs[-1] == "arm[b]"
    np.testing.assert_allclose(other - a, b[-1])


@pytest.fixture
def three_predictors():
    """Return a Gaussian fit with three predictors, draws from the prior."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame(
        {
            "y": rng.normal(size=24),
            "x": rng.normal(size=24),
            "dose": np.tile(["low", "mid", "high"], 8),
            "arm": np.repeat(["a", "b"], 12),
            "site": np.tile(["s", "t", "u", "v"], 6),
        }
    )
    return make_posterior("y ~ x + dose + arm + (1 | site)", data)


@pytest.fixture(scope="module")
def ratings():
    """Return an ordinal fit with levels 1 to 4 and a predictor of two values."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame(
        {
            "rating": pd.Categorical(rng.integers(1, 5, 80), ordered=True),
            "arm": np.tile([-0.5, 0.5], 40),
            "who": np.repeat([f"p{i}" for i in range(20)], 4),
        }
    )
    priors = {"b": "normal(0, 0.5)", "sd": "exponential(2)"}
    return make_posterior("rating ~ arm + (1 | who)", data, family="cumulative", priors=priors)


def test_effects_on_an_ordinal_response_are_the_probabilities_of_its_levels(ratings):
    data = Plots(ratings).effects("arm", data=True)

    made = pd.DataFrame({"arm": [-0.5, 0.5], "who": "p0"})
    mean = predict(ratings, made, kind="mean", groups="zero").mean(("chain", "draw"))
    assert sorted(data["by"].unique()) == ["1", "2", "3", "4"]
    shares = data.pivot(index="arm", columns="by", values="mean")
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    # The mean of the code, 0 to 3, is the sum of the codes times their probabilities.
    np.testing.assert_allclose(shares.to_numpy() @ np.arange(4), mean)


def test_a_predictor_of_two_values_makes_points_and_no_line(ratings):
    ax = Plots(ratings).effects("arm")

    assert {line.get_linestyle() for line in ax.get_lines()} == {"None"}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["-0.5", "0.5"]


def test_levels_are_numbered_as_typed_along_an_axis(ratings):
    panel = Plots(ratings).trajectories()[0]

    assert panel.yaxis.get_major_formatter()(0.5, 0) == "1.5"


def test_a_categorical_response_has_no_trajectories_and_no_second_predictor():
    data = pd.DataFrame({"way": list("abc") * 6, "x": np.arange(18.0), "z": np.arange(18.0) % 4,
                         "g": list("uv") * 9})  # fmt: skip
    plots = Plots(make_posterior("way ~ x + z + (1 | g)", data, family="categorical"))

    with pytest.raises(UnsupportedError, match="no mean that could run along a predictor"):
        plots.trajectories()
    with pytest.raises(UnsupportedError, match="colours tell the levels"):
        plots.effects("x", by="z")


def test_panels_of_very_different_reach_have_axes_of_their_own(rng):
    data = pd.DataFrame({"y": rng.normal(size=40), "x": np.arange(40.0), "z": rng.normal(size=40)})
    b = np.broadcast_to([0.0, 5.0, 0.01], (2, 10, 3)) + 0.0 * rng.normal(size=(2, 10, 3))
    plots = Plots(make_posterior("y ~ x + z", data, {"b": b, "sigma": np.ones((2, 10))}))

    steep, flat = plots.effects()

    assert np.ptp(steep.get_ylim()) > 50 * np.ptp(flat.get_ylim())
