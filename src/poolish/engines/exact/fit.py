"""The exact engine: sample theta, draw the effects, check."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact.prepare import Prepared, prepare, starting_theta
from poolish.engines.exact.reach import can_fit
from poolish.engines.exact.redraw import keeps_late, late_effects
from poolish.engines.exact.sampler import Sample, sample
from poolish.engines.exact.trust import gate
from poolish.engines.exact.variables import joint_variables, natural_variables
from poolish.engines.protocol import Draws, Engine, Plan, Refit
from poolish.spec.model import ModelSpec

NAME = "exact"
MAX_EFFORT = 2


def fit(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    """Return draws from the posterior of a model within the exact engine's reach."""
    return fit_prepared(prepare(spec, design), plan)


def fit_prepared(prepared: Prepared, plan: Plan) -> Draws:
    """Return draws of a prepared model; adapts longer, twice at most, when they fail the gate."""
    started = time.perf_counter()
    start = starting_theta(prepared)
    for effort in range(MAX_EFFORT + 1):
        sampled = sample(prepared.target, start, plan, effort=effort)
        draws = _as_draws(prepared, sampled, effort)
        if gate(draws) is None:
            break
    return _with_late_effects(prepared, draws, plan, started)


def refitter(spec: ModelSpec, design: Design) -> Refit:
    """Return a function of response and plan that fits without factoring the design again."""
    prepared = prepare(spec, design)
    return lambda y, plan: fit_prepared(prepared.with_response(y), plan)


def _as_draws(prepared: Prepared, sampled: Sample, effort: int) -> Draws:
    theta = np.stack([chain.theta for chain in sampled.chains])
    parameters = prepared.target.parameters
    posterior = natural_variables(prepared.spec, parameters, theta)
    statistics = {
        "lp": np.stack([chain.lp for chain in sampled.chains]),
        "khat": np.array(sampled.khat),
        "efficiency": np.array(sampled.efficiency),
        "acceptance": np.array(sampled.acceptance),
    }
    posterior = {**joint_variables(prepared.spec, sampled.chains), **posterior}
    return Draws(posterior, statistics, NAME, 0.0, notes=_notes(sampled, effort))


def _with_late_effects(
    prepared: Prepared, draws: Draws, plan: Plan, started: float
) -> Draws:
    posterior, notes = dict(draws.posterior), draws.notes
    late = prepared.likelihood.late_factor
    if late is not None:
        group = prepared.spec.main.groups[late]
        if keeps_late(group, plan):
            effects = late_effects(prepared.spec, prepared.likelihood, posterior, plan.seed)
            levels = np.arange(len(group.levels))
            posterior[prepared.spec.main.variable("r", group)] = effects.draw(slice(None), levels)
        else:
            notes = (*notes, f"draws of the effects of `{group.name}` are made when asked for")
    ordered = _in_order(prepared.spec, posterior)
    return replace(draws, posterior=ordered, notes=notes, seconds=time.perf_counter() - started)


def _in_order(spec: ModelSpec, posterior: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return b, sds, correlations and sigma first, group effects in the formula's order last."""
    effects = [spec.main.variable("r", group) for group in spec.main.groups]
    names = [name for name in posterior if name not in effects]
    return {name: posterior[name] for name in (*names, *effects) if name in posterior}


def _notes(sampled: Sample, effort: int) -> tuple[str, ...]:
    notes = []
    if effort:
        notes.append(f"the proposal was adapted again, {effort} time{'s' * (effort > 1)}")
    if sampled.draws_per_theta > 1:
        notes.append(
            f"each draw of the variance parameters serves {sampled.draws_per_theta} draws of the"
            " effects"
        )
    return tuple(notes)


def describe(spec: ModelSpec) -> str:
    """Return why the exact engine suits a model, in one clause."""
    return "gaussian with normal priors: effects are integrated out and then drawn exactly"


ENGINE = Engine(
    name=NAME, can_fit=can_fit, describe=describe, fit=fit, gate=gate, refitter=refitter
)
