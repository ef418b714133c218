"""The choice of an engine: preference, forced choice, and fallback with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_fits import make_posterior

from poolish.engines import choose
from poolish.engines.protocol import Draws, Engine, Plan

PLAN = Plan(progress=False)


def engine(name: str, *, obstacle: str | None = None, problem: str | None = None) -> Engine:
    draws = Draws({"sigma": np.ones((1, 4))}, {}, name, 0.0, notes=(f"{name} note",))
    return Engine(
        name,
        can_fit=lambda spec, design: obstacle,
        describe=lambda spec: f"{name} suits",
        fit=lambda spec, design, plan: draws,
        gate=lambda draws: problem,
    )


@pytest.fixture
def fit(rows):
    return make_posterior("y ~ 1 + (1 | g)", rows)


@pytest.fixture
def rows():
    return {"y": np.arange(6.0), "g": list("aabbcc")}


def use(monkeypatch, *engines: Engine) -> None:
    monkeypatch.setattr(choose, "ENGINES", {row.name: row for row in engines})


def test_first_engine_that_can_is_taken_with_its_reason(fit, monkeypatch) -> None:
    use(monkeypatch, engine("a", obstacle="no"), engine("b"), engine("c"))

    outcome = choose.run_engine(fit.spec, fit.design, PLAN)

    assert (outcome.draws.engine, outcome.reason) == ("b", "b suits")


def test_engine_that_fails_its_gate_is_named_in_the_notes_of_the_next(fit, monkeypatch) -> None:
    use(monkeypatch, engine("a", problem="Pareto k is 0.9"), engine("b"))

    outcome = choose.run_engine(fit.spec, fit.design, PLAN)

    assert outcome.draws.engine == "b"
    assert outcome.draws.notes == (
        "the a engine was tried first and declined: Pareto k is 0.9",
        "b note",
    )


def test_forced_engine_is_held_to_even_where_its_gate_fails(fit, monkeypatch) -> None:
    use(monkeypatch, engine("a", problem="Pareto k is 0.9"), engine("b"))

    outcome = choose.run_engine(fit.spec, fit.design, PLAN, engine="a")

    assert (outcome.draws.engine, outcome.reason) == ("a", "asked for")
