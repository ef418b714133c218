"""What each prior is a prior of: its draws, held to arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.spec.build import spec_priors
from poolish.summaries.doctor import check_fit
from poolish.summaries.prior_values import prior_values
from poolish.summaries.scalars import collect_scalars
from poolish.summaries.sensitivity import tabulate_sensitivity


def values_of(posterior) -> dict[str, np.ndarray | None]:
    scalars = collect_scalars(posterior)
    return {
        resolved.slot.names[0]: prior_values(posterior, scalars, resolved)
        for resolved in spec_priors(posterior.spec)
    }


def test_intercepts_are_at_average_predictors_unless_the_prior_is_at_zero(sleepstudy):
    formula = "Reaction ~ Days + (Days | Subject)"
    default = make_posterior(formula, sleepstudy)
    raw = make_posterior(formula, sleepstudy, priors={"b[Intercept]": "normal(250, 9)"})

    for posterior, days in ((default, 4.5), (raw, 0.0)):
        b = posterior.draws["b"].values
        found = values_of(posterior)
        np.testing.assert_allclose(found["b[Intercept]"][..., 0], b[..., 0] + days * b[..., 1])
        np.testing.assert_allclose(found["b[Days]"][..., 0], b[..., 1])
        assert found["cor_Subject"] is None


@pytest.fixture
def grades(rng) -> pd.DataFrame:
    x = 2000.0 + rng.normal(size=60)
    return pd.DataFrame({"grade": rng.integers(0, 3, 60).astype(str), "year": x})


def test_thresholds_are_at_average_predictors(grades):
    posterior = make_posterior("grade ~ year", grades, family="cumulative")

    found = values_of(posterior)["threshold"]

    raised = grades["year"].mean() * posterior.draws["b"].values
    np.testing.assert_allclose(found, posterior.draws["threshold"].values - raised)


def test_thresholds_are_moved_by_their_own_prior(grades):
    data = grades.assign(x=grades["year"] - grades["year"].mean())
    posterior = make_posterior("grade ~ x", data, family="cumulative")

    table = tabulate_sensitivity(posterior).to_df().set_index("parameter")

    assert dict(table["most_by"]) == {
        "b[x]": "b[x]",
        "threshold[1]": "threshold",
        "threshold[2]": "threshold",
    }


def test_thresholds_far_from_zero_are_no_conflict(grades):
    """With years as predictor the thresholds are in the hundreds, and nothing is wrong."""
    b = np.full((4, 50, 1), 0.5)
    at_average = np.broadcast_to([-0.7, 0.7], (4, 50, 2))
    threshold = at_average + 0.5 * grades["year"].mean()
    posterior = make_posterior(
        "grade ~ year", grades, {"b": b, "threshold": threshold}, family="cumulative"
    )

    causes = [step.cause for step in check_fit(posterior).steps]

    assert "prior-data conflict" not in causes
