"""The coefficients table."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_fits import make_posterior, read_brms_summary

from poolish.summaries import summarise


def test_rows_carry_the_names_people_see(brms_sleep):
    assert list(summarise(brms_sleep).frame["parameter"]) == [
        "b[Intercept]",
        "b[Days]",
        "sd_Subject[Intercept]",
        "sd_Subject[Days]",
        "cor_Subject[Intercept, Days]",
        "sigma",
    ]


def test_estimates_are_brmss(brms_sleep):
    # 1,000 of 24,000 draws: within four Monte Carlo standard errors of the whole.
    names = ["b_Intercept", "b_Days", "sd_Subject__Intercept", "sd_Subject__Days",
             "cor_Subject__Intercept__Days", "sigma"]  # fmt: skip
    by_name = read_brms_summary()

    frame = summarise(brms_sleep).frame

    for name, row in zip(names, frame.to_dict("records"), strict=True):
        assert abs(row["mean"] - by_name[name]["mean"]) < 4 * row["mcse"]
        assert row["sd"] == pytest.approx(by_name[name]["sd"], rel=0.15)


def test_only_correlations_within_blocks_are_shown(sleepstudy):
    posterior = make_posterior("Reaction ~ Days + (1 + Days || Subject)", sleepstudy)
    both = make_posterior(
        "Reaction ~ Days + (Days + I(Days^2) | Subject) + (0 + log1p(Days) | Subject)", sleepstudy
    )

    assert not any(p.startswith("cor") for p in summarise(posterior).frame["parameter"])
    assert [p for p in summarise(both).frame["parameter"] if p.startswith("cor")] == [
        "cor_Subject[Intercept, Days]",
        "cor_Subject[Intercept, I(Days^2)]",
        "cor_Subject[Days, I(Days^2)]",
    ]


def test_other_parameters_follow_their_predictor(sleepstudy):
    formula = ["Reaction ~ Days + (1 | Subject)", "sigma ~ Days"]

    names = summarise(make_posterior(formula, sleepstudy)).frame["parameter"]

    assert list(names) == [
        "b[Intercept]",
        "b[Days]",
        "sd_Subject[Intercept]",
        "b_sigma[Intercept]",
        "b_sigma[Days]",
    ]


def test_interval_has_the_probability_asked_for(brms_sleep):
    sigma = brms_sleep.draws["sigma"].values

    row = summarise(brms_sleep, ci_prob=0.5).frame.iloc[-1]

    assert [row["lower"], row["upper"]] == pytest.approx(list(np.quantile(sigma, [0.25, 0.75])))
