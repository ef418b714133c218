"""The quadrature engine: sample theta and w, draw the integrated effects, check."""

from __future__ import annotations

import time

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact import trust
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.protocol import Draws, Engine, Plan
from poolish.engines.quadrature.effects import draw_effects
from poolish.engines.quadrature.nodes import START_NODES
from poolish.engines.quadrature.problem import Problem, build_problem
from poolish.engines.quadrature.reach import can_fit
from poolish.engines.quadrature.rows import chunks
from poolish.engines.quadrature.sampler import Sample, sample
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
    start = starting_point(problem, spec, design)
    for effort in range(MAX_EFFORT + 1):
        sampled = sample(problem, start, plan, effort=effort)
        draws = _parameter_draws(spec, sampled)
        if gate(draws) is None:
            break
    keeps = plan.keeps(spec.main.groups)
    effects = _group_draws(spec, sampled, plan) if keeps else {}
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
    theta, w = _split(problem, sampled.x.reshape(chains * draws, -1))
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


def _group_draws(spec: ModelSpec, sampled: Sample, plan: Plan) -> dict[str, np.ndarray]:
    """Return the group effects, shape (chain, draw, level, effect), by name."""
    problem, (chains, draws, _) = sampled.problem, sampled.x.shape
    names = [spec.main.variable("r", group) for group in spec.main.groups]
    found = {
        name: np.empty((chains, draws, len(group.levels), len(group.effects)))
        for name, group in zip(names, spec.main.groups, strict=True)
    }
    for chain, x in enumerate(sampled.x):
        rng = stream(plan.seed, Purpose.LATE_EFFECTS, chain)
        for position, u in _chain_effects(problem, x, rng).items():
            term = problem.terms.all[position]
            found[names[term.factor]][chain, :, :, term.effect] = u
    return found


def _chain_effects(
    problem: Problem, x: np.ndarray, rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """Return the effects of each term in one chain, shape (draw, level), by position."""
    theta, w = _split(problem, x)
    sds = problem.outer.natural(theta).sds
    found, at = {}, problem.inner.n_coefs
    for position in problem.terms.placed:
        n_levels = problem.terms.all[position].n_levels
        found[position] = w[:, at : at + n_levels] * sds[position][:, None]
        at += n_levels
    integrated = problem.terms.integrated
    if integrated is not None:
        v = _integrated_effects(problem, theta, w, rng)
        found[integrated] = v * sds[integrated][:, None]
    return found


def _integrated_effects(
    problem: Problem, theta: np.ndarray, w: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return standard normal effects of the integrated term, shape (draw, level)."""
    assert problem.terms.integrated is not None
    term = problem.terms.all[problem.terms.integrated]
    seen = np.unique(term.codes)
    # Levels without rows keep their prior.
    v = rng.standard_normal((len(theta), term.n_levels))
    for part in chunks(len(problem.full.offset), len(theta)):
        natural = problem.outer.natural(theta[part])
        beta = problem.inner.linear(w[part], natural.sds).beta
        merged, full = (
            (data.rows, problem.predictors(data, natural, beta))
            for data in (problem.merged, problem.full)
        )
        v[part, seen] = draw_effects(rng, merged, full, problem.classes, problem.centres).T
    return v


def _split(problem: Problem, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x[:, : problem.outer.size], x[:, problem.outer.size :]


def describe(spec: ModelSpec) -> str:
    """Return why the quadrature engine suits a model, in one clause."""
    return f"{spec.family.name} with scalar group effects: integrated numerically, group by group"


ENGINE = Engine(name=NAME, can_fit=can_fit, describe=describe, fit=fit, gate=gate)
