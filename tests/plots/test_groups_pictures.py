"""Pooling, caterpillar, ranks and the plane: what is drawn is what the tables say."""

from __future__ import annotations

import numpy as np
import pytest

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.plots import Plots, make_picture
from poolish.plots.slopes_plane import ellipse
from poolish.plots.style import NO_POOLING, PARTIAL
from poolish.summaries.pooling import summarise_pooling


@pytest.fixture
def plot(brms_sleep):
    return Plots(brms_sleep)


def lines_of(ax, color, marker):
    return [
        line.get_xydata()
        for line in ax.get_lines()
        if line.get_marker() == marker and color in (line.get_color(), line.get_markeredgecolor())
    ]


def test_pooling_draws_the_partial_estimates_of_the_table(plot, brms_sleep):
    table = summarise_pooling(brms_sleep, "Subject").frame
    expected = table[table["effect"] == "Days"].set_index("level")["partial"]

    data = plot.pooling("Subject", effect="Days", data=True)
    ax = plot.pooling("Subject", effect="Days")

    old = data[~data["is_new"]]
    drawn = np.concatenate([line[:, 0] for line in lines_of(ax, "white", "o")])
    np.testing.assert_allclose(np.sort(drawn)[-18:], np.sort(expected))
    np.testing.assert_array_equal(old["mean"], expected[old["level"]])


def test_pooling_draws_a_hollow_point_and_an_arrow_for_each_group_with_own_data(plot):
    data = plot.pooling(effect="Days", data=True)
    ax = plot.pooling(effect="Days")

    hollow = lines_of(ax, NO_POOLING, "o")[0]

    np.testing.assert_allclose(hollow[:, 0], data["own"].dropna())
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == data["own"].notna().sum() == 18


def test_the_last_row_of_pooling_is_a_group_without_data_wider_than_any_other(plot):
    data = plot.pooling(data=True)

    assert data["level"].iloc[-1] == "a new Subject"
    width = data["upper"] - data["lower"]
    assert width.iloc[-1] == width.max()
    assert plot.pooling(new_group=False, data=True)["is_new"].sum() == 0


def test_row_labels_state_n_and_pooling(plot):
    ax = plot.pooling(effect="Days")

    assert ax.get_yticklabels()[0].get_text().startswith("308 (n = 10, ")


def test_few_rows_are_the_smallest_the_largest_and_the_selected(plot):
    every = plot.caterpillar(effect="Days", data=True)["level"].tolist()

    few = plot.caterpillar(effect="Days", at_most=5, selected=[every[8]], data=True)

    assert few["level"].tolist() == [*every[:2], every[8], *every[-2:]]
    assert "5 of 18 shown" in plot.picture("caterpillar", at_most=5).caption
    assert few["skipped"].tolist() == [0, 0, 6, 7, 0]
    texts = [text.get_text() for text in plot.caterpillar(at_most=5).texts]
    assert texts == ["13 not shown"]


def test_the_caterpillar_counts_intervals_without_zero(plot):
    picture = plot.picture("caterpillar", effect="Days")

    frame = picture.frame
    n_clear = ((frame["lower"] > 0) | (frame["upper"] < 0)).sum()
    assert picture.title.startswith(f"{n_clear} of 18 groups")


def test_ranks_agree_with_counting_larger_groups(plot, brms_sleep):
    days = brms_sleep.draws["r_Subject"].values[..., 1].reshape(-1, 18)
    expected = 1 + (days[:, :, None] < days[:, None, :]).sum(axis=2).mean(axis=0)

    data = plot.ranks(effect="Days", data=True).set_index("level")

    levels = brms_sleep.spec.main.groups[0].levels
    np.testing.assert_allclose(data.loc[list(levels), "mean"], expected)
    assert data["prob_first"].sum() == pytest.approx(1.0)


def test_the_plane_holds_both_effects_and_three_ellipses(plot, brms_sleep):
    data = plot.slopes_plane(data=True)
    ax = plot.slopes_plane()

    table = summarise_pooling(brms_sleep, "Subject").frame
    days = table[table["effect"] == "Days"]["partial"].to_numpy()
    np.testing.assert_array_equal(data["partial_y"], days)
    assert len(ax.patches) >= 3
    assert any(np.allclose(line[:, 1], days) for line in lines_of(ax, PARTIAL, "o"))


def test_an_ellipse_holds_its_share_of_a_normal_sample(rng):
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    points = rng.multivariate_normal([1.0, -1.0], covariance, size=200_000)
    outline = ellipse(np.array([1.0, -1.0]), covariance, 0.8)

    distance = np.einsum("ni,ij,nj->n", *(points - [1, -1],), np.linalg.inv(covariance),
                         points - [1, -1])  # fmt: skip
    radius = np.einsum("ni,ij,nj->n", outline - [1, -1], np.linalg.inv(covariance),
                       outline - [1, -1])  # fmt: skip

    assert np.ptp(radius) < 1e-9
    assert (distance < radius[0]).mean() == pytest.approx(0.8, abs=0.004)


def test_a_plane_needs_two_effects(counts):
    with pytest.raises(UnsupportedError, match="a plane needs two"):
        make_picture(counts, "slopes_plane")


def test_unknown_effects_and_levels_are_named(plot):
    with pytest.raises(UnknownNameError, match="`Nights` is not an effect of `Subject`"):
        plot.pooling(effect="Nights")
    with pytest.raises(UnknownNameError, match="`999` is not a level of `Subject`"):
        plot.caterpillar(selected=["999"])


def test_groups_of_a_poisson_model_are_drawn_on_the_scale_of_the_link(counts):
    picture = make_picture(counts, "pooling")

    assert len(picture.frame) == 13
    assert np.isfinite(picture.frame["mean"]).all()
    assert np.isfinite(picture.frame["complete"].iloc[0])
