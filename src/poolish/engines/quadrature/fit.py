"""The quadrature engine: sample theta and w, draw the integrated effects, check."""

from __future__ import annotations

import time

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact import trust
from poolish.engines.protocol import Draws, Engine, Plan
from poolish.engines.quadrature.nodes import START_NODES
from poolish.engines.quadrature.problem import build_problem
from poolish.engines.quadrature.reach import can_fit
from poolish.engines.quadrature.sampler import Sample, sample, split
from poolish.engines.quadrature.start import starting_point
from poolish.spec.model import ModelSpec

NAME = "quadrature"
MAX_EFFORT = 1
# Above this the nodes do not follow the integrand somewhere in the posterior.
MAX_QUADRATURE_ERROR = 0.02


def fit(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    """Return draws from the posterior of a model within the quadrature engine's reach."""
    started = time.perf_counter()
    problem = build_problem(spec, design, n_nodes=START_NODES)
    problem = problem.at_resolution(*starting_point(problem, spec, design))
    start = starting_point(problem, spec, design)
    keeps = plan.keeps(spec.main.groups)
    for effort in range(MAX_EFFORT + 1):
        sampled = sample(problem, start, plan, effort=effort, keeps_effects=keeps)
        draws = _parameter_draws(spec, sampled)
        if gate(draws) is None:
            break
    effects = _group_draws(spec, sampled) if keeps else {}
    notes = []
    if spec.main.groups:
        notes.append(f"{len(sampled.problem.rule.nodes)} quadrature nodes per group")
    if not keeps:
        notes.append("draws of the group effects are not kept: `keep_groups=True` keeps them")
    seconds = time.perf_counter() - started
    posterior = {**draws.posterior, **effects}
    return Draws(posterior, draws.sample_stats, NAME, seconds, notes=tuple(notes))


def gate(draws: Draws) -> str | None:
    """Return None when the draws can be trusted, else what is wrong in one clause."""
    error = float(draws.sample_stats["quadrature_error"])
    if not error <= MAX_QUADRATURE_ERROR:
        return f"the log density by quadrature is off by {error:.2f}"
    return trust.gate(draws)


def _parameter_draws(spec: ModelSpec, sampled: Sample) -> Draws:
    """Return b, standard deviations and the family's own parameter."""
    problem, (chains, draws, _) = sampled.problem, sampled.x.shape
    theta, w = split(problem, sampled.x.reshape(chains * draws, -1))
    natural = problem.outer.natural(theta)
    posterior: dict[str, np.ndarray] = {"b": problem.inner.typed(w).reshape(chains, draws, -1)}
    for factor, group in enumerate(spec.main.groups):
        rows = [i for i, term in enumerate(problem.terms.all) if term.factor == factor]
        sd = natural.sds[rows].T.reshape(chains, draws, len(rows))
        posterior[spec.main.variable("sd", group)] = sd
    for name in spec.auxiliary:
        posterior[name] = natural.auxiliary.reshape(chains, draws)
    statistics = {
        "lp": sampled.lp,
        "khat": np.array(sampled.khat),
        "efficiency": np.array(sampled.efficiency),
        "acceptance": np.array(sampled.acceptance),
        "quadrature_error": np.array(sampled.quadrature_error),
    }
    return Draws(posterior, statistics, NAME, 0.0)


def _group_draws(spec: ModelSpec, sampled: Sample) -> dict[str, np.ndarray]:
    """Return the group effects, shape (chain, draw, level, effect), by name."""
    problem, (chains, draws, _) = sampled.problem, sampled.x.shape
    names = [spec.main.variable("r", group) for group in spec.main.groups]
    found = {
        name: np.empty((chains, draws, len(group.levels), len(group.effects)))
        for name, group in zip(names, spec.main.groups, strict=True)
    }
    theta, w = split(problem, sampled.x)
    sds = problem.outer.natural(theta.reshape(chains * draws, -1)).sds.reshape(-1, chains, draws, 1)
    at = problem.inner.n_coefs
    for position, term in enumerate(problem.terms.all):
        into = found[names[term.factor]][..., term.effect]
        if position == problem.terms.integrated:
            np.multiply(sampled.v, sds[position], out=into)
        else:
            np.multiply(w[..., at : at + term.n_levels], sds[position], out=into)
            at += term.n_levels
    return found


def describe(spec: ModelSpec) -> str:
    """Return why the quadrature engine suits a model, in one clause."""
    return f"{spec.family.name} with scalar group effects: integrated numerically, group by group"


ENGINE = Engine(name=NAME, can_fit=can_fit, describe=describe, fit=fit, gate=gate)
