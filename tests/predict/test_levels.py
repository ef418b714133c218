"""Probabilities of the levels of ordinal and categorical outcomes, against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special
from tests.made_fits import make_posterior

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict import predict, update_group
from poolish.summaries.marginal_effects import (
    tabulate_comparisons,
    tabulate_predictions,
    tabulate_slopes,
)
from poolish.summaries.predicted import tabulate_predictions as tabulate_rows

NEW = pd.DataFrame({"x": [-1.0, 0.5]})


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    grade = pd.Categorical(np.resize(["lo", "mid", "hi"], 60), ["lo", "mid", "hi"], ordered=True)
    return pd.DataFrame(
        {"grade": grade, "c": np.resize(list("uvw"), 60), "x": rng.normal(size=60),
         "g": np.repeat(range(10), 6)}
    )  # fmt: skip


@pytest.fixture(scope="module")
def ordinal(data) -> Posterior:
    priors = {"b": "normal(0, 1)", "sd": "half_normal(1)"}
    return make_posterior("grade ~ x + (1 | g)", data, family="cumulative", priors=priors)


@pytest.fixture(scope="module")
def nominal(data) -> Posterior:
    priors = {"b": "normal(0, 1)", "Intercept": "normal(0, 1)", "sd": "half_normal(1)"}
    return make_posterior("c ~ x + (1 | g)", data, family="categorical", priors=priors)


def test_probabilities_of_an_ordinal_outcome_are_differences_of_its_curves(ordinal):
    draws = ordinal.draws

    found = predict(ordinal, NEW, kind="probability", groups="zero")

    eta = draws["b"].values * NEW["x"].to_numpy()
    below = special.expit(draws["threshold"].values[:, :, None] - eta[..., None])
    ends = np.concatenate([0 * below[..., :1], below, 0 * below[..., :1] + 1], axis=-1)
    assert found.dims == ("chain", "draw", "obs", "level")
    assert list(found["level"].values) == ["lo", "mid", "hi"]
    np.testing.assert_allclose(found, np.diff(ends, axis=-1), atol=1e-12)


def test_probabilities_of_a_categorical_outcome_are_a_softmax(nominal):
    draws = nominal.draws

    found = predict(nominal, NEW, kind="probability", groups="zero")

    X = np.column_stack([np.ones(2), NEW["x"]])
    eta = [0 * draws["b_muv"].values @ X.T, *(draws[f"b_mu{k}"].values @ X.T for k in "vw")]
    np.testing.assert_allclose(found, special.softmax(np.stack(eta, axis=-1), axis=-1), atol=1e-12)


@pytest.mark.parametrize("groups", ["observed", "new", "zero", "integrate"])
def test_probabilities_add_up_to_one_whatever_the_groups(groups, ordinal, nominal):
    for posterior in (ordinal, nominal):
        found = predict(posterior, kind="probability", groups=groups, seed=3)

        np.testing.assert_allclose(found.sum("level"), 1.0, atol=1e-9)


def test_a_categorical_outcome_has_no_mean(nominal):
    with pytest.raises(UnsupportedError, match="has no mean: its levels have no order"):
        predict(nominal)


def test_an_outcome_without_levels_has_no_probabilities_of_them(brms_sleep):
    with pytest.raises(UnsupportedError, match="gaussian outcome has no levels"):
        predict(brms_sleep, kind="probability")


def test_effects_are_told_by_level(nominal, ordinal):
    for posterior, levels in ((nominal, ["u", "v", "w"]), (ordinal, ["lo", "mid", "hi"])):
        options = {"average": True, "meaning": "conditional"}

        means = tabulate_predictions(posterior, **options).to_df()
        changes = tabulate_comparisons(posterior, "x", **options).to_df()
        slopes = tabulate_slopes(posterior, "x", **options).to_df()

        expected = predict(posterior, kind="probability", groups="zero").mean(
            ("chain", "draw", "obs")
        )
        for frame in (means, changes, slopes):
            assert list(frame["level"]) == levels
        np.testing.assert_allclose(means["estimate"], expected)
        assert changes["estimate"].sum() == pytest.approx(0.0, abs=1e-12)
        assert slopes["estimate"].sum() == pytest.approx(0.0, abs=1e-9)


def test_the_table_of_predictions_has_a_row_for_each_level(ordinal):
    frame = tabulate_rows(ordinal, NEW, kind="probability", groups="zero").to_df()

    expected = predict(ordinal, NEW, kind="probability", groups="zero").mean(("chain", "draw"))
    assert list(frame["level"]) == ["lo", "mid", "hi"] * 2
    np.testing.assert_allclose(frame["mean"], expected.values.reshape(-1))


def test_a_new_group_has_probabilities_after_its_first_rows(ordinal, data):
    first = data.head(3).assign(g="new")

    found = update_group(ordinal, first).predict(NEW, kind="probability")

    assert found.dims == ("chain", "draw", "obs", "level")
    np.testing.assert_allclose(found.sum("level"), 1.0, atol=1e-9)
