"""Chains of (theta, w): nested proposals, corrected exactly by independence Metropolis-Hastings.

A round's weights, target over proposal of (theta, w), are also unbiased weights of theta alone,
as w given theta is drawn from a normalised density; so theta's proposal is adapted as in the exact
engine, while the proposal of w given theta stays.

The proposals of the chains pass the filter of `exact.metropolis` first. The integrated effects are
drawn where a proposal has passed, from the values at the nodes that are at hand there; a state is
theta and w with these effects, and is carried along as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.convergence import pareto_khat
from poolish.engines.exact.adaptation import Round, efficiency, refine
from poolish.engines.exact.metropolis import accept, kept_share, log_ceiling
from poolish.engines.exact.mode import axes_of, split_along
from poolish.engines.exact.newton import climb
from poolish.engines.exact.proposals import Mixture, Proposal, SplitT
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.protocol import Plan
from poolish.engines.quadrature.effects import draw_effects
from poolish.engines.quadrature.inner_mode import find_inner_mode
from poolish.engines.quadrature.nested import Nested
from poolish.engines.quadrature.nodes import Chosen, choose_nodes
from poolish.engines.quadrature.problem import Problem
from poolish.engines.quadrature.proposals import Conditional, Joint, fit_conditional

# A round is good enough when this share of its draws is effective, and no tail is missed.
GOOD_EFFICIENCY, GOOD_KHAT = 0.6, 0.5
MAX_ROUNDS = 4
LONGER, LONGER_SHARE = 3.0, 0.1
ROUND_SIZE = 600
# First steps of each chain, left out.
BURN_IN = 25


@dataclass(frozen=True, slots=True)
class Sample:
    """Chains, and how well the proposal fitted.

    Parameters
    ----------
    problem : Problem
        With the number of nodes that was used.
    x : ndarray, shape (chain, draw, parameter)
        theta, then w.
    v : ndarray, shape (chain, draw, level)
        Standard normal effects of the integrated term; no levels where they are not wanted.
    lp : ndarray, shape (chain, draw)
    khat, efficiency, acceptance : float
        As in the exact engine.
    quadrature_error : float
        By how much the log likelihood moves with many more nodes, see `nodes`.
    """

    problem: Problem
    x: np.ndarray
    v: np.ndarray
    lp: np.ndarray
    khat: float
    efficiency: float
    acceptance: float
    quadrature_error: float


def sample(
    problem: Problem,
    start: tuple[np.ndarray, np.ndarray],
    plan: Plan,
    *,
    effort: int,
    keeps_effects: bool,
) -> Sample:
    """Return chains of theta, w and the effects drawn with them.

    Parameters
    ----------
    problem : Problem
    start : tuple of ndarray
        theta and w where the searches begin.
    plan : Plan
    effort : int
        0 at first; each further attempt adapts longer.
    keeps_effects : bool
        Whether the integrated effects are drawn.
    """
    theta, w = start
    w = find_inner_mode(problem, theta, w).w
    nested = Nested(problem.centred_at(theta, w), w)
    mode, _ = climb(nested.log_density, theta)
    w = find_inner_mode(problem, mode, w).w
    problem = problem.centred_at(mode, w)
    nested = Nested(problem, w)
    mode, hessian = climb(nested.log_density, mode)
    outer = split_along(nested.log_density, mode, axes_of(hessian))
    conditional, modes = fit_conditional(problem, outer, nested.start)
    chosen = choose_nodes(problem, outer, modes)
    final = adapt(chosen.problem, with_long_tails(outer), conditional, plan, effort=effort)
    return _chains(chosen, final, plan, keeps_effects=keeps_effects)


def split(problem: Problem, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return theta and w of x, along the last axis."""
    return x[..., : problem.outer.size], x[..., problem.outer.size :]


def with_long_tails(outer: SplitT) -> Mixture:
    """Return the proposal mixed with one that reaches further.

    Where the data allow a standard deviation of 0, or an infinite shape, the density of the
    logarithm falls to that side only exponentially.
    """
    longer = replace(outer, below=LONGER * outer.below, above=LONGER * outer.above)
    return Mixture([outer, longer], np.array([1.0 - LONGER_SHARE, LONGER_SHARE]))


def adapt(
    problem: Problem, outer: Proposal, conditional: Conditional, plan: Plan, *, effort: int
) -> Round:
    """Return the most efficient round of joint proposals; stops at the first good enough."""
    rng = stream(plan.seed, Purpose.ADAPTATION, effort)
    d = problem.outer.size
    size = max(ROUND_SIZE, 25 * d) * 2**effort
    goal = 1 - (1 - GOOD_EFFICIENCY) / 2**effort

    def is_good(item: Round) -> bool:
        is_efficient = efficiency(item.log_weights) >= goal
        return is_efficient and pareto_khat(item.log_weights) < GOOD_KHAT

    rounds = [_evaluate(problem, Joint(outer, conditional, d), rng, size)]
    while d > 0 and not is_good(rounds[-1]) and len(rounds) <= MAX_ROUNDS * (1 + effort):
        refined = refine([_of_theta(item, conditional, d) for item in rounds], rng)
        rounds.append(_evaluate(problem, Joint(refined, conditional, d), rng, size))
    return max(rounds, key=lambda item: efficiency(item.log_weights))


