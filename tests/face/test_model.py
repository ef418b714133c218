"""The declared model: priors, prior predictive, refits, and what is refused before sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import DataError, EngineError, MissingValueError, PriorError, UnknownColumnError

RNG = np.random.default_rng(8)
GROUPS = np.repeat(list("abcdefgh"), 6)
DATA = pd.DataFrame(
    {
        "y": 5 + RNG.normal(size=8).repeat(6) + RNG.normal(size=48),
        "x": RNG.normal(size=48),
        "g": GROUPS,
    }
)


@pytest.fixture(scope="module")
def model() -> po.Model:
    return po.model("y ~ x + (1 | g)", DATA)


@pytest.fixture(scope="module")
def fit(model: po.Model) -> po.Fit:
    return model.fit(seed=4, progress=False)


def test_po_fit_is_model_and_then_fit(fit: po.Fit) -> None:
    again = po.fit("y ~ x + (1 | g)", DATA, seed=4, progress=False)

    np.testing.assert_array_equal(again.posterior["b"], fit.posterior["b"])


def test_refit_to_the_same_response_gives_the_same_draws(model: po.Model, fit: po.Fit) -> None:
    again = model.refit(DATA["y"].to_numpy(), seed=4, progress=False)

    np.testing.assert_allclose(again.posterior["b"], fit.posterior["b"], rtol=1e-7)


def test_refit_keeps_the_priors_and_takes_the_new_response(model: po.Model) -> None:
    moved = model.refit(DATA["y"].to_numpy() + 1.0, seed=4, progress=False)

    np.testing.assert_allclose(
        moved.tree["observed_data"]["y"].values, DATA["y"].to_numpy() + 1.0, rtol=1e-12
    )
    assert moved.result.spec.main.priors == model.spec.main.priors


def test_refit_of_another_length_is_refused(model: po.Model) -> None:
    with pytest.raises(DataError, match="does not fit the model's rows"):
        model.refit(np.zeros(3))


def test_refit_says_how_many_values_are_not_finite(model: po.Model) -> None:
    with pytest.raises(DataError, match="2 values not finite"):
        model.refit(np.where(np.arange(48) < 2, np.nan, 1.0))


def test_priors_table_has_every_parameter_with_its_range(model: po.Model) -> None:
    table = model.priors().to_df().set_index("parameter")

    assert list(table.index) == ["b[Intercept]", "b[x]", "sd_g[Intercept]", "sigma"]
    sd = float(table.loc["b[x]", "prior"].split(", ")[1].rstrip(")"))
    assert table.loc["b[x]", "upper"] == pytest.approx(1.959964 * sd, rel=1e-6)


def test_prior_predictive_has_the_prior_mean_and_spread() -> None:
    priors = {"Intercept": "normal(3, 2)", "sigma": "constant(1)", "sd_g": "constant(2)"}
    model = po.model("y ~ 1 + (1 | g)", DATA, priors=priors)

    tree = model.prior_predictive(draws=4000, seed=1)

    y = tree["prior_predictive"]["y"].values[0, :, 0]
    assert y.mean() == pytest.approx(3.0, abs=4 * 3 / np.sqrt(4000))
    assert y.std() == pytest.approx(3.0, rel=4 / np.sqrt(2 * 4000))


def test_prior_predictive_of_a_flat_prior_is_refused() -> None:
    model = po.model("y ~ x + (1 | g)", DATA, priors={"b": "flat()"})

    with pytest.raises(PriorError, match=r"flat prior of `b\[x\]`"):
        model.prior_predictive()


def test_dropped_rows_are_recorded_in_the_fit() -> None:
    data = DATA.assign(x=DATA["x"].where(DATA.index != 3))

    fit = po.fit("y ~ x + (1 | g)", data, missing="drop", seed=1, progress=False)

    assert fit.result.record.dropped_rows == ("3",)
    assert "dropped" in repr(fit)


def test_missing_values_are_an_error_that_names_column_and_row() -> None:
    data = DATA.assign(x=DATA["x"].where(DATA.index != 3))

    with pytest.raises(MissingValueError, match=r"`x`(?s:.)*missing=\"drop\""):
        po.model("y ~ x + (1 | g)", data)


def test_unknown_column_is_shown_in_the_formula() -> None:
    with pytest.raises(UnknownColumnError, match=r"\^"):
        po.model("y ~ z + (1 | g)", DATA)


@pytest.mark.parametrize("option", [{"draws": 3}, {"chains": 0}, {"tune": -1}, {"seed": -1}])
def test_options_that_are_too_small_are_refused(model: po.Model, option: dict[str, int]) -> None:
    with pytest.raises(DataError, match="is too small"):
        model.fit(**option)


@pytest.mark.parametrize(
    "option", [{"draws": 10.5}, {"draws": "10"}, {"chains": True}, {"seed": 1.5}, {"seed": "a"}]
)
def test_options_that_are_not_whole_numbers_are_refused(
    model: po.Model, option: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="is not a whole number"):
        model.fit(**option)


def test_whole_numbers_of_numpy_are_taken(model: po.Model) -> None:
    fit = model.fit(draws=np.int64(10), seed=np.int32(3))  # type: ignore[arg-type]  # what the test is about

    assert fit.result.record.seed == 3


def test_another_choice_of_keep_groups_is_refused(model: po.Model) -> None:
    with pytest.raises(DataError, match="`keep_groups` has no such choice"):
        model.fit(keep_groups="never")  # type: ignore[arg-type]  # what the test is about


def test_exact_engine_on_a_model_it_cannot_fit_says_why() -> None:
    counts = DATA.assign(n=RNG.poisson(3, 48))

    with pytest.raises(EngineError, match="exact engine cannot fit this model"):
        po.fit("n ~ x + (1 | g)", counts, family="poisson", engine="exact")


def test_unknown_engine_lists_those_there_are(model: po.Model) -> None:
    with pytest.raises(EngineError, match=r"no engine `stan`(?s:.)*exact"):
        model.fit(engine="stan")


def test_a_row_that_the_family_refuses_keeps_its_label_when_others_are_dropped() -> None:
    data = DATA.assign(count=1, x=[np.nan] * 3 + list(DATA["x"][3:]))
    data.loc[10, "count"] = -1

    with pytest.raises(DataError, match="row 10 is -1"):
        po.model("count ~ x + (1 | g)", data, family="poisson", missing="drop")
