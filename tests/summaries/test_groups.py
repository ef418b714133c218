"""The groups table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior, read_brms_summary

import poolish as po
from poolish.errors import UnknownNameError, UnsupportedError
from poolish.posterior import with_group
from poolish.predict import predict
from poolish.summaries import summarise_groups, summarise_pooling


def test_deviations_are_brmss(brms_sleep):
    by_name = read_brms_summary()

    frame = summarise_groups(brms_sleep, "Subject").frame

    assert len(frame) == 36
    for row in frame.to_dict("records"):
        expected = by_name[f"r_Subject[{row['level']},{row['effect']}]"]
        # Standard error of the mean of 1,000 nearly independent draws.
        assert abs(row["deviation"] - expected["mean"]) < 5 * expected["sd"] / np.sqrt(1000)


def test_coefficient_is_population_plus_deviation(brms_sleep):
    draws = brms_sleep.draws
    own = draws["b"].sel(coef="Days") + draws["r_Subject"].sel(Subject="330", Subject_effect="Days")

    frame = summarise_groups(brms_sleep, "Subject").frame.set_index(["level", "effect"])

    row = frame.loc[("330", "Days")]
    assert row["n"] == 10
    assert row["coef"] == pytest.approx(float(own.mean()))
    assert row["coef_sd"] == pytest.approx(float(own.std(ddof=1)))
    assert row["coef_upper"] == pytest.approx(float(own.quantile(0.975)))


def test_effect_without_population_part_is_all_deviation(sleepstudy):
    posterior = make_posterior("Reaction ~ 1 + (0 + Days | Subject)", sleepstudy)

    frame = summarise_groups(posterior, "Subject").frame

    np.testing.assert_array_equal(frame["coef"], frame["deviation"])


def test_group_of_another_parameter_is_asked_for_by_its_name(sleepstudy):
    formula = ["Reaction ~ Days + (1 | Subject)", "sigma ~ 1 + (1 | Subject)"]
    posterior = make_posterior(formula, sleepstudy)

    frame = summarise_groups(posterior, "Subject", parameter="sigma").frame

    expected = posterior.draws["r_Subject_sigma"].mean(("chain", "draw")).values[:, 0]
    np.testing.assert_allclose(frame["deviation"], expected)


def test_unknown_group_names_those_there_are(brms_sleep):
    with pytest.raises(UnknownNameError, match=r"(?s)`School` is not a group.*one of Subject"):
        summarise_groups(brms_sleep, "School")


def test_model_without_groups_says_so(sleepstudy):
    posterior = make_posterior("Reaction ~ Days", sleepstudy)

    with pytest.raises(UnknownNameError, match="a model with groups; this has none"):
        summarise_groups(posterior, "Subject")


def test_levels_are_read_in_chunks_without_a_difference(brms_sleep, monkeypatch):
    whole = [f(brms_sleep, "Subject").frame for f in (summarise_groups, summarise_pooling)]

    monkeypatch.setattr("poolish.summaries.effects._CHUNK", 5)
    cut = [f(brms_sleep, "Subject").frame for f in (summarise_groups, summarise_pooling)]

    for found, expected in zip(cut, whole, strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_effects_that_were_not_stored_are_drawn_again(sleepstudy):
    model = po.model("Reaction ~ Days + (Days | Subject)", sleepstudy)
    options = {"engine": "exact", "draws": 100, "chains": 2, "seed": 4, "progress": False}
    stored = model.fit(**options).result
    bare = model.fit(keep_groups=False, **options).result

    found = [f(bare, "Subject").frame for f in (summarise_groups, summarise_pooling)]

    assert "r_Subject" not in bare.draws
    expected = [f(stored, "Subject").frame for f in (summarise_groups, summarise_pooling)]
    for ours, theirs in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    np.testing.assert_array_equal(predict(bare), predict(stored))


def test_effects_that_cannot_be_drawn_again_are_an_error(brms_sleep):
    draws = brms_sleep.draws.drop_vars("r_Subject")
    bare = with_group(brms_sleep, "posterior", draws)

    with pytest.raises(UnsupportedError, match="effects of `Subject` were not stored"):
        summarise_groups(bare, "Subject")