def _evaluate(problem: Problem, proposal: Joint, rng: np.random.Generator, size: int) -> Round:
    x = proposal.sample(rng, size)
    d = proposal.n_outer
    return Round(proposal, x, problem.log_density(x[:, :d], x[:, d:]), proposal.log_density(x))


def _of_theta(item: Round, conditional: Conditional, d: int) -> Round:
    """Return the round as one of theta alone, the same weights."""
    assert isinstance(item.proposal, Joint)
    theta, w = item.theta[:, :d], item.theta[:, d:]
    log_conditional = conditional.log_density(theta, w)
    return replace(
        item,
        proposal=item.proposal.outer,
        theta=theta,
        log_target=item.log_target - log_conditional,
        log_proposal=item.log_proposal - log_conditional,
    )


@dataclass(frozen=True, slots=True)
class _States:
    """States of the chains; weights are those after the filter."""

    x: np.ndarray
    v: np.ndarray
    lp: np.ndarray
    log_weight: np.ndarray


def _chains(chosen: Chosen, final: Round, plan: Plan, *, keeps_effects: bool) -> Sample:
    problem, n_steps = chosen.problem, BURN_IN + plan.draws
    n_levels = problem.n_integrated_levels if keeps_effects else 0
    rng = stream(plan.seed, Purpose.PROPOSALS)
    effects_rng = stream(plan.seed, Purpose.JOINT_EFFECTS)
    states, log_weights = _passed(
        problem, final, plan.chains * n_steps, n_levels, (rng, effects_rng)
    )
    places = np.arange(plan.chains * n_steps).reshape(plan.chains, n_steps)
    index = np.array(
        [
            row[accept(states.log_weight[row], np.log(rng.random(n_steps)), -np.inf)]
            for row in places
        ]
    )
    stays = index != places
    for values in (states.x, states.v, states.lp):
        # A state that is copied is never one that is overwritten.
        values[places[stays]] = values[index[stays]]
    x, v, lp = (
        values.reshape(*places.shape, *values.shape[1:])[:, BURN_IN:]
        for values in (states.x, states.v, states.lp)
    )
    return Sample(
        problem=problem,
        x=x,
        v=v,
        lp=lp,
        khat=pareto_khat(log_weights),
        efficiency=efficiency(log_weights),
        acceptance=1.0 - float(stays[:, BURN_IN:].mean()),
        quadrature_error=chosen.error,
    )


def _passed(
    problem: Problem,
    warm_up: Round,
    size: int,
    n_levels: int,
    rngs: tuple[np.random.Generator, np.random.Generator],
) -> tuple[_States, np.ndarray]:
    """Return so many proposals that have passed the filter, and the log weights of all.

    Parameters
    ----------
    problem : Problem
    warm_up : Round
        Draws from the proposal, already evaluated.
    size : int
    n_levels : int
        Of the integrated term; 0 when its effects are not wanted.
    rngs : tuple of Generator
        For proposals and for effects.
    """
    rng, effects_rng = rngs
    ceiling = log_ceiling(warm_up.log_weights)
    share = max(float(np.mean(kept_share(warm_up.log_weights, ceiling))), 0.1)
    states = _States(
        *(np.empty((size, *n)) for n in (warm_up.theta.shape[1:], (n_levels,), (), ()))
    )
    log_weights, done = [warm_up.log_weights], 0
    while done < size:
        x = warm_up.proposal.sample(rng, int((size - done) / share) + 1)
        log_proposal = warm_up.proposal.log_density(x)
        for part, found in problem.evaluations(*split(problem, x)):
            log_weight = found.log_density - log_proposal[part]
            log_weights.append(log_weight)
            is_kept = rng.random(len(log_weight)) < kept_share(log_weight, ceiling)
            # Without a finite weight nothing can be told: all are kept, and the gate refuses them.
            kept = np.flatnonzero(is_kept | ~np.isfinite(ceiling))[: size - done]
            to = slice(done, done + len(kept))
            states.x[to], states.lp[to] = x[part][kept], found.log_density[kept]
            states.log_weight[to] = np.maximum(log_weight[kept], ceiling)
            if n_levels and len(kept):
                states.v[to] = draw_effects(effects_rng, problem, found, kept)
            done = to.stop
            if done == size:
                break
    return states, np.concatenate(log_weights)
