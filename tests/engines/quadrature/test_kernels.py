"""Row densities: held to the family tables (SciPy), derivatives to differences."""

import numpy as np
import pytest
from scipy import stats

from poolish.design.arrays import ResponseDesign
from poolish.engines.quadrature.kernels import BUILDERS, Outcome, build_kernel
from poolish.spec.families.table import FAMILIES
from poolish.spec.links import LINKS

CASES = [(name, link) for name in BUILDERS for link in FAMILIES[name].main.links]
# Linear predictors at which each link's mean is inside every family's range.
ETA = {
    "identity": (0.2, 0.5, 0.8),
    "log": (-2.0, -0.7, -0.1),
    "inverse": (0.4, 1.0, 3.0),
    "sqrt": (0.3, 1.0, 2.0),
}
Y = {
    "bernoulli": (0.0, 1.0, 1.0),
    "binomial": (0.0, 3.0, 5.0),
    "poisson": (0.0, 2.0, 7.0),
    "negbinomial": (0.0, 2.0, 7.0),
    "gamma": (0.3, 1.2, 4.0),
    "beta": (0.1, 0.5, 0.9),
}
AUXILIARY = np.array([0.8, 3.0])


def kernel_at(family, link):
    y = np.array(Y[family])
    trials = np.full(3, 5.0) if family == "binomial" else None
    rate = np.array([0.5, 1.0, 3.0]) if family in ("poisson", "negbinomial") else None
    weights = np.array([1.0, 2.0, 0.5])
    response = ResponseDesign("y", y, trials=trials, rate=rate, weights=weights)
    ones = np.ones((3, 1))
    outcome = Outcome(
        y=y[:, None],
        trials=ones if trials is None else trials[:, None],
        rate=ones if rate is None else rate[:, None],
        weights=weights[:, None],
    )
    eta = np.array(ETA.get(link, (-1.5, 0.2, 1.0)))[:, None] * np.ones(2)
    return build_kernel(FAMILIES[family], LINKS[link], outcome), eta, response


@pytest.mark.parametrize(("family", "link"), CASES)
def test_density_is_that_of_the_family_table(family, link):
    kernel, eta, response = kernel_at(family, link)

    found = kernel.value(eta, AUXILIARY) + kernel.constant(AUXILIARY)

    mu = LINKS[link].inverse(eta).T
    parameters = {"mu": mu, "shape": AUXILIARY[:, None], "phi": AUXILIARY[:, None]}
    names = [row.name for row in FAMILIES[family].parameters]
    exact = FAMILIES[family].log_density(response.y, {n: parameters[n] for n in names}, response)
    np.testing.assert_allclose(found, (response.weights * exact).T, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("family", "link"), CASES)
def test_score_and_curvature_are_derivatives(family, link):
    kernel, eta, _ = kernel_at(family, link)
    h = 1e-5

    score, information = kernel.derivatives(eta, AUXILIARY)

    above, below = kernel.value(eta + h, AUXILIARY), kernel.value(eta - h, AUXILIARY)
    np.testing.assert_allclose(score, (above - below) / (2 * h), rtol=1e-5, atol=1e-6)
    up, _ = kernel.derivatives(eta + h, AUXILIARY)
    down, _ = kernel.derivatives(eta - h, AUXILIARY)
    curvature = (down - up) / (2 * h)
    np.testing.assert_allclose(kernel.curvature(eta, AUXILIARY), curvature, rtol=1e-5, atol=1e-5)
    assert (information > 0).all()


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_binary_density_keeps_its_digits_far_out(link):
    kernel, eta, _ = kernel_at("binomial", link)

    found = kernel.value(np.sign(eta) * 12.0, AUXILIARY)

    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("family", "link", "outside"),
    [
        ("gamma", "identity", -0.1),
        ("gamma", "inverse", -0.1),
        ("poisson", "identity", -0.1),
        ("negbinomial", "identity", -0.1),
        ("bernoulli", "identity", 1.1),
        ("binomial", "identity", -0.1),
        ("binomial", "log", 0.1),
        ("beta", "log", 0.1),
    ],
)
def test_a_mean_outside_its_range_has_no_density(family, link, outside):
    kernel, eta, _ = kernel_at(family, link)

    with np.errstate(all="ignore"):
        found = kernel.value(np.full_like(eta, outside), AUXILIARY)

    assert np.isneginf(found).all()


@pytest.mark.parametrize("shape", [1e8, 1e15, 1e40])
def test_counts_of_a_large_shape_are_poisson(shape):
    kernel, eta, response = kernel_at("negbinomial", "log")

    found = kernel.value(eta, np.array([shape])) + kernel.constant(np.array([shape]))

    mean = np.array([[0.5], [1.0], [3.0]]) * np.exp(eta)
    exact = response.weights[:, None] * stats.poisson.logpmf(response.y[:, None], mean)
    # The log densities differ by terms of order y^2 / shape.
    np.testing.assert_allclose(found, exact, atol=100 / shape + 1e-12)
