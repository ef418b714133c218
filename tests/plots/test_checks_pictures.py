"""Residuals, check, ppc, priors, kinship, variance, forest, rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.made_fits import make_posterior, read_brms_summary

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.plots import Plots, make_picture
from poolish.plots.kinship import cluster
from poolish.plots.predictive import Replicates, quantile_residuals, replicate_rows
from poolish.plots.style import FINDING
from poolish.predict import with_log_likelihood
from poolish.summaries.loo import leave_one_out
from poolish.summaries.variance import share_draws


def test_quantile_residuals_of_counts_from_the_model_are_uniform(rng):
    counts = rng.poisson(3.0, (401, 500)).astype(float)
    rows = np.arange(500)
    found = Replicates(rows, counts[0], counts[1:], counts[1:], np.zeros((400, 500)), np.ones(500))

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


def test_prior_and_posterior_densities_integrate_to_one(brms_sleep):
    data = Plots(brms_sleep).prior_posterior(["cor_Subject[Intercept, Days]", "sigma"], data=True)

    cor = data[data["parameter"] == "cor_Subject[Intercept, Days]"]
    assert np.trapezoid(cor["prior"], cor["value"]) == pytest.approx(1.0, abs=0.15)
    sigma = data[data["parameter"] == "sigma"]
    assert np.trapezoid(sigma["posterior"], sigma["value"]) == pytest.approx(1.0, abs=0.02)


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


def test_forest_lists_every_parameter(brms_sleep):
    assert Plots(brms_sleep).forest(data=True)["parameter"].tolist()[:2] == [
        "b[Intercept]",
        "b[Days]",
    ]
    numbers = [text.get_text() for text in Plots(brms_sleep).forest()[1].texts]
    summary = read_brms_summary()["b_Days"]
    assert len(numbers) == 6
    assert float(numbers[1].split()[0]) == pytest.approx(summary["mean"], abs=0.06)


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
