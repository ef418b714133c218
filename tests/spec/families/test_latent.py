"""Variances on the scale of the linear predictor, against Nakagawa et al. (2017) and simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families import FAMILIES
from poolish.spec.links import LINKS

N_DRAWS = 100_000


def _latent(name: str, link: str, trials: float | None = None, **parameters: float) -> float:
    n = None if trials is None else np.array([trials])
    response = ResponseDesign("y", np.ones(1), trials=n, levels=("a", "b", "c"))
    arrays = {key: np.array([value]) for key, value in parameters.items()}
    function = FAMILIES[name].latent_variance
    assert function is not None
    return float(function(arrays, response, LINKS[link])[0])


@pytest.mark.parametrize(
    ("name", "link", "parameters", "expected"),
    [
        ("gaussian", "identity", {"mu": 3.0, "sigma": 2.0}, 4.0),
        ("gaussian", "log", {"mu": 4.0, "sigma": 2.0}, 4.0 / 16.0),
        ("student", "identity", {"mu": 3.0, "sigma": 2.0, "nu": 4.0}, 8.0),
        ("lognormal", "identity", {"mu": 3.0, "sigma": 0.5}, 0.25),
        ("bernoulli", "logit", {"mu": 0.2}, np.pi**2 / 3),
        ("bernoulli", "probit", {"mu": 0.2}, 1.0),
        ("bernoulli", "cloglog", {"mu": 0.2}, np.pi**2 / 6),
        ("bernoulli", "identity", {"mu": 0.2}, 0.16),
        ("binomial", "logit", {"mu": 0.2, "trials": 9.0}, np.pi**2 / 3),
        ("poisson", "log", {"mu": 2.0}, special.polygamma(1, 2.0)),
        ("poisson", "sqrt", {"mu": 2.0}, 0.25),
        ("negbinomial", "log", {"mu": 2.0, "shape": 3.0}, special.polygamma(1, 1.2)),
        ("negbinomial", "sqrt", {"mu": 2.0, "shape": 3.0}, 0.25 * (1 + 2.0 / 3.0)),
        ("geometric", "log", {"mu": 2.0}, special.polygamma(1, 1 / 1.5)),
        ("gamma", "log", {"mu": 2.0, "shape": 3.0}, special.polygamma(1, 3.0)),
        ("gamma", "identity", {"mu": 2.0, "shape": 4.0}, 1.0),
        ("inverse_gaussian", "log", {"mu": 2.0, "shape": 4.0}, np.log(1.5)),
        ("cumulative", "latent", {"mu": 0.0}, np.pi**2 / 3),
        ("cumulative_probit", "latent", {"mu": 0.0}, 1.0),
        ("cumulative_cloglog", "latent", {"mu": 0.0}, np.pi**2 / 6),
        ("zero_inflated_poisson", "sqrt", {"mu": 4.0, "zi": 0.5}, 1.5 * 4.0 / 0.5 / 8.0),
        ("zero_inflated_poisson", "log", {"mu": 2.0, "zi": 0.5}, np.log(3.0)),
    ],
)
def test_latent_variance_is_the_published_one(
    name: str, link: str, parameters: Mapping[str, float], expected: float
) -> None:
    assert _latent(name, link, **parameters) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("lognormal", {"mu": 0.3, "sigma": 0.8}),
        ("gamma", {"mu": 2.0, "shape": 1.7}),
        ("exponential", {"mu": 3.0}),
        ("weibull", {"mu": 3.0, "shape": 1.4}),
    ],
)
def test_variance_of_a_log_outcome_is_exact(
    name: str, parameters: dict[str, float], rng: np.random.Generator
) -> None:
    response = ResponseDesign("y", np.ones(N_DRAWS))
    arrays = {key: np.full(N_DRAWS, value) for key, value in parameters.items()}

    logs = np.log(FAMILIES[name].sample(rng, arrays, response))

    squares = (logs - logs.mean()) ** 2
    link = FAMILIES[name].main.links[0]
    expected = _latent(name, link, **parameters)
    assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(N_DRAWS)


@pytest.mark.parametrize(
    "name", ["sratio", "categorical", "hurdle_lognormal", "zero_inflated_binomial", "von_mises"]
)
def test_family_without_a_latent_scale_says_so(name: str) -> None:
    assert FAMILIES[name].latent_variance is None


def test_denominator_of_a_rate_adds_information() -> None:
    response = ResponseDesign("y", np.ones(1), rate=np.array([5.0]))
    latent = FAMILIES["poisson"].latent_variance
    assert latent is not None

    values = [latent({"mu": np.array([2.0])}, response, LINKS[name])[0] for name in ("log", "sqrt")]

    np.testing.assert_allclose(values, [special.polygamma(1, 10.0), 0.25 / 5.0])


def test_hurdle_has_no_published_variance_but_for_the_log_link() -> None:
    assert np.isnan(_latent("hurdle_poisson", "identity", mu=2.0, hu=0.3))


def test_latent_variance_has_the_shape_of_the_rows(case: Any) -> None:
    family = FAMILIES[case.family]
    if family.latent_variance is None:
        return

    values = family.latent_variance(case.parameters, case.response, LINKS[family.main.links[0]])

    assert values.shape == case.response.y.shape
    assert np.all(values > 0)
