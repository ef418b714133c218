"""The groups table."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_fits import make_posterior, read_brms_summary

from poolish.errors import UnknownNameError
from poolish.summaries import summarise_groups


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
