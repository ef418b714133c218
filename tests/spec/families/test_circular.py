from __future__ import annotations

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.families import FAMILIES

VON_MISES = FAMILIES["von_mises"]


def test_draws_have_the_stated_mean_direction_and_circular_variance(
    rng: np.random.Generator,
) -> None:
    n_draws = 40_000
    response = ResponseDesign("angle", np.zeros(n_draws))
    parameters = {"mu": np.full(n_draws, 2.0), "kappa": np.array([1.5])}

    draws = VON_MISES.sample(rng, parameters, response)

    # Mean resultant vector: its length is 1 - circular variance, its direction the mean.
    along, across = np.cos(draws - 2.0), np.sin(draws - 2.0)
    expected = 1.0 - VON_MISES.variance(parameters, response)[0]
    assert abs(along.mean() - expected) < 4 * along.std() / np.sqrt(n_draws)
    assert abs(across.mean()) < 4 * across.std() / np.sqrt(n_draws)
    assert VON_MISES.mean(parameters, response)[0] == 2.0


def test_density_does_not_overflow_for_large_concentration() -> None:
    response = ResponseDesign("angle", np.zeros(1))

    value = VON_MISES.log_density(
        response.y, {"mu": np.zeros(1), "kappa": np.array([1e5])}, response
    )

    # Normal limit: log density at the mode is log(kappa / 2 pi) / 2, relative error 1 / (8 kappa).
    np.testing.assert_allclose(value, 0.5 * np.log(1e5 / (2 * np.pi)), rtol=1e-6)
