"""Moments and sampling quality: ArviZ's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from poolish.summaries.moments import describe_draws, measure_sampling, summarise_draws


def test_numbers_are_those_of_arviz_summary(brms_sleep):
    import arviz as az

    expected = az.summary(
        brms_sleep.tree, var_names=["r_Subject"], ci_prob=0.95, ci_kind="eti", round_to="none"
    )
    values = brms_sleep.draws["r_Subject"].values.reshape(4, 250, -1)

    found = summarise_draws(values)

    names = {
        "mean": "mean",
        "sd": "sd",
        "lower": "eti95_lb",
        "upper": "eti95_ub",
        "rhat": "r_hat",
        "ess_bulk": "ess_bulk",
        "mcse": "mcse_mean",
    }
    for ours, theirs in names.items():
        np.testing.assert_allclose(found[ours], expected[theirs], rtol=1e-9)


def test_tail_size_is_that_of_the_5_and_95_percent_quantiles(brms_sleep):
    import arviz as az

    expected = az.ess(brms_sleep.tree, var_names=["b"], method="tail", prob=(0.05, 0.95))

    found = measure_sampling(brms_sleep.draws["b"].values)

    np.testing.assert_allclose(found["ess_tail"], expected["b"].values, rtol=1e-9)


def test_constants_have_no_sampling_quality(rng):
    values = np.stack([np.full((4, 50), 3.0), rng.normal(size=(4, 50))], axis=2)

    quality = measure_sampling(values)

    assert np.isnan(quality["rhat"][0])
    assert np.isfinite(quality["rhat"][1])


def test_few_draws_have_no_sampling_quality(rng):
    assert np.isnan(measure_sampling(rng.normal(size=(4, 3, 2)))["ess_bulk"]).all()


@pytest.mark.parametrize(("prob", "expected"), [(0.5, (25.0, 75.0)), (0.9, (5.0, 95.0))])
def test_intervals_are_equal_tailed(prob, expected):
    values = np.arange(101.0).reshape(1, 101, 1)

    found = describe_draws(values, ci_prob=prob)

    assert (found["lower"][0], found["upper"][0]) == pytest.approx(expected)


def test_an_infinite_draw_has_no_sd_and_warns_of_nothing():
    values = np.array([[1.0, 2.0, np.inf, 3.0]])[..., None]

    described = describe_draws(values)

    assert described["mean"][0] == np.inf
    assert np.isnan(described["sd"][0])
