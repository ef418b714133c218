"""Prior densities, quantiles and truncation against SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from poolish.spec.distributions import (
    DISTRIBUTIONS,
    correlation_quantile,
    log_density,
    quantile,
    sample_prior,
)
from poolish.spec.prior import Prior

SCIPY = {
    Prior("normal", (1.0, 2.0)): stats.norm(1, 2),
    Prior("student_t", (3.0, 1.0, 2.5)): stats.t(3, 1, 2.5),
    Prior("cauchy", (0.5, 2.0)): stats.cauchy(0.5, 2),
    Prior("laplace", (0.5, 2.0)): stats.laplace(0.5, 2),
    Prior("logistic", (0.5, 2.0)): stats.logistic(0.5, 2),
    Prior("uniform", (-1.0, 3.0)): stats.uniform(-1, 4),
    Prior("half_normal", (0.0, 2.0)): stats.halfnorm(0, 2),
    Prior("half_cauchy", (0.0, 2.0)): stats.halfcauchy(0, 2),
    Prior("exponential", (0.5,)): stats.expon(0, 2),
    Prior("gamma", (2.0, 0.5)): stats.gamma(2, scale=2),
    Prior("inverse_gamma", (3.0, 2.0)): stats.invgamma(3, scale=2),
    Prior("lognormal", (0.3, 0.7)): stats.lognorm(0.7, scale=np.exp(0.3)),
    Prior("beta", (2.0, 3.0)): stats.beta(2, 3),
}
PROBABILITIES = np.array([0.01, 0.2, 0.5, 0.8, 0.99])


@pytest.mark.parametrize("prior", SCIPY, ids=str)
def test_density_and_quantile_equal_scipy(prior: Prior) -> None:
    expected = SCIPY[prior]
    x = expected.ppf(PROBABILITIES)

    np.testing.assert_allclose(quantile(prior, PROBABILITIES), x, rtol=1e-9)
    np.testing.assert_allclose(log_density(prior, x), expected.logpdf(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("prior", SCIPY, ids=str)
def test_complex_step_gives_the_derivative_of_the_density(prior: Prior) -> None:
    x = SCIPY[prior].ppf(np.array([0.3, 0.45, 0.8]))
    h = 1e-6

    derivative = log_density(prior, x + 1e-30j).imag / 1e-30

    difference = (SCIPY[prior].logpdf(x + h) - SCIPY[prior].logpdf(x - h)) / (2 * h)
    np.testing.assert_allclose(derivative, difference, rtol=1e-5, atol=1e-7)


def test_half_student_t_is_the_student_t_folded_at_zero() -> None:
    prior = Prior("half_student_t", (3.0, 0.0, 2.5))
    x = np.array([0.1, 1.0, 7.0])

    np.testing.assert_allclose(log_density(prior, x), np.log(2) + stats.t(3, 0, 2.5).logpdf(x))
    np.testing.assert_allclose(stats.t(3, 0, 2.5).cdf(quantile(prior, np.array([0.9]))), [0.95])


def test_sqrt_inverse_gamma_is_an_inverse_gamma_on_the_variance() -> None:
    prior = Prior("sqrt_inverse_gamma", (3.0, 2.0))
    sd = np.array([0.4, 0.8, 1.7])

    expected = stats.invgamma(3, scale=2).logpdf(sd**2) + np.log(2 * sd)

    np.testing.assert_allclose(log_density(prior, sd), expected, rtol=1e-12)
    np.testing.assert_allclose(
        quantile(prior, PROBABILITIES) ** 2, stats.invgamma(3, scale=2).ppf(PROBABILITIES)
    )


@pytest.mark.parametrize(
    "prior",
    [
        Prior("normal", (1.0, 2.0)),
        Prior("student_t", (4.0, -1.0, 2.0)),
        Prior("laplace", (1.0, 1.0)),
    ],
    ids=str,
)
def test_truncated_density_integrates_to_one(prior: Prior) -> None:
    total, _ = integrate.quad(
        lambda x: np.exp(log_density(prior, np.float64(x), lower=0.0)), 0, np.inf
    )

    assert total == pytest.approx(1.0, abs=1e-7)


def test_truncated_quantile_lies_above_the_bound_and_inverts_the_truncated_cdf() -> None:
    prior = Prior("normal", (0.0, 5.0))

    value = quantile(prior, PROBABILITIES, lower=0.0)

    np.testing.assert_allclose(value, stats.halfnorm(0, 5).ppf(PROBABILITIES), rtol=1e-9)


def test_prior_of_a_share_is_truncated_on_both_sides() -> None:
    prior = Prior("normal", (0.3, 0.5))
    expected = stats.truncnorm((0 - 0.3) / 0.5, (1 - 0.3) / 0.5, 0.3, 0.5)

    value = quantile(prior, PROBABILITIES, lower=0.0, upper=1.0)

    np.testing.assert_allclose(value, expected.ppf(PROBABILITIES), rtol=1e-9)
    np.testing.assert_allclose(
        log_density(prior, value, lower=0.0, upper=1.0), expected.logpdf(value), rtol=1e-9
    )


def test_a_constant_at_its_bound_has_density_zero_on_the_log_scale() -> None:
    assert log_density(Prior("constant", (0.0,)), np.float64(0.0), lower=0.0) == 0.0


@pytest.mark.parametrize(("n_effects", "eta"), [(2, 1.0), (2, 2.0), (4, 1.5)])
def test_correlation_quantile_is_the_beta_marginal_of_lkj(n_effects: int, eta: float) -> None:
    shape = eta + (n_effects - 2) / 2

    value = correlation_quantile(Prior("lkj", (eta,)), np.array([0.1, 0.5]), n_effects=n_effects)

    np.testing.assert_allclose(value, 2 * stats.beta(shape, shape).ppf([0.1, 0.5]) - 1, atol=1e-12)


def test_draws_follow_the_truncated_prior() -> None:
    prior = Prior("student_t", (3.0, 0.0, 2.0))

    draws = sample_prior(prior, np.random.default_rng(1), shape=(20_000,), lower=0.0)

    assert stats.kstest(np.abs(draws) / 2, lambda x: 2 * stats.t(3).cdf(x) - 1).pvalue > 1e-3


def test_every_row_names_its_positive_arguments_among_its_arguments() -> None:
    for row in DISTRIBUTIONS.values():
        assert set(row.positive_arguments) <= set(row.arguments)
