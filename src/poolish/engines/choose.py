"""Which engine fits a model, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from poolish.design.arrays import Design
from poolish.engines import exact, nuts, quadrature
from poolish.engines.protocol import Draws, Engine, Plan
from poolish.errors import EngineError
from poolish.spec.model import ModelSpec

# In order of preference; the last one fits everything.
ENGINES: dict[str, Engine] = {
    row.name: row for row in (exact.ENGINE, quadrature.ENGINE, nuts.ENGINE)
}


# The reason that is recorded where the user named the engine.
ASKED_FOR = "asked for"

type FitWith = Callable[[Engine, ModelSpec, Design, Plan], Draws]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Draws, and why the engine that made them was taken."""

    draws: Draws
    reason: str


def fit_anew(engine: Engine, spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    """Return the engine's draws, nothing kept from other fits."""
    return engine.fit(spec, design, plan)


def run_engine(
    spec: ModelSpec,
    design: Design,
    plan: Plan,
    *,
    engine: str = "auto",
    fit: FitWith = fit_anew,
) -> Outcome:
    """Return the draws of the first engine that can fit the model and passes its own gate.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    plan : Plan
    engine : str
        `auto`, or the name of one engine, which is then held to.
    fit : callable
        How an engine is made to fit: `fit(engine, spec, design, plan)`.

    Raises
    ------
    EngineError
        If the engine asked for does not exist or cannot fit this model.
    """
    if engine != "auto":
        return _run_one(_engine_named(engine), spec, design, plan, fit)
    return _run_first(spec, design, plan, fit)


def _run_one(engine: Engine, spec: ModelSpec, design: Design, plan: Plan, fit: FitWith) -> Outcome:
    obstacle = engine.can_fit(spec, design)
    if obstacle is not None:
        raise EngineError(
            f"the {engine.name} engine cannot fit this model: {obstacle}",
            given=f'engine="{engine.name}" for {spec.formula}',
            expected=f"a model within the {engine.name} engine's reach",
            fix='leave `engine="auto"`, which picks one that can',
        )
    return Outcome(fit(engine, spec, design, plan), ASKED_FOR)


def _run_first(spec: ModelSpec, design: Design, plan: Plan, fit: FitWith) -> Outcome:
    declined: list[str] = []
    for engine in ENGINES.values():
        if engine.can_fit(spec, design) is not None:
            continue
        draws = fit(engine, spec, design, plan)
        problem = engine.gate(draws)
        if problem is None:
            return Outcome(replace(draws, notes=(*declined, *draws.notes)), engine.describe(spec))
        declined.append(f"the {engine.name} engine was tried first and declined: {problem}")
    raise AssertionError("the last engine fits every model and has no gate")


def _engine_named(name: str) -> Engine:
    if name not in ENGINES:
        raise EngineError(
            f"there is no engine `{name}`",
            given=f'engine="{name}"',
            expected=f"auto, {', '.join(ENGINES)}",
            fix='leave `engine="auto"`',
        )
    return ENGINES[name]
