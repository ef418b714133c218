"""Heritability against closed forms, breeding values against plain sums over draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from tests.made_fits import make_posterior

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.relations import as_relation, precision
from poolish.summaries.heritability import (
    heritability_draws,
    summarise_breeding_values,
    summarise_heritability,
)

LEVELS = list("abcde")
K = 1.5 * (0.5 * np.eye(5) + 0.5)
DATA = pd.DataFrame({"id": list("aabbcd"), "y": [1.0, 0, 1, 1, 0, 1], "n": [3, 0, 5, 1, 2, 2]})
SIZE = (2, 50)
RNG = np.random.default_rng(4)
B = RNG.normal(0.3, 0.2, (*SIZE, 1))
SD = RNG.uniform(0.3, 1.2, (*SIZE, 1))
PE = RNG.uniform(0.2, 0.8, (*SIZE, 1))
SIGMA = RNG.uniform(0.5, 1.5, SIZE)


def made(response="y", terms="(1 | kin(id, K))", relation=None, **options):
    given = {"b": B, "sd_id": SD, **options.pop("posterior", {})}
    relation = as_relation((K, LEVELS)) if relation is None else relation
    formula = f"{response} ~ 1 + {terms}"
    return make_posterior(formula, DATA, given, relations={"K": relation}, **options)


BESIDE = "(1 | kin(id, K)) + (1 | id)"


def test_gaussian_heritability_is_a_share_of_the_variance() -> None:
    posterior = made(terms=BESIDE, posterior={"sd_id.K": SD, "sd_id": PE, "sigma": SIGMA})

    found = heritability_draws(posterior, "id")

    own, raw, pe = 1.5 * SD[..., 0] ** 2, SD[..., 0] ** 2, PE[..., 0] ** 2
    expected = {
        ("h2", "response", "mean diagonal"): own / (own + pe + SIGMA**2),
        ("h2", "response", "1"): raw / (raw + pe + SIGMA**2),
        ("repeatability", "response", "mean diagonal"): (own + pe) / (own + pe + SIGMA**2),
    }
    assert list(found) == list(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, rtol=1e-12)


def test_heritability_at_the_mean_diagonal_does_not_depend_on_the_scale_of_k() -> None:
    draws = {"sigma": SIGMA}
    first = heritability_draws(made(posterior=draws), "id")
    relation = as_relation((4.0 * K, LEVELS))

    second = heritability_draws(made(relation=relation, posterior={**draws, "sd_id": SD / 2}), "id")

    key = ("h2", "response", "mean diagonal")
    np.testing.assert_allclose(first[key], second[key], rtol=1e-12)


def test_poisson_observed_scale_is_the_closed_form() -> None:
    # de Villemereuil et al. (2016), equations 26 to 28: log link, Poisson, normal effects.
    posterior = made("n", family="poisson")

    found = heritability_draws(posterior, "id")

    V = 1.5 * SD[..., 0] ** 2
    mean = np.exp(B[..., 0] + V / 2)
    observed = mean**2 * V / (mean + mean**2 * np.expm1(V))
    np.testing.assert_allclose(found["h2", "observed", "mean diagonal"], observed, rtol=1e-8)
    np.testing.assert_allclose(found["h2", "latent", "1"], 1.0)


def test_negative_binomial_observed_scale_is_the_closed_form() -> None:
    # de Villemereuil et al. (2016), equations 26 to 28, with mean + mean^2 / shape as variance.
    shape = RNG.uniform(0.5, 4.0, SIZE)
    posterior = made("n", family="negbinomial", posterior={"shape": shape})

    found = heritability_draws(posterior, "id")

    V = 1.5 * SD[..., 0] ** 2
    mean = np.exp(B[..., 0] + V / 2)
    square = np.exp(2 * B[..., 0] + 2 * V)  # E(mu^2)
    observed = mean**2 * V / (mean + square / shape + square - mean**2)
    np.testing.assert_allclose(found["h2", "observed", "mean diagonal"], observed, rtol=1e-8)


def test_logit_observed_scale_is_that_of_adaptive_integration() -> None:
    # Equations 7, 13 and 20 with p = E(mu): (E dmu/deta)^2 V / (p (1 - p)), by QUADPACK.
    posterior = made(terms=BESIDE, family="bernoulli", posterior={"sd_id.K": SD, "sd_id": PE})

    found = heritability_draws(posterior, "id")["h2", "observed", "mean diagonal"]

    V = 1.5 * SD[..., 0] ** 2
    total = np.sqrt(V + PE[..., 0] ** 2)
    for at in np.ndindex(2, 5):
        normal = stats.norm(B[at][0], total[at])
        p, slope = (
            integrate.quad(lambda e, f=f, n=normal: f(e) * n.pdf(e), -30, 30, points=[B[at][0]])[0]
            for f in (stats.logistic.cdf, stats.logistic.pdf)
        )
        assert found[at] == pytest.approx(slope**2 * V[at] / (p * (1 - p)), rel=1e-6)


def test_probit_scales_are_those_of_dempster_and_lerner() -> None:
    # Dempster & Lerner (1950), Genetics 35(2), 212-236: h2 * height^2 / (p (1 - p)).
    posterior = made(
        terms=BESIDE,
        family="bernoulli",
        posterior={"sd_id.K": SD, "sd_id": PE},
    )
    probit = made(
        terms=BESIDE,
        family=_bernoulli_probit(),
        posterior={"sd_id.K": SD, "sd_id": PE},
    )

    logistic, found = heritability_draws(posterior, "id"), heritability_draws(probit, "id")

    V, pe = 1.5 * SD[..., 0] ** 2, PE[..., 0] ** 2
    total = V + pe + 1.0
    t = B[..., 0] / np.sqrt(total)
    p, height = stats.norm.cdf(t), stats.norm.pdf(t)
    unit = "mean diagonal"
    np.testing.assert_allclose(found["h2", "liability", unit], V / total, rtol=1e-12)
    np.testing.assert_allclose(
        found["h2", "observed", unit], V / total * height**2 / (p * (1 - p)), rtol=1e-8
    )
    np.testing.assert_allclose(
        logistic["h2", "liability", unit], V / (V + pe + np.pi**2 / 3), rtol=1e-12
    )
    np.testing.assert_allclose(found["repeatability", "latent", unit], 1.0)
    # Two records of a unit: the tetrachoric orthant probability.
    rho = (V + pe) / total
    both = [
        stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([a, a])
        for a, r in zip(t.ravel()[:5], rho.ravel()[:5], strict=True)
    ]
    phi = (np.array(both) - p.ravel()[:5] ** 2) / (p * (1 - p)).ravel()[:5]
    observed = found["repeatability", "observed", unit].ravel()[:5]
    np.testing.assert_allclose(observed, phi, rtol=1e-5)


def _bernoulli_probit():
    from poolish.spec.families import family

    return family("bernoulli", link="probit")


def test_table_states_scale_and_mean_diagonal() -> None:
    table = summarise_heritability(made(posterior={"sigma": SIGMA}), "id")

    assert table.to_df()["quantity"].tolist() == ["h2", "h2"]
    assert "mean diagonal of `K` is 1.5" in table.caption


def test_breeding_values_are_moments_of_the_draws() -> None:
    posterior = made(posterior={"sigma": SIGMA})

    frame = summarise_breeding_values(posterior, "id").to_df()

    r = posterior.draws["r_id"].values[..., 0].reshape(-1, 5)
    np.testing.assert_allclose(frame["mean"], r.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(frame["sd"], r.std(axis=0, ddof=1), rtol=1e-10)
    reliability = 1 - r.var(axis=0, ddof=1) / (np.mean(SD**2) * 1.5)
    np.testing.assert_allclose(frame["reliability"], np.maximum(reliability, 0), rtol=1e-8)
    assert frame["n"].tolist() == [2, 2, 1, 1, 0]
    assert frame["level"].tolist() == LEVELS


def test_units_known_by_a_precision_have_the_diagonal_of_its_inverse() -> None:
    relation = precision(np.linalg.inv(K), LEVELS)
    posterior = made(relation=relation, posterior={"sigma": SIGMA})

    found = heritability_draws(posterior, "id")

    V = 1.5 * SD[..., 0] ** 2
    np.testing.assert_allclose(
        found["h2", "response", "mean diagonal"], V / (V + SIGMA**2), rtol=1e-9
    )


def test_a_group_without_a_known_covariance_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="`dam` is not a group with a known covariance"):
        heritability_draws(made(posterior={"sigma": SIGMA}), "dam")


def test_an_outcome_without_a_variance_is_an_error() -> None:
    posterior = make_posterior(
        "c ~ 1 + (1 | kin(id, K))",
        DATA.assign(c=pd.Categorical(list("uvwuvw"), ordered=True)),
        relations={"K": as_relation((K, LEVELS))},
        family="cumulative",
    )

    with pytest.raises(UnsupportedError, match="heritability of family cumulative"):
        heritability_draws(posterior, "id")
