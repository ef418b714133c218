"""Explorers of fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.explore.from_fit import explore_fit
from poolish.spec.families import parse_family
from poolish.summaries.pooling import summarise_pooling


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "y": rng.normal(10, 2, size=40),
            "x": rng.normal(size=40),
            "g": np.repeat(list("abcdefgh"), 5),
            "h": np.tile(list("pqrs"), 10),
            "count": rng.poisson(3, size=40),
            "se": rng.uniform(1, 2, size=40),
        }
    )


def test_estimates_are_those_of_the_pooling_table(brms_sleep):
    shown = explore_fit(brms_sleep).exploration

    table = summarise_pooling(brms_sleep, "Subject").frame
    for effect in shown.effects:
        rows = table[table["effect"] == effect.name]
        np.testing.assert_allclose(effect.own, rows["own"], rtol=1e-9)
        np.testing.assert_allclose(
            effect.draws.partial, rows[["partial", "lower", "upper"]], rtol=1e-9
        )
        se = (rows["own_upper"] - rows["own"]) / 1.959963984540054
        np.testing.assert_allclose(shown.sigma / np.sqrt(effect.info), se, rtol=1e-9)
    np.testing.assert_array_equal(shown.n, 10)


def test_parameters_are_means_of_the_draws(brms_sleep):
    draws = brms_sleep.draws

    shown = explore_fit(brms_sleep, "Subject").exploration

    assert shown.n_draws == draws.sizes["chain"] * draws.sizes["draw"]
    for k, name in enumerate(("Intercept", "Days")):
        assert shown.effects[k].draws.tau == pytest.approx(draws["sd_Subject"][..., k].mean())
        assert shown.effects[k].draws.mu == pytest.approx(draws["b"].sel(coef=name).mean())
        assert shown.effects[k].draws.shares.sum() == pytest.approx(1, abs=2e-3)
    assert shown.rho == pytest.approx(draws["cor_Subject"][..., 0, 1].mean())
    assert shown.sigma == pytest.approx(np.sqrt(np.square(draws["sigma"]).mean()))


def test_a_new_group_spreads_as_the_population(brms_sleep):
    fresh = explore_fit(brms_sleep).exploration.effects[0].draws.fresh

    # The normal mixture over the draws, by its quantiles on a fine sample.
    rng = np.random.default_rng(1)
    tau = brms_sleep.draws["sd_Subject"].values[..., 0].ravel()
    mu = brms_sleep.draws["b"].values[..., 0].ravel()
    many = mu + tau * rng.standard_normal((400, tau.size))
    np.testing.assert_allclose(fresh[1:], np.quantile(many, [0.025, 0.975]), rtol=0.04)
    assert fresh[0] == pytest.approx(mu.mean())


def test_the_rest_of_the_model_is_taken_out(data):
    posterior = make_posterior("y ~ x + (1 | g) + (1 | h)", data)

    shown = explore_fit(posterior, "h").exploration

    assert shown.group == "h"
    assert shown.effects[0].words.noun == "intercept"
    own = summarise_pooling(posterior, "h").frame["own"]
    np.testing.assert_allclose(shown.effects[0].own, own, rtol=1e-9)


def test_known_standard_errors_make_sigma_a_factor(data):
    shown = explore_fit(make_posterior("y | se(se) ~ 1 + (1 | g)", data)).exploration

    assert (shown.sigma, shown.is_known_error) == (1.0, True)
    information = (1 / data["se"] ** 2).groupby(data["g"]).sum()
    np.testing.assert_allclose(shown.effects[0].info, information, rtol=1e-9)


def test_a_slope_alone_has_one_view_and_no_plane(data):
    shown = explore_fit(make_posterior("y ~ x + (0 + x | g)", data)).exploration

    assert [effect.words.noun for effect in shown.effects] == ["slope"]
    assert shown.plane is None


def test_uncorrelated_effects_have_correlation_zero(data):
    shown = explore_fit(make_posterior("y ~ x + (x || g)", data)).exploration

    assert shown.rho == 0.0
    assert shown.plane is not None


def test_the_first_group_that_can_be_explored_is_taken(data):
    posterior = make_posterior("y ~ x + I(x^2) + (x + I(x^2) | g) + (1 | h)", data)

    assert explore_fit(posterior).exploration.group == "h"


@pytest.mark.parametrize(
    ("formula", "options", "reason"),
    [
        ("count ~ 1 + (1 | g)", {"family": parse_family("poisson")}, "poisson with link log"),
        (["y ~ 1 + (1 | g)", "sigma ~ x"], {}, "`sigma` has a formula"),
        ("y ~ x + I(x^2) + (x + I(x^2) | g)", {}, "`g` has 3 effects"),
    ],
)
def test_models_without_a_closed_form_are_refused(data, formula, options, reason):
    posterior = make_posterior(formula, data, **options)

    with pytest.raises(UnsupportedError, match=f"{reason}(?s:.*)fit.pooling"):
        explore_fit(posterior)


def test_a_known_covariance_is_refused(data):
    K = pd.DataFrame(np.eye(8), index=list("abcdefgh"), columns=list("abcdefgh"))
    from poolish.relations import as_relation

    posterior = make_posterior(
        "y ~ 1 + (1 | gr(g, cov=K))", data, relations={"K": as_relation(K, name="K")}
    )

    with pytest.raises(UnsupportedError, match="known covariance"):
        explore_fit(posterior)


def test_an_unknown_group_names_those_that_exist(brms_sleep):
    with pytest.raises(UnknownNameError, match=r"`subject` is not a group(?s:.*)Subject"):
        explore_fit(brms_sleep, "subject")


def test_a_model_without_groups_is_refused(data):
    with pytest.raises(UnknownNameError, match="has none"):
        explore_fit(make_posterior("y ~ x", data))


def test_a_fit_writes_its_explorer(sleep_fit, tmp_path):
    explorer = sleep_fit.explore(tmp_path / "explore.html", labels={"Days": {"label": "Day"}})

    assert (tmp_path / "explore.html").read_text(encoding="utf-8") == explorer.html
    assert explorer.exploration.plane.x_axis == "Day"
