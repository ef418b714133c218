"""The exact engine: sample theta, draw the effects, check."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact.blocked import Blocked
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.prepare import Prepared, prepare, starting_theta
from poolish.engines.exact.reach import can_fit
from poolish.engines.exact.redraw import late_effects
from poolish.engines.exact.sampler import Sample, first_proposal, sample
from poolish.engines.exact.trust import MAX_KHAT, gate
from poolish.engines.exact.variables import joint_variables, natural_variables
from poolish.engines.protocol import Draws, Engine, Plan, Refit
from poolish.spec.model import ModelSpec

NAME = "exact"
MAX_EFFORT = 2
# An attempt to adapt longer that is less efficient than this is the last. Of 16 models with 16 to
# 37 variance parameters, the next passed the gate in all 3 above it and in none of 9 below, at
# three times the cost.
HOPELESS = 0.16


def fit(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    """Return draws from the posterior of a model within the exact engine's reach."""
    return fit_prepared(prepare(spec, design), plan)


def fit_prepared(prepared: Prepared, plan: Plan) -> Draws:
    """Return draws of a prepared model; adapts longer, twice at most, when they fail the gate."""
    started = time.perf_counter()
    prepared = _without_large_effects(prepared, plan)
    first = first_proposal(prepared.target, starting_theta(prepared))
    for effort in range(MAX_EFFORT + 1):
        sampled = sample(prepared.target, first, plan, effort=effort)
        draws = _as_draws(prepared, sampled, effort)
        passes = gate(draws) is None and sampled.khat <= MAX_KHAT
        if passes or (effort and sampled.efficiency < HOPELESS):
            break
    return _with_late_effects(prepared, draws, plan, started)


def refitter(spec: ModelSpec, design: Design) -> Refit:
    """Return a function of response and plan that fits without factoring the design again."""
    prepared = prepare(spec, design)
    return lambda y, plan: fit_prepared(prepared.with_response(y), plan)


def _as_draws(prepared: Prepared, sampled: Sample, effort: int) -> Draws:
    chains, parameters = sampled.chains, prepared.target.parameters
    posterior = natural_variables(prepared.spec, parameters, chains.theta)
    statistics = {
        "lp": chains.lp,
        "khat": np.array(sampled.khat),
        "efficiency": np.array(sampled.efficiency),
        "acceptance": np.array(sampled.acceptance),
    }
    posterior = {**joint_variables(prepared.spec, chains), **posterior}
    return Draws(posterior, statistics, NAME, 0.0, notes=_notes(sampled, effort))


def _without_large_effects(prepared: Prepared, plan: Plan) -> Prepared:
    """Return the model with its sparsely coupled effects left undrawn where they are not stored."""
    likelihood = prepared.likelihood
    if not isinstance(likelihood, Precision) or plan.keeps(prepared.spec.main.groups):
        return prepared
    return prepared.with_likelihood(replace(likelihood, draws_effects=False))


def _with_late_effects(prepared: Prepared, draws: Draws, plan: Plan, started: float) -> Draws:
    posterior, likelihood, spec = dict(draws.posterior), prepared.likelihood, prepared.spec
    late = likelihood.late_factor
    # Other factors' effects are drawn together with b, and always stored: they are few.
    if (
        isinstance(likelihood, Blocked)
        and late is not None
        and plan.keeps([spec.main.groups[late]])
    ):
        group = spec.main.groups[late]
        effects = late_effects(spec, likelihood, posterior, plan.seed)
        levels = np.arange(len(group.levels))
        posterior[spec.main.variable("r", group)] = effects.draw(slice(None), levels)
    absent = tuple(
        f"draws of the effects of `{group.name}` are made when asked for"
        for group in spec.main.groups
        if spec.main.variable("r", group) not in posterior
    )
    return replace(
        draws,
        posterior=_in_order(spec, posterior),
        notes=(*draws.notes, *absent),
        seconds=time.perf_counter() - started,
    )


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
