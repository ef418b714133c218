"""Names of other packages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import REFERENCE, make_posterior

from poolish.errors import UnknownNameError
from poolish.posterior.names import rename_draws


def test_brms_names_are_those_of_brms(brms_sleep):
    frame = pd.read_csv(REFERENCE / "brms" / "sleepstudy_slope_draws1000.csv.gz")

    found = rename_draws(brms_sleep, "brms")["posterior"].to_dataset()

    ours = [name for name in found.data_vars]
    assert set(ours) <= set(frame.columns)
    assert {"b_Intercept", "sd_Subject__Days", "cor_Subject__Intercept__Days", "sigma"} <= set(ours)
    assert len([name for name in ours if name.startswith("r_Subject[")]) == 36
    for name in ours:
        np.testing.assert_array_equal(found[name].values.ravel(), frame[name])


def test_bambi_names_have_one_variable_for_each_effect(brms_sleep):
    found = rename_draws(brms_sleep, "bambi")["posterior"].to_dataset()

    # bambi 0.21: list(results.posterior.data_vars) of the same formula.
    expected = {"Intercept", "Days", "sigma", "1|Subject", "Days|Subject"}
    assert expected | {"1|Subject_sigma", "Days|Subject_sigma"} <= set(found.data_vars)
    slopes = brms_sleep.draws["r_Subject"].sel(Subject_effect="Days", drop=True)
    np.testing.assert_array_equal(
        found["Days|Subject"].sel(Subject="308"), slopes.sel(Subject="308")
    )


def test_lme4_names_are_those_of_its_profiles(brms_sleep):
    found = rename_draws(brms_sleep, "lme4")["posterior"].to_dataset()

    # lme4 1.1-31: row names of confint(fit, oldNames = FALSE).
    expected = {
        "sd_(Intercept)|Subject",
        "cor_Days.(Intercept)|Subject",
        "sd_Days|Subject",
        "sigma",
        "(Intercept)",
        "Days",
    }
    assert expected <= set(found.data_vars)


def test_other_parameters_and_factors_keep_their_place(sleepstudy):
    data = sleepstudy.assign(late=np.where(sleepstudy["Days"] > 4, "yes", "no"))
    posterior = make_posterior(["Reaction ~ late + (1 | Subject)", "sigma ~ late"], data)

    brms = rename_draws(posterior, "brms")["posterior"].data_vars
    lme4 = rename_draws(posterior, "lme4")["posterior"].data_vars

    assert {"b_lateyes", "b_sigma_Intercept", "b_sigma_lateyes"} <= set(brms)
    assert {"lateyes", "sigma_(Intercept)", "sigma_lateyes"} <= set(lme4)


def test_thresholds_have_a_number(sleepstudy):
    data = sleepstudy.assign(third=pd.cut(sleepstudy["Reaction"], 3, labels=["low", "mid", "high"]))
    posterior = make_posterior("third ~ Days + (1 | Subject)", data, family="cumulative")

    found = rename_draws(posterior, "brms")["posterior"].data_vars

    assert {"b_Intercept[1]", "b_Intercept[2]"} <= set(found)


def test_other_groups_of_the_tree_stay(brms_sleep):
    assert {"observed_data", "constant_data"} <= set(rename_draws(brms_sleep, "lme4").children)


def test_unknown_styles_are_refused(brms_sleep):
    with pytest.raises(
        UnknownNameError, match=r"(?s)there are no names of `stan`.*brms, bambi, lme4"
    ):
        rename_draws(brms_sleep, "stan")
