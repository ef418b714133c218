"""The verdict and its thresholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.made_fits import make_posterior

from poolish.summaries import diagnose
from poolish.summaries.diagnosis import MEASURES, Finding

SOUND, CARE, NO = "sound", "use with care", "do not use"


@pytest.mark.parametrize(
    ("measure", "value", "verdict"),
    [
        ("R-hat", 1.01, SOUND),
        ("R-hat", 1.011, CARE),
        ("R-hat", 1.05, CARE),
        ("R-hat", 1.051, NO),
        ("bulk ESS", 400, SOUND),
        ("bulk ESS", 399, CARE),
        ("tail ESS", 100, CARE),
        ("tail ESS", 99, NO),
        ("share of divergences", 0.0, SOUND),
        ("share of divergences", 0.001, CARE),
        ("share of divergences", 0.011, NO),
        ("E-BFMI", 0.3, SOUND),
        ("E-BFMI", 0.29, NO),
        ("Pareto k", 0.7, SOUND),
        ("Pareto k", 0.71, NO),
        ("share of draws at the largest tree depth", 0.005, SOUND),
        ("share of draws at the largest tree depth", 0.5, CARE),
        ("share of draws finished", 0.9, CARE),
        ("share of draws that are not finite", 0.001, NO),
    ],
)
def test_thresholds(measure, value, verdict):
    assert Finding(MEASURES[measure], value).verdict == verdict


def test_good_draws_are_sound(brms_sleep):
    diagnosis = diagnose(brms_sleep)

    assert (diagnosis.verdict, diagnosis.reason) == (SOUND, None)
    assert diagnosis.worst("R-hat") < 1.01
    assert diagnosis.worst("E-BFMI") is None


@pytest.fixture
def draws(rng):
    """Return sound draws of `y ~ Days + (1 | Subject)`."""
    return {
        "b": rng.normal(size=(4, 300, 2)),
        "sd_Subject": rng.exponential(size=(4, 300, 1)),
        "r_Subject": rng.normal(size=(4, 300, 18, 1)),
        "sigma": rng.exponential(size=(4, 300)),
    }


def judge(sleepstudy, draws, **stats):
    return diagnose(
        make_posterior("Reaction ~ Days + (1 | Subject)", sleepstudy, draws, stats=stats)
    )


def test_chain_in_another_place_is_found_and_named(sleepstudy, draws):
    draws["sd_Subject"][2] += 5.0

    diagnosis = judge(sleepstudy, draws)

    assert diagnosis.verdict == NO
    assert diagnosis.reason.parameter == "sd_Subject[Intercept]"
    assert str(diagnosis.reason).startswith("R-hat of sd_Subject[Intercept] is 1.")
    assert diagnosis.reason.measure.action


def test_slow_group_effect_is_found_and_named(sleepstudy, draws):
    draws["r_Subject"][..., 3, 0] = np.cumsum(draws["r_Subject"][..., 3, 0], axis=1)

    assert judge(sleepstudy, draws).reason.parameter == "r_Subject[330, Intercept]"


def test_divergences_count(sleepstudy, draws):
    diverging = np.zeros((4, 300), dtype=bool)
    diverging[0, :5] = True

    diagnosis = judge(sleepstudy, draws, diverging=diverging)

    assert diagnosis.verdict == CARE
    assert diagnosis.worst("share of divergences") == pytest.approx(5 / 1200)


def test_energy_that_moves_slowly_is_found(sleepstudy, draws, rng):
    energy = np.cumsum(rng.normal(size=(4, 300)), axis=1)

    diagnosis = judge(sleepstudy, draws, energy=energy)

    assert diagnosis.reason.measure.name == "E-BFMI"


def test_importance_sampling_that_failed_is_found(sleepstudy, draws):
    diagnosis = judge(sleepstudy, draws, khat=np.float64(0.9))

    assert (diagnosis.verdict, diagnosis.reason.measure.name) == (NO, "Pareto k")


def test_saturated_trees_are_found(sleepstudy, draws):
    diagnosis = judge(sleepstudy, draws, reached_max_treedepth=np.ones((4, 300), dtype=bool))

    assert diagnosis.verdict == CARE


def test_interrupted_fit_is_never_sound(sleepstudy, draws):
    posterior = make_posterior("Reaction ~ Days + (1 | Subject)", sleepstudy, draws)
    record = replace(posterior.record, is_complete=False, draws=400)

    diagnosis = diagnose(replace(posterior, record=record))

    assert diagnosis.verdict == CARE
    assert diagnosis.worst("share of draws finished") == pytest.approx(0.75)


def test_draws_that_are_not_finite_are_found_and_named(sleepstudy, draws):
    draws["sigma"][1, 5] = np.nan

    diagnosis = judge(sleepstudy, draws)

    assert (diagnosis.verdict, diagnosis.reason.parameter) == (NO, "sigma")


def test_too_few_draws_cannot_be_used(sleepstudy, draws):
    few = {name: values[:, :3] for name, values in draws.items()}

    assert judge(sleepstudy, few).verdict == NO


def test_constants_do_not_matter(sleepstudy, draws):
    draws["sigma"][:] = 3.0

    assert judge(sleepstudy, draws).verdict == SOUND


def test_many_group_effects_are_examined_in_part(sleepstudy, draws, monkeypatch):
    monkeypatch.setattr("poolish.summaries.diagnosis.N_GROUP_SCALARS", 6)

    assert judge(sleepstudy, draws).note == "6 of 18 group effects were examined"
