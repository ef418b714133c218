"""The log density along the effects: fast forms held to SciPy's densities and to differences."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from poolish.engines.quadrature.lines import BinaryLine, ExponentialLine
from poolish.engines.quadrature.problem import build_problem
from poolish.engines.quadrature.rows import RowLine

Y = {
    "bernoulli": [0, 1, 1, 0, 1, 1],
    "poisson": [0, 3, 1, 7, 2, 0],
    "gamma": [0.1, 2.0, 1.0, 5.0, 0.4, 0.2],
}
V = np.array([[-1.0, 0.5], [0.3, 2.0]])
THETA, W = np.log([[0.8, 0.8], [1.7, 1.7]]), np.array([[0.2, 0.5], [-1.0, 0.1]])


def make_line(family, make_model, formula="y ~ x + (1 | g)"):
    data = pd.DataFrame(
        {"y": Y[family], "x": np.linspace(-1, 1, 6), "w": [1, 2, 1, 1, 3, 1], "g": list("aaaabb")}
    )
    spec, design = make_model(formula, data, family=family)
    problem = build_problem(spec, design, n_nodes=5)
    found = problem.evaluate(THETA[:, : problem.outer.size], W)
    b = problem.inner.typed(W)
    return problem, found.line, design.main.X @ b.T


def density(family, y, eta, shape):
    if family == "bernoulli":
        return stats.bernoulli.logpmf(y, special.expit(eta))
    if family == "poisson":
        return stats.poisson.logpmf(y, np.exp(eta)) + special.gammaln(y + 1)
    scaled = stats.gamma.logpdf(y, shape, scale=np.exp(eta) / shape)
    return scaled - shape * np.log(shape) + special.gammaln(shape) - (shape - 1) * np.log(y)


@pytest.mark.parametrize(
    ("family", "form"),
    [("bernoulli", BinaryLine), ("poisson", ExponentialLine), ("gamma", ExponentialLine)],
)
def test_fast_forms_are_the_sums_of_the_rows(family, form, make_model):
    _, line, eta = make_line(family, make_model)

    found = line.value(V)

    assert isinstance(line, form)
    y, sd, shape = (
        np.array(Y[family], dtype=float)[:, None],
        np.exp(THETA[:, 0]),
        np.exp(THETA[:, 1]),
    )
    logs = density(family, y, eta + sd * np.repeat(V, [4, 2], axis=0), shape)
    np.testing.assert_allclose(found, [logs[:4].sum(axis=0), logs[4:].sum(axis=0)], rtol=1e-12)
    np.testing.assert_array_equal(line.take(np.array([1])).value(V[:, 1:]), found[:, 1:])


@pytest.mark.parametrize("family", list(Y))
def test_scores_are_differences(family, make_model):
    _, line, _ = make_line(family, make_model)

    score, information = line.derivatives(V)

    h = 1e-5
    np.testing.assert_allclose(score, (line.value(V + h) - line.value(V - h)) / (2 * h), rtol=1e-6)
    second = (line.derivatives(V - h)[0] - line.derivatives(V + h)[0]) / (2 * h)
    np.testing.assert_allclose(information, second, rtol=1e-6)


@pytest.mark.parametrize("formula", ["y | weights(w) ~ x + (1 | g)", "y ~ x + (0 + x | g)"])
def test_weights_and_slopes_go_row_by_row(formula, make_model):
    _, line, _ = make_line("bernoulli", make_model, formula)

    assert isinstance(line, RowLine)


def test_rows_that_are_certain_do_not_overflow(make_model):
    # Successes at eta = 900, where exp(eta) is infinite, are certain.
    data = pd.DataFrame({"y": [1, 1, 0], "x": [900.0, 800.0, -900.0], "g": list("aab")})
    spec, design = make_model("y ~ 0 + x + (1 | g)", data, family="bernoulli")
    problem = build_problem(spec, design, n_nodes=5)

    found = problem.evaluate(np.zeros((1, 1)), np.ones((1, 1)))

    assert abs(found.log_likelihood[0]) < 1e-4
