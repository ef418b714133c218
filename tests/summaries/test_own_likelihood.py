"""Maximum likelihood by group, against closed forms and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from poolish.summaries.own_likelihood import maximise_by_group


def bernoulli(y):
    return lambda eta: y * special.log_expit(eta) + (1 - y) * special.log_expit(-eta)


def poisson(y):
    return lambda eta: stats.poisson.logpmf(y, np.exp(eta))


def test_estimates_are_those_of_a_regression_of_each_group(rng):
    sm = pytest.importorskip("statsmodels.api")
    codes = np.repeat(np.arange(7), 40)
    x = rng.normal(size=280)
    Z = np.column_stack([np.ones(280), x])
    offset = 0.3 * rng.normal(size=280)
    y = rng.poisson(np.exp(0.4 + 0.5 * x + offset)).astype(float)

    fits = maximise_by_group(poisson(y), Z, codes, offset=offset, start=np.zeros((7, 2)))

    for level in range(7):
        rows = codes == level
        model = sm.GLM(y[rows], Z[rows], family=sm.families.Poisson(), offset=offset[rows])
        expected = model.fit(tol=1e-12)
        np.testing.assert_allclose(fits.estimate[level], expected.params, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(fits.covariance[level], expected.cov_params(), rtol=1e-5)
    assert (fits.problem == "").all()


def test_groups_without_a_finite_estimate_say_so():
    # All failures; all successes; a threshold in x; and a group with an estimate.
    codes = np.repeat(np.arange(4), 6)
    x = np.tile(np.arange(6.0), 4)
    y = np.r_[np.zeros(6), np.ones(6), 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]
    Z = np.column_stack([np.ones(24), x])

    fits = maximise_by_group(bernoulli(y), Z, codes, offset=np.zeros(24), start=np.zeros((4, 2)))

    assert list(fits.problem) == ["separated", "separated", "separated", ""]
    assert np.isnan(fits.estimate[:3]).all()
    assert np.isfinite(fits.estimate[3]).all()


def test_counts_of_zero_have_no_finite_logarithm():
    y = np.zeros(5)

    fits = maximise_by_group(
        poisson(y), np.ones((5, 1)), np.zeros(5, int), offset=np.zeros(5), start=np.zeros((1, 1))
    )

    assert fits.problem[0] == "separated"


def test_slope_of_one_value_is_not_determined_but_its_intercept_is():
    # At x = 0 only; at x = 2 only, where not even the intercept is.
    codes = np.repeat([0, 1], 5)
    Z = np.column_stack([np.ones(10), np.repeat([0.0, 2.0], 5)])
    y = np.tile([0.0, 1.0, 1.0, 0.0, 1.0], 2)

    fits = maximise_by_group(bernoulli(y), Z, codes, offset=np.zeros(10), start=np.zeros((2, 2)))

    assert fits.estimate[0, 0] == pytest.approx(np.log(3 / 2), rel=1e-8)
    assert np.isnan(fits.estimate[0, 1]) and np.isnan(fits.estimate[1]).all()
    assert list(fits.problem) == ["rank", "rank"]


def test_heavy_tailed_likelihood_is_climbed_from_far_away(rng):
    y = 5.0 + rng.standard_t(3, size=50)

    fits = maximise_by_group(
        lambda eta: stats.t.logpdf(y - eta, 3),
        np.ones((50, 1)),
        np.zeros(50, int),
        offset=np.zeros(50),
        start=np.array([[-40.0]]),
    )

    assert fits.problem[0] == ""
    score = np.mean(4 * (y - fits.estimate[0, 0]) / (3 + (y - fits.estimate[0, 0]) ** 2))
    assert score == pytest.approx(0.0, abs=1e-6)
