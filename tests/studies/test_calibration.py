"""Calibration itself: it passes a right posterior and catches a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_fits import make_posterior

from poolish.design.arrays import Design
from poolish.engines.prior import draw_prior
from poolish.engines.protocol import Draws, Plan
from poolish.errors import DataError
from poolish.spec.model import ModelSpec
from poolish.studies.calibration import calibrate
from poolish.studies.calibration_table import CLASSES, ModelClass, calibrate_class

PRIORS = {"Intercept": "normal(0, 2)", "sigma": "constant(1)"}


@pytest.fixture(scope="module")
def mean_model():
    return make_posterior("y ~ 1", {"y": np.arange(10.0)}, priors=PRIORS)


def conjugate(shift: float):
    """Return the closed-form posterior of a normal mean, moved by `shift` of its sd."""

    def fit(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
        y = design.response.y
        precision = 1 / 4 + len(y)
        mean, sd = y.sum() / precision, precision**-0.5
        noise = np.random.default_rng(plan.seed).standard_normal((plan.chains, plan.draws, 1))
        b = mean + sd * (shift + noise)
        return Draws({"b": b}, {}, "conjugate", 0.0)

    return fit


def test_closed_form_posterior_is_calibrated(mean_model) -> None:
    found = calibrate(mean_model.spec, mean_model.design, conjugate(0.0), simulations=300, seed=1)

    assert found.to_df()["is_uniform"].all()


def test_shifted_posterior_is_caught(mean_model) -> None:
    found = calibrate(mean_model.spec, mean_model.design, conjugate(0.5), simulations=300, seed=1)

    assert not found.to_df()["is_uniform"].any()


def test_prior_as_posterior_of_everything_has_uniform_ranks(mean_model) -> None:
    found = calibrate(mean_model.spec, mean_model.design, draw_prior, simulations=200, seed=2)

    assert found.ranks["b[0]"].mean() == pytest.approx(49.5, abs=4 * 28.9 / np.sqrt(200))


def test_derived_quantities_are_ranked_too(mean_model) -> None:
    found = calibrate(
        mean_model.spec,
        mean_model.design,
        conjugate(0.0),
        simulations=50,
        derive=lambda values: {"double": 2 * values["b"][..., 0], "minus": -values["b"][..., 0]},
    )

    np.testing.assert_array_equal(found.ranks["double"], found.ranks["b[0]"])
    np.testing.assert_array_equal(found.ranks["minus"], 99 - found.ranks["b[0]"])


def test_too_few_draws_to_rank_among_are_refused(mean_model) -> None:
    with pytest.raises(DataError, match="too few draws"):
        calibrate(mean_model.spec, mean_model.design, draw_prior, plan=Plan(draws=10, chains=2))


@pytest.mark.slow
@pytest.mark.parametrize("shape", CLASSES, ids=lambda shape: shape.name)
def test_exact_engine_is_calibrated(shape: ModelClass) -> None:
    found = calibrate_class(shape, simulations=200, seed=1)

    assert found.to_df()["is_uniform"].all(), found.to_df().to_string()
