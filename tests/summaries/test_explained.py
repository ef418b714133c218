"""R2 and repeatability, against published numbers and arithmetic by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special
from tests.made_fits import REFERENCE, make_posterior

from poolish.summaries import summarise_variance
from poolish.summaries.explained import bayesian_r2, link_variances, nakagawa_r2


def test_nakagawa_r2_of_sleepstudy_is_the_published_one(sleepstudy):
    fit = json.loads((REFERENCE / "lme4" / "sleepstudy_slope__lme4_REML.json").read_text())
    sds = [24.7406583, 5.9221377]
    draws = {
        "b": np.array(fit["fixed"]["estimate"]),
        "sd_Subject": np.array(sds),
        "cor_Subject": np.array([[1.0, 0.0655512], [0.0655512, 1.0]]),
        "sigma": np.array(25.5917957),
    }
    posterior = make_posterior(
        "Reaction ~ Days + (Days | Subject)",
        sleepstudy,
        {name: np.broadcast_to(v, (1, 2, *v.shape)) for name, v in draws.items()},
    )

    found = nakagawa_r2(link_variances(posterior))

    # R: performance::r2(lmer(Reaction ~ Days + (Days | Subject))), as in its documentation.
    assert found["R2 marginal"][0] == pytest.approx(0.279, abs=5e-4)
    assert found["R2 conditional"][0] == pytest.approx(0.799, abs=5e-4)


def test_distribution_variance_of_counts_is_at_their_marginal_mean():
    data = pd.DataFrame(
        {"y": np.arange(40) % 5, "x": np.linspace(-1, 1, 40), "g": np.arange(40) % 8}
    )
    b, sd = np.array([0.2, 0.7]), np.array([0.6])
    draws = {"b": np.broadcast_to(b, (1, 2, 2)), "sd_g": np.broadcast_to(sd, (1, 2, 1))}
    posterior = make_posterior("y ~ x + (1 | g)", data, draws, family="poisson")

    parts = link_variances(posterior)

    mean = np.exp(0.2 + 0.7 * data["x"] + 0.18).mean()
    np.testing.assert_allclose(parts.population, 0.49 * data["x"].var(), rtol=1e-12)
    np.testing.assert_allclose(parts.groups["g"], 0.36, rtol=1e-12)
    np.testing.assert_allclose(parts.distribution, special.polygamma(1, mean), rtol=1e-9)


def test_bayesian_r2_is_its_definition(brms_sleep, sleepstudy):
    draws = brms_sleep.draws
    codes = pd.factorize(sleepstudy["Subject"])[0]
    days = sleepstudy["Days"].to_numpy()
    coef = draws["b"].values[:, :, None, :] + draws["r_Subject"].values
    fitted = coef[:, :, codes, 0] + coef[:, :, codes, 1] * days
    variance = fitted.var(axis=2, ddof=1)
    expected = variance / (variance + draws["sigma"].values ** 2)

    np.testing.assert_allclose(bayesian_r2(brms_sleep), expected.ravel(), rtol=1e-9)


def test_repeatability_has_the_population_variance_in_its_denominator(brms_sleep):
    parts = link_variances(brms_sleep)
    frame = summarise_variance(brms_sleep).frame.set_index("quantity")

    ratio = parts.groups["Subject"] / (
        parts.population + parts.groups["Subject"] + parts.distribution
    )
    assert frame.loc["repeatability", "estimate"] == pytest.approx(ratio.mean())


def test_many_rows_are_sampled_evenly():
    n = 5000
    data = pd.DataFrame(
        {"y": np.tile([0, 1], n // 2), "x": np.linspace(0, 1, n), "g": np.arange(n) % 9}
    )
    posterior = make_posterior(
        "y ~ x + (1 | g)", data, family="bernoulli", priors={"b": "normal(0, 1)"}, size=(1, 5)
    )
    draws = posterior.draws
    eta = draws["b"].values[..., :1] + draws["b"].values[..., 1:] * data["x"].to_numpy()
    mean = special.expit(eta + draws["r_g"].values[0, :, data["g"], 0].T)
    variance = mean.var(axis=2, ddof=1)
    expected = variance / (variance + (mean * (1 - mean)).mean(axis=2))

    # 1,000 of 5,000 rows: a regular sample of a smooth curve and of nine groups.
    np.testing.assert_allclose(bayesian_r2(posterior), expected.ravel(), atol=0.02)
