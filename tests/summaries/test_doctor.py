"""The first step names what is wrong with each model of the zoo of broken ones."""

from __future__ import annotations

import pytest
from tests.broken_fits import (
    ZOO,
    divergent,
    healthy,
    healthy_counts,
    heavy_tailed,
    one_row_per_group,
)

from poolish.formula import parse
from poolish.summaries.diagnosis import diagnose
from poolish.summaries.doctor import CheckResult, Step, check_fit


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.make.__name__)
def test_the_first_step_names_the_cause(animal):
    steps = check_fit(animal.make()).steps

    assert steps[0].cause == animal.cause
    assert steps[0].change.keys() == animal.change.keys()
    for name, value in animal.change.items():
        assert value is ... or steps[0].change[name] == value


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.make.__name__)
def test_a_proposed_formula_can_be_read(animal):
    formula = animal.change.get("formula")

    assert formula is None or parse(formula.split("\n"))


@pytest.mark.parametrize("make", [healthy, healthy_counts])
def test_nothing_is_proposed_for_a_healthy_fit(make):
    assert check_fit(make()).steps == ()


def test_a_check_prints_the_verdict_the_steps_and_what_to_do():
    posterior = one_row_per_group()
    result = check_fit(posterior)

    text = repr(result)
    assert f"Sampling: {diagnose(posterior).verdict}" in text
    assert "every level of `g` has one row" in text
    assert "formula='y ~ 1 + x'" in text
    assert "one row per group" in result.to_markdown()
    assert result.to_df()["cause"][0] == "one row per group"


@pytest.mark.parametrize(
    ("make", "about", "model"),
    [
        (divergent, "sampling", "Model: nothing speaks against it."),
        (heavy_tailed, "model", "Model: 1 to look at."),
    ],
)
def test_sampling_and_model_are_told_apart(make, about, model):
    result = check_fit(make())

    assert [step.about for step in result.steps] == [about]
    assert model in repr(result)
    assert f"1. {about}: {result.steps[0].problem}" in repr(result)


def test_a_healthy_check_says_so():
    assert "Nothing found" in repr(check_fit(healthy()))


def test_steps_are_values():
    step = Step("cause", "problem", "evidence")

    with pytest.raises(AttributeError):
        step.cause = "another"  # type: ignore[misc]
    assert isinstance(check_fit(healthy()), CheckResult)
