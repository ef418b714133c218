from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from tests.made_fits import make_posterior

import poolish as po
from poolish.errors import UnknownColumnError, UnknownNameError
from poolish.summaries.marginal_effects import (
    tabulate_comparisons,
    tabulate_predictions,
    tabulate_slopes,
)


@pytest.fixture(scope="module")
def probit():
    """A probit model with known parameters: b = (0.3, 0.8), sd = 1.5."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    data["y"] = (rng.uniform(size=60) < 0.5).astype(int)
    ones = np.ones((4, 5, 1))
    draws = {"b": ones * [0.3, 0.8], "sd_g": ones * 1.5}
    family = po.family("bernoulli", link="probit")
    return make_posterior("y ~ x + (1 | g)", data, draws, family=family)


def test_marginal_probabilities_of_a_probit_are_attenuated(probit):
    table = tabulate_predictions(probit, condition={"x": [-1.0, 0.0, 2.0]}).to_df()

    eta = 0.3 + 0.8 * np.array([-1.0, 0.0, 2.0])
    by = table.set_index("meaning")["estimate"]
    np.testing.assert_allclose(by["conditional"], norm.cdf(eta), atol=1e-10)
    np.testing.assert_allclose(by["marginal"], norm.cdf(eta / np.sqrt(1 + 1.5**2)), atol=1e-8)


def test_marginal_slopes_are_those_of_the_attenuated_probit(probit):
    table = tabulate_slopes(probit, "x", meaning="marginal").to_df()

    x, shrink = probit.table.columns["x"].values, np.sqrt(1 + 1.5**2)
    expected = (norm.pdf((0.3 + 0.8 * x) / shrink) * 0.8 / shrink).mean()
    assert table["estimate"][0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("meaning", ["conditional", "marginal"])
def test_slopes_and_comparisons_at_stated_values_are_those_of_the_probit(probit, meaning):
    at = np.array([-1.0, 0.0, 2.0])
    shrink = 1.0 if meaning == "conditional" else np.sqrt(1 + 1.5**2)
    curve = lambda x: norm.cdf((0.3 + 0.8 * x) / shrink)  # noqa: E731

    slopes = tabulate_slopes(probit, "x", condition={"x": at}, meaning=meaning).to_df()
    steps = tabulate_comparisons(probit, "x", condition={"x": at}, meaning=meaning).to_df()

    density = norm.pdf((0.3 + 0.8 * at) / shrink) * 0.8 / shrink
    np.testing.assert_allclose(slopes["x"], at)
    np.testing.assert_allclose(slopes["estimate"], density, atol=1e-7)
    np.testing.assert_allclose(steps["estimate"], curve(at + 1) - curve(at), atol=1e-8)


def test_averages_have_names_of_their_own(probit):
    fit = po.Fit(probit)

    for named, plain in (
        (fit.avg_predictions(), fit.predictions(average=True)),
        (fit.avg_comparisons("x"), fit.comparisons("x")),
        (fit.avg_slopes("x"), fit.slopes("x")),
    ):
        pd.testing.assert_frame_equal(named.to_df(), plain.to_df())


def test_marginal_and_conditional_differ_on_the_fitted_rows(probit):
    by = tabulate_comparisons(probit, "x").to_df().set_index("meaning")["estimate"]

    assert by["marginal"] < 0.85 * by["conditional"]


def test_every_meaning_agrees_for_a_gaussian_intercept_model(sleepstudy):
    fit = po.fit("Reaction ~ Days + (1 | Subject)", sleepstudy, seed=1, progress=False)

    table = tabulate_slopes(fit.result, "Days").to_df()

    expected = float(fit.posterior["b"].sel(coef="Days").mean())
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-6)


def test_predictions_by_group_average_its_rows(brms_sleep):
    table = tabulate_predictions(brms_sleep, by="Subject", meaning="observed").to_df()

    from poolish.predict import predict

    means = predict(brms_sleep).values.mean(axis=(0, 1)).reshape(18, 10).mean(axis=1)
    np.testing.assert_allclose(table["estimate"], means)


def test_a_factor_is_compared_with_its_first_level(rng):
    data = pd.DataFrame({"y": rng.normal(size=30), "f": list("abc") * 10})
    fit = po.fit("y ~ f", data, seed=1, progress=False)

    table = tabulate_comparisons(fit.result, "f", meaning="conditional").to_df()

    assert list(table["comparison"]) == ["f: b - a", "f: c - a"]
    b = fit.posterior["b"].sel(coef=["f[b]", "f[c]"]).mean(("chain", "draw"))
    np.testing.assert_allclose(table["estimate"], b, rtol=1e-8)


def test_an_unknown_meaning_is_refused(brms_sleep):
    with pytest.raises(UnknownNameError, match="no meaning `population` of an effect"):
        tabulate_slopes(brms_sleep, "Days", meaning="population")


def test_an_unknown_column_is_refused(brms_sleep):
    with pytest.raises(UnknownColumnError, match="does not use column `Age`"):
        tabulate_comparisons(brms_sleep, "Age")


def test_a_factor_has_no_slope(rng):
    data = pd.DataFrame({"y": rng.normal(size=30), "f": list("abc") * 10})
    fit = po.fit("y ~ f", data, seed=1, progress=False)

    with pytest.raises(UnknownNameError, match="`f` has levels, and no slope"):
        tabulate_slopes(fit.result, "f")


def test_effects_that_formulas_share_have_no_marginal_rows_unasked(sleepstudy):
    formula = ["Reaction ~ Days + (1 |p| Subject)", "sigma ~ 1 + (1 |p| Subject)"]
    posterior = make_posterior(formula, sleepstudy, size=(2, 10))

    table = tabulate_predictions(posterior, average=True).to_df()

    assert list(table["meaning"]) == ["conditional", "observed"]
