"""Means, new observations and log likelihoods, by the family's own functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from tests.made_fits import make_posterior

from poolish.errors import UnknownColumnError
from poolish.predict import (
    linear_predictors,
    log_likelihood,
    predict,
    with_log_likelihood,
    with_posterior_predictive,
)


def test_mean_of_counts_out_of_trials_is_on_the_response_scale(logistic):
    eta = linear_predictors(logistic)["mu"]

    np.testing.assert_allclose(predict(logistic), 9 * special.expit(eta), rtol=1e-12)


def test_new_rows_need_their_trials_but_not_the_outcome(logistic):
    new = pd.DataFrame({"x": [0.0], "g": [308], "n": [20]})

    mean = predict(logistic, new).values

    np.testing.assert_allclose(mean, 20 * special.expit(predict(logistic, new, kind="linear")))
    with pytest.raises(UnknownColumnError, match="`n`"):
        predict(logistic, new.drop(columns="n"))


def test_linear_predictor_needs_no_trials(logistic):
    new = pd.DataFrame({"x": [0.0], "g": [308]})

    assert np.isfinite(predict(logistic, new, kind="linear")).all()


def test_new_observations_have_the_residual_spread(rows):
    n = 4000
    fixed = {
        "b": np.ones((1, n, 2)),
        "sigma": np.full((1, n), 2.0),
    }
    posterior = make_posterior("y | weights(w) ~ x", rows, fixed)

    drawn = predict(posterior, kind="response", seed=9).values[0]

    z = (drawn - (1 + rows["x"].to_numpy())) / (2.0 / np.sqrt(rows["w"].to_numpy()))
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4


def test_the_same_seed_gives_the_same_observations(slopes):
    first, again, other = (predict(slopes, kind="response", seed=s) for s in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_log_likelihood_is_scipys(slopes, rows):
    eta = linear_predictors(slopes)["mu"]
    sigma = slopes.draws["sigma"].values[..., None]

    found = log_likelihood(slopes)

    np.testing.assert_allclose(found, stats.norm.logpdf(rows["y"], eta, sigma), rtol=1e-10)


def test_log_likelihood_of_counts_is_scipys(logistic, rows):
    p = special.expit(linear_predictors(logistic)["mu"])

    found = log_likelihood(logistic)

    np.testing.assert_allclose(found, stats.binom.logpmf(rows["s"], 9, p), rtol=1e-9)


def test_groups_on_demand_carry_the_name_of_the_response(slopes):
    both = with_posterior_predictive(with_log_likelihood(slopes), seed=3)

    for group in ("log_likelihood", "posterior_predictive"):
        assert list(both.tree[group].data_vars) == ["y"]
        assert both.tree[group]["y"].dims == ("chain", "draw", "obs")
    assert "log_likelihood" not in slopes.tree.children


def test_log_likelihood_of_censored_rows_is_that_of_the_tail(rows):
    data = rows.assign(c=np.where(rows["y"] > 0.5, "right", "none"))
    posterior = make_posterior("y | cens(c) ~ x", data)
    eta = linear_predictors(posterior)["mu"]
    normal = stats.norm(eta, posterior.draws["sigma"].values[..., None])

    found = log_likelihood(posterior)

    expected = np.where(data["c"] == "right", normal.logsf(rows["y"]), normal.logpdf(rows["y"]))
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_truncated_observations_stay_within_their_bounds(rows):
    draws = {"b": np.ones((1, 500, 2)), "sigma": np.full((1, 500), 2.0)}
    posterior = make_posterior("y | trunc(lb = -3, ub = 3) ~ x", rows, draws)

    drawn = predict(posterior, kind="response").values

    assert (np.abs(drawn) <= 3).all()
    assert np.abs(drawn).max() > 2.9


def test_ordinal_responses_are_predicted_from_their_thresholds(rows):
    levels = ["low", "mid", "high"]
    data = rows.assign(o=pd.Categorical(levels * 8, categories=levels, ordered=True))
    priors = {"b": "normal(0, 0.5)", "threshold": "normal(0, 1)"}
    posterior = make_posterior("o ~ x", data, family="cumulative", priors=priors)
    draws = posterior.draws
    threshold = draws["threshold"].values[..., None, :]
    below = special.expit(threshold - linear_predictors(posterior)["mu"][..., None])
    p = np.diff(below, prepend=0.0, append=1.0, axis=-1)

    found = log_likelihood(posterior)

    expected = np.log(p[..., np.arange(24), np.tile([0, 1, 2], 8)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert set(np.unique(predict(posterior, kind="response"))) <= {0.0, 1.0, 2.0}
