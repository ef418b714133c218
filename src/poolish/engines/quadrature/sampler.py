"""Chains of (theta, w): nested proposals, corrected exactly by independence Metropolis-Hastings.

A round's weights, target over proposal of (theta, w), are also unbiased weights of theta alone,
as w given theta is drawn from a normalised density; so theta's proposal is adapted as in the exact
engine, while the proposal of w given theta stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.convergence import pareto_khat
from poolish.engines.exact.adaptation import Round, efficiency, refine
from poolish.engines.exact.metropolis import accept
from poolish.engines.exact.mode import find_mode, split_at_mode
from poolish.engines.exact.proposals import Mixture, Proposal, SplitT
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.protocol import Plan
from poolish.engines.quadrature.inner_mode import find_inner_mode
from poolish.engines.quadrature.nested import Nested
from poolish.engines.quadrature.nodes import choose_nodes
from poolish.engines.quadrature.problem import Problem
from poolish.engines.quadrature.proposals import Conditional, Joint, fit_conditional

# A round is good enough when this share of its draws is effective, and no tail is missed.
GOOD_EFFICIENCY, GOOD_KHAT = 0.6, 0.5
MAX_ROUNDS = 4
LONGER, LONGER_SHARE = 3.0, 0.15
ROUND_SIZE = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """Chains, and how well the proposal fitted.

    Parameters
    ----------
    problem : Problem
        With the number of nodes that was used.
    x : ndarray, shape (chain, draw, parameter)
        theta, then w.
    lp : ndarray, shape (chain, draw)
    khat, efficiency, acceptance : float
        As in the exact engine.
    quadrature_error : float
        By how much the log likelihood moves with many more nodes, see `nodes`.
    """

    problem: Problem
    x: np.ndarray
    lp: np.ndarray
    khat: float
    efficiency: float
    acceptance: float
    quadrature_error: float


def sample(
    problem: Problem, start: tuple[np.ndarray, np.ndarray], plan: Plan, *, effort: int
) -> Sample:
    """Return chains of theta and w.

    Parameters
    ----------
    problem : Problem
    start : tuple of ndarray
        theta and w where the searches begin.
    plan : Plan
    effort : int
        0 at first; each further attempt adapts longer.
    """
    theta, w = start
    w = find_inner_mode(problem, theta, w).w
    mode = find_mode(Nested(problem.centred_at(theta, w), w), theta)
    w = find_inner_mode(problem, mode, w).w
    problem = problem.centred_at(mode, w)
    nested = Nested(problem, w)
    outer = split_at_mode(nested, mode)
    conditional, modes = fit_conditional(problem, outer, nested.start)
    chosen = choose_nodes(problem, outer, modes)
    final = adapt(chosen.problem, with_long_tails(outer), conditional, plan, effort=effort)
    return _chains(chosen.problem, final, plan, chosen.error)


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


def _chains(problem: Problem, final: Round, plan: Plan, error: float) -> Sample:
    assert isinstance(final.proposal, Joint)
    chains = [_walk(problem, final, plan, chain) for chain in range(plan.chains)]
    log_weights = np.concatenate([final.log_weights, *(c.log_weights for c in chains)])
    n_proposals = plan.chains * plan.draws
    return Sample(
        problem=problem,
        x=np.stack([chain.x for chain in chains]),
        lp=np.stack([chain.lp for chain in chains]),
        khat=pareto_khat(log_weights),
        efficiency=efficiency(log_weights),
        acceptance=sum(chain.n_accepted for chain in chains) / max(n_proposals, 1),
        quadrature_error=error,
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    x: np.ndarray
    lp: np.ndarray
    log_weights: np.ndarray
    n_accepted: int


def _walk(problem: Problem, warm_up: Round, plan: Plan, chain: int) -> _Chain:
    """Return one independence chain, the round's proposals in random order its warm-up."""
    rng = stream(plan.seed, Purpose.PROPOSALS, chain)
    assert isinstance(warm_up.proposal, Joint)
    proposed = _evaluate(problem, warm_up.proposal, rng, plan.draws)
    order = rng.permutation(np.flatnonzero(np.isfinite(warm_up.log_weights)))
    log_weights = np.concatenate([warm_up.log_weights[order], proposed.log_weights])
    index = accept(log_weights, np.log(rng.random(len(log_weights))), -np.inf)[len(order) :]
    x = np.concatenate([warm_up.theta[order], proposed.theta])[index]
    lp = np.concatenate([warm_up.log_target[order], proposed.log_target])[index]
    n_accepted = int((index == np.arange(len(order), len(log_weights))).sum())
    return _Chain(x, lp, proposed.log_weights, n_accepted)
