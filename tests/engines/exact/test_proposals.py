"""Proposal densities against SciPy, and their draws against their densities."""

import numpy as np
import pytest
from scipy import stats

from poolish.engines.exact.proposals import Mixture, SplitT, student_t

MEAN = np.array([1.0, -2.0])
COVARIANCE = np.array([[2.0, 0.6], [0.6, 1.0]])


def test_equal_sides_are_scipy_s_multivariate_t(rng):
    theta = rng.normal(size=(20, 2))

    found = student_t(MEAN, COVARIANCE, 5.0).log_density(theta)

    assert found == pytest.approx(stats.multivariate_t(MEAN, COVARIANCE, df=5).logpdf(theta))


def test_split_density_integrates_to_one():
    split = SplitT(MEAN, np.linalg.cholesky(COVARIANCE), np.array([2.0, 0.5]), np.ones(2), 5.0)

    # Substituting theta = sinh(t) makes heavy tails light: the trapezoid rule is then exact.
    t = np.linspace(-9, 9, 721)
    x, y = np.meshgrid(np.sinh(t), np.sinh(t))
    density = np.exp(split.log_density(np.column_stack([x.ravel(), y.ravel()])))
    slopes = np.outer(np.cosh(t), np.cosh(t)).ravel()
    area = (density * slopes).sum() * (t[1] - t[0]) ** 2

    assert area == pytest.approx(1.0, abs=2e-3)


def test_draws_have_the_density(rng):
    # Importance weights between two proposals average 1.
    split = SplitT(MEAN, np.linalg.cholesky(COVARIANCE), np.array([2.0, 0.5]), np.ones(2), 5.0)
    mixture = Mixture([split, student_t(MEAN, 4 * COVARIANCE, 4.0)], np.array([0.3, 0.7]))

    for drawn, other in ((split, mixture), (mixture, student_t(MEAN, COVARIANCE, 30.0))):
        theta = drawn.sample(rng, 20_000)
        ratio = np.exp(other.log_density(theta) - drawn.log_density(theta))
        assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(ratio))


def test_no_parameters_are_a_point(rng):
    point = SplitT(np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros(0), 5.0)

    assert point.sample(rng, 3).shape == (3, 0)
    assert point.log_density(np.zeros((3, 0))) == pytest.approx(np.zeros(3))
