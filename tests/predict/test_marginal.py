"""The mean over groups: held to closed forms and to SciPy's quadrature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats
from tests.made_fits import make_posterior

from poolish.predict import predict
from poolish.spec.families import family

NEW = pd.DataFrame({"x": [-1.0, 0.0, 2.0], "n": 1})


def population(posterior) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance between groups of the linear predictor at NEW, by draw."""
    draws = posterior.draws
    Z = np.column_stack([np.ones(3), NEW["x"]])
    sd, b = draws["sd_g"].values, draws["b"].values
    cor = draws["cor_g"].values if "cor_g" in draws else np.eye(sd.shape[2])
    S = cor * sd[..., :, None] * sd[..., None, :]
    return b @ Z.T, np.einsum("nk,cdkl,nl->cdn", Z[:, : sd.shape[2]], S, Z[:, : sd.shape[2]])


def test_logistic_mean_is_that_of_brute_force_quadrature(logistic):
    mean, variance = population(logistic)

    found = predict(logistic, NEW, groups="integrate").values

    for place in [(0, 0, 0), (1, 7, 1), (3, 24, 2), (2, 11, 0)]:
        m, sd = mean[place], np.sqrt(variance[place])
        expected, _ = integrate.quad(
            lambda z, m=m, sd=sd: special.expit(m + sd * z) * stats.norm.pdf(z), -12, 12
        )
        assert found[place] == pytest.approx(expected, abs=1e-9)


def test_probit_mean_has_its_closed_form(rows):
    priors = {"b": "normal(0, 1)", "Intercept": "normal(0, 1)", "sd_g": "normal(0, 1)"}
    data = rows.assign(z=rows["s"] > 4)
    posterior = make_posterior(
        "z ~ x + (x | g)", data, family=family("bernoulli", link="probit"), priors=priors
    )
    mean, variance = population(posterior)

    found = predict(posterior, NEW, groups="integrate").values

    np.testing.assert_allclose(found, special.ndtr(mean / np.sqrt(1 + variance)), atol=1e-9)


def test_log_link_mean_has_its_closed_form(rows):
    priors = {"b": "normal(0, 1)", "Intercept": "normal(0, 1)", "sd_g": "normal(0, 0.7)"}
    posterior = make_posterior("s ~ x + (1 | g)", rows, family="poisson", priors=priors)
    mean, variance = population(posterior)

    found = predict(posterior, NEW, groups="integrate").values

    np.testing.assert_allclose(found, np.exp(mean + variance / 2), rtol=1e-8)


def test_identity_link_mean_is_that_of_the_typical_group(slopes):
    integrated = predict(slopes, NEW, groups="integrate")

    np.testing.assert_allclose(integrated, predict(slopes, NEW, groups="zero"), rtol=1e-9)


def test_marginal_mean_is_closer_to_one_half_than_the_typical_group(logistic):
    marginal = predict(logistic, NEW, groups="integrate").values
    typical = predict(logistic, NEW, groups="zero").values

    assert (np.abs(marginal - 0.5) <= np.abs(typical - 0.5) + 1e-12).all()
    assert np.abs(marginal - typical).max() > 0.05


def test_marginal_mean_is_the_mean_over_new_groups(logistic):
    marginal = predict(logistic, NEW, groups="integrate").values
    new = NEW.assign(g=["a", "b", "c"])

    drawn = np.array([predict(logistic, new, groups="new", seed=s).values for s in range(100)])

    se = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - marginal) < 5 * se + 1e-9).mean() > 0.999


@pytest.mark.parametrize(("levels", "error"), [("abc", 1e-7), ("abcd", 3e-3)])
def test_groups_of_every_category_are_integrated_together(levels, error, rows):
    """Two dimensions by a rule, three by points: held to a fine grid of all of them."""
    data = rows.assign(c=np.resize(list(levels), len(rows)))
    n = len(levels) - 1
    sds = dict(zip([f"sd_g_mu{k}" for k in levels[1:]], [0.7, 1.4, 0.3], strict=False))
    draws = {name: np.full((1, 2, 1), sd) for name, sd in sds.items()}
    draws |= {f"b_mu{k}": np.full((1, 2, 1), 0.5 * i) for i, k in enumerate(levels[1:])}
    posterior = make_posterior("c ~ 1 + (1 | g)", data, draws, family="categorical")

    found = predict(posterior, NEW.iloc[:1], kind="probability", groups="integrate")[0, 0, 0]

    z = np.linspace(-7, 7, 61)
    grid = np.stack(np.meshgrid(*[z] * n, indexing="ij"), axis=-1).reshape(-1, n)
    weight = np.exp(-0.5 * np.square(grid).sum(axis=1))
    eta = 0.5 * np.arange(n) + grid * np.array(list(sds.values()))[:n]
    p = special.softmax(np.column_stack([np.zeros(len(grid)), eta]), axis=1)
    np.testing.assert_allclose(found, weight @ p / weight.sum(), atol=error)


def test_groups_of_two_parameters_are_integrated_together(rows):
    formula = ["s ~ x + (1 | g)", "zi ~ 1 + (1 | g)"]
    priors = {"Intercept": "normal(0, 0.5)", "sd_g": "normal(0, 0.5)"}
    posterior = make_posterior(
        formula, rows, family="zero_inflated_poisson", priors=priors, size=(1, 4)
    )
    draws = posterior.draws

    found = predict(posterior, NEW, groups="integrate").values

    mean, variance = population(posterior)
    of_mu = np.exp(mean + variance / 2)
    b, sd = draws["b_zi"].values[..., 0], draws["sd_g_zi"].values[..., 0]
    for draw in range(4):
        zero, _ = integrate.quad(
            lambda z, d=draw: special.expit(b[0, d] + sd[0, d] * z) * stats.norm.pdf(z), -12, 12
        )
        np.testing.assert_allclose(found[0, draw], (1 - zero) * of_mu[0, draw], rtol=1e-8)
