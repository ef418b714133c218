"""Residuals, check, ppc, priors, kinship, variance, forest, rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from scipy import stats
from tests.made_fits import make_posterior, read_brms_summary

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.plots import Plots, make_picture
from poolish.plots.distributions import survival
from poolish.plots.kinship import cluster
from poolish.plots.ppc import shape_p
from poolish.plots.predictive import Replicates, quantile_residuals, replicate_rows
from poolish.plots.residuals import draw_along
from poolish.plots.style import FINDING
from poolish.predict import with_log_likelihood
from poolish.summaries.loo import leave_one_out
from poolish.summaries.variance import share_draws


def test_quantile_residuals_of_counts_from_the_model_are_uniform(rng):
    counts = rng.poisson(3.0, (401, 500)).astype(float)
    rows = np.arange(500)
    found = Replicates(
        rows,
        counts[0],
        counts[1:],
        counts[1:],
        np.zeros((400, 500)),
        np.ones(500),
        np.ones(500, bool),
    )

    residuals = quantile_residuals(found)

    assert stats.kstest(residuals, "uniform").pvalue > 0.001
    assert ((residuals > 0) & (residuals < 1)).all()


def test_a_residual_is_the_chance_of_less_given_the_other_rows(rng):
    n, sigma = 20, 2.0
    data = pd.DataFrame({"y": rng.normal(5.0, sigma, n)})
    y = data["y"].to_numpy()
    draws = {
        "b": (y.mean() + sigma / np.sqrt(n) * rng.standard_normal((4, 1000)))[..., None],
        "sigma": np.full((4, 1000), sigma),
    }
    found = replicate_rows(make_posterior("y ~ 1", data, draws), seed=1)

    residuals = quantile_residuals(found)

    # With a flat prior and known sigma, y_i given the rest is normal about their mean with
    # variance sigma^2 (1 + 1 / (n - 1)); replicates of 2,000 draws have a standard error of 0.011.
    others = (y.sum() - y) / (n - 1)
    expected = stats.norm.cdf((y - others) / (sigma * np.sqrt(1 + 1 / (n - 1))))
    np.testing.assert_allclose(residuals, expected, atol=4 * 0.5 / np.sqrt(2000) + 0.01)
    np.testing.assert_allclose(found.expected, others, atol=4 * sigma / np.sqrt(2000) + 0.1)


def test_red_appears_only_on_a_finding(brms_sleep, sleepstudy, rng):
    good = Plots(make_sane(sleepstudy, rng)).residuals()
    bad_fit = Plots(brms_sleep)
    is_bad = "should be" not in bad_fit.picture("residuals").title
    bad = bad_fit.residuals()

    assert not reds(good)
    assert bool(reds(bad)) == is_bad


def reds(axes):
    return [
        line
        for ax in axes
        for line in ax.get_lines()
        if line.get_color() == FINDING and len(line.get_xdata())
    ]


def make_sane(sleepstudy, rng):
    """Return a fit whose outcomes come from its own draws."""
    data = sleepstudy.assign(Reaction=rng.normal(300.0, 20.0, len(sleepstudy)))
    b = np.stack([np.full((4, 50), 300.0), np.zeros((4, 50))], axis=-1)
    given = {"b": b, "sigma": np.full((4, 50), 20.0), "sd_Subject": np.full((4, 50, 1), 1e-6),
             "r_Subject": np.zeros((4, 50, 18, 1))}  # fmt: skip
    return make_posterior("Reaction ~ Days + (1 | Subject)", data, given)


def test_check_has_six_panels_that_say_what_good_is(brms_sleep):
    axes = Plots(brms_sleep).check()

    assert len(axes) == 6
    assert all(ax.get_title(loc="left") for ax in axes)
    frame = Plots(brms_sleep).check(data=True)
    assert set(frame["panel"]) == {
        "replicates",
        "uniform",
        "along",
        "groups",
        "influence",
        "chains",
    }


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_influence_is_the_pareto_k_of_arviz_and_after_matching_of_loo(brms_sleep):
    import arviz as az

    data = Plots(brms_sleep).check(data=True)
    tree = with_log_likelihood(brms_sleep).tree

    plain = az.loo(tree, pointwise=True, reff=1.0).pareto_k.values
    matched = leave_one_out(brms_sleep).pointwise["khat"].to_numpy()
    k = data[data["panel"] == "influence"]["k"].to_numpy()
    is_good = plain <= 0.7
    np.testing.assert_allclose(k[is_good], plain[is_good], atol=1e-6)
    assert (~is_good).sum() == 3
    np.testing.assert_array_equal(k, matched)
    assert (k[~is_good] < plain[~is_good]).all()


def test_influence_of_very_many_rows_is_of_some_and_says_so(brms_sleep, monkeypatch):
    monkeypatch.setattr("poolish.plots.check.can_weigh_rows", lambda posterior: False)

    picture = Plots(brms_sleep).picture("check")

    frame = picture.frame
    plain = leave_one_out(brms_sleep, moment_match=False).pointwise["khat"]
    np.testing.assert_allclose(frame[frame["panel"] == "influence"]["k"], plain, atol=1e-6)
    assert "180 of the rows, moments not matched" in picture.caption


def test_ppc_draws_fifty_replicates_and_the_observed_data(brms_sleep, sleepstudy):
    data = Plots(brms_sleep).ppc(data=True)

    observed = data[data["sample"] == -1]
    np.testing.assert_array_equal(observed["y"], sleepstudy["Reaction"])
    assert data["sample"].nunique() == 51
    drawn = [line for line in Plots(brms_sleep).ppc().get_lines() if len(line.get_xdata())]
    assert len(drawn) == 51


# Freireich et al. (1963), remission under 6-MP in weeks; the estimate as in Cox & Oakes (1984),
# Analysis of Survival Data, section 4.3.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
CENSORED = [0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]


def test_the_share_without_the_event_is_that_of_the_textbook():
    times, share = survival(np.array(SIX_MP, float), np.array(CENSORED) == 0)

    assert times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(share, expected, atol=5e-4)


def test_censored_times_are_drawn_by_kaplan_and_meier():
    data = pd.DataFrame({"weeks": SIX_MP, "censored": CENSORED})
    draws = {"b": np.full((2, 50, 1), 3.5), "shape": np.full((2, 50), 1.3)}
    fit = make_posterior("weeks | cens(censored) ~ 1", data, draws, family="weibull")

    line = next(line for line in Plots(fit).ppc().get_lines() if line.get_linewidth() == 2.0)

    np.testing.assert_allclose(line.get_ydata()[[0, 1, -1]], [1.0, 0.857, 0.448], atol=5e-4)
    assert not Plots(fit).ppc(data=True).query("sample == -1")["is_event"].all()


def test_few_values_are_bars_of_their_shares(rng):
    y = rng.poisson(1.0, 60)
    draws = {"b": np.zeros((2, 50, 1))}
    ax = Plots(make_posterior("y ~ 1", pd.DataFrame({"y": y}), draws, family="poisson")).ppc()

    shares = np.bincount(y) / len(y)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights[: len(shares)], shares)
    assert not any(heights[len(shares) :])


def test_the_shape_p_is_uniform_for_a_replicate_and_small_for_another_shape(rng):
    normal = rng.standard_normal((1001, 100))
    places = [
        shape_p(row, np.delete(normal[:201], i, axis=0)) for i, row in enumerate(normal[:200])
    ]
    heavy = rng.exponential(size=100) - 1.0  # mean 0 and sd 1, as the others

    assert stats.kstest(places, "uniform").pvalue > 0.001
    assert shape_p(heavy, normal[:500]) < 0.01


def test_means_far_apart_stand_on_a_logarithmic_axis():
    frame = pd.DataFrame({"expected": np.geomspace(1, 1000, 50), "residual": 0.5})
    axes = pyplot.figure().subplots(1, 2)

    draw_along(axes[0], frame)
    draw_along(axes[1], frame.assign(expected=np.arange(50.0)))

    assert [ax.get_xscale() for ax in axes] == ["log", "linear"]


def test_prior_and_posterior_densities_integrate_to_one(brms_sleep):
    data = Plots(brms_sleep).prior_posterior(["cor_Subject[Intercept, Days]", "sigma"], data=True)

    cor = data[data["parameter"] == "cor_Subject[Intercept, Days]"]
    assert np.trapezoid(cor["prior"], cor["value"]) == pytest.approx(1.0, abs=0.15)
    sigma = data[data["parameter"] == "sigma"]
    assert np.trapezoid(sigma["posterior"], sigma["value"]) == pytest.approx(1.0, abs=0.02)


def test_an_intercept_is_drawn_at_average_predictors_where_its_prior_is(brms_sleep):
    data = Plots(brms_sleep).prior_posterior(["b[Intercept]"], data=True)

    drawn = np.average(data["value"], weights=data["posterior"])
    b = brms_sleep.draws["b"].values
    assert drawn == pytest.approx((b[..., 0] + 4.5 * b[..., 1]).mean(), abs=0.2)


def test_an_unknown_parameter_is_named(brms_sleep):
    with pytest.raises(UnknownNameError, match="`tau` is not a parameter"):
        make_picture(brms_sleep, "prior_posterior", ["tau"])


def test_relatives_stand_next_to_each_other(related):
    data = Plots(related).kinship(data=True)

    assert "".join(data.index) in ("acebdf", "bdface", "acefdb") or {
        frozenset(data.index[:3]), frozenset(data.index[3:])
    } == {frozenset("ace"), frozenset("bdf")}  # fmt: skip
    Plots(related).kinship()
    assert cluster(np.eye(2)).tolist() == [0, 1]


def test_kinship_needs_a_known_covariance(brms_sleep):
    with pytest.raises(UnsupportedError, match="no group of this model has a known covariance"):
        make_picture(brms_sleep, "kinship")


def test_shares_are_those_of_the_variance_table(brms_sleep):
    data = Plots(brms_sleep).variance(data=True).set_index("component")["mean"]

    expected = {name: draws.mean() for name, draws in share_draws(brms_sleep).items()}
    assert data.to_dict() == pytest.approx(expected)
    bars = Plots(brms_sleep).variance().patches
    assert [bar.get_width() for bar in bars] == pytest.approx(list(expected.values()))


def test_forest_lists_every_parameter_and_tells_the_intercept(brms_sleep):
    assert Plots(brms_sleep).forest(data=True)["parameter"].tolist()[:2] == [
        "b[Days]",
        "sd_Subject[Intercept]",
    ]
    mean = float(brms_sleep.draws["b"].sel(coef="Intercept").mean())
    assert f"Not drawn: b[Intercept] {mean:.1f} (" in make_picture(brms_sleep, "forest").caption
    numbers = [text.get_text() for text in Plots(brms_sleep).forest()[1].texts]
    summary = read_brms_summary()["b_Days"]
    assert len(numbers) == 5
    assert float(numbers[0].split()[0]) == pytest.approx(summary["mean"], abs=0.06)


def test_rank_differences_start_and_end_at_zero(brms_sleep):
    data = Plots(brms_sleep).rank(data=True)

    ends = data[data["rank"].isin([0.0, 1.0])]["difference"]
    np.testing.assert_allclose(ends, 0.0)
    assert len(np.ravel(Plots(brms_sleep).rank())) == 6


def test_shares_name_the_largest_group_by_its_label(brms_sleep):
    picture = make_picture(brms_sleep, "variance", labels={"Subject": {"label": "Driver"}})

    assert picture.title.startswith("Driver holds ")
    ax = Plots(brms_sleep).variance(labels={"Subject": {"label": "Driver"}})
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Driver", "Residual"]


def test_a_model_without_groups_has_no_variance_picture():
    posterior = make_posterior("y ~ x", pd.DataFrame({"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0]}))

    with pytest.raises(UnsupportedError, match="this model has no groups"):
        make_picture(posterior, "variance")
