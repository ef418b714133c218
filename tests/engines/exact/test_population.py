"""The coordinates of the population effects."""

import numpy as np
import pytest

from poolish.design.arrays import PredictorDesign
from poolish.engines.exact.population import (
    build_population,
    flat_prior,
    working_prior,
)
from poolish.spec.prior import Prior

NORMAL = Prior("normal", (1.0, 2.0))


@pytest.fixture
def predictor(rng):
    X = np.column_stack([np.ones(30), 1e4 + rng.normal(size=30), rng.normal(size=30)])
    return PredictorDesign(X, ("Intercept", "far", "x"), True, rng.normal(size=30))


def test_columns_are_orthonormal_for_the_weights(predictor, rng):
    weights = rng.uniform(0.5, 2, 30)

    population = build_population(predictor, rng.normal(size=30), weights, flat_prior(3))

    gram = population.X.T @ (weights[:, None] * population.X)
    assert gram == pytest.approx(np.eye(3), abs=1e-9)


def test_the_shift_is_weighted_least_squares(predictor, rng):
    weights, y = rng.uniform(0.5, 2, 30), rng.normal(size=30)

    population = build_population(predictor, y, weights, flat_prior(3))

    root = np.sqrt(weights)
    expected = np.linalg.lstsq(
        root[:, None] * predictor.X, root * (y - predictor.offset), rcond=None
    )[0]
    assert predictor.X @ population.shift == pytest.approx(predictor.X @ expected, abs=1e-7)
    fitted = predictor.offset + predictor.X @ population.shift
    assert population.residual == pytest.approx(y - fitted, abs=1e-9)


def test_coordinates_undo_coefficients(predictor, rng):
    population = build_population(predictor, rng.normal(size=30), np.ones(30), flat_prior(3))
    c = rng.normal(size=(4, 3))

    assert population.coordinates(population.coefficients(c)) == pytest.approx(c, abs=1e-6)


def test_constants_are_kept_whatever_the_coordinates(predictor, rng):
    prior = working_prior(
        (NORMAL, Prior("constant", (0.5,)), NORMAL), predictor.X.mean(axis=0), at_average=True
    )

    population = build_population(predictor, rng.normal(size=30), np.ones(30), prior)

    assert population.n_free == 2
    b = population.coefficients(rng.normal(size=(5, 2)))
    assert b[:, 1] == pytest.approx(np.full(5, 0.5))


def test_the_prior_is_that_of_the_typed_coefficients(predictor, rng):
    average = predictor.X.mean(axis=0)
    prior = working_prior((NORMAL, Prior("normal", (0.0, 3.0)), NORMAL), average, at_average=True)
    population = build_population(predictor, rng.normal(size=30), np.ones(30), prior)
    c = rng.normal(size=(6, 3))

    log_prior = population.pull @ c.T - 0.5 * np.einsum("ij,jk,ik->i", c, population.precision, c)
    found = log_prior - 0.5 * population.pull_norm

    b = population.coefficients(c)
    at_average = b @ average
    expected = -0.5 * (((at_average - 1) / 2) ** 2 + (b[:, 1] / 3) ** 2 + ((b[:, 2] - 1) / 2) ** 2)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_collinear_columns_are_only_scaled(rng):
    x = rng.normal(size=20)
    collinear = PredictorDesign(np.column_stack([x, x]), ("a", "b"), False, np.zeros(20))

    population = build_population(collinear, x, np.ones(20), flat_prior(2))

    assert np.isfinite(population.basis).all()
    assert collinear.X @ population.shift == pytest.approx(x)
