"""Sampling theta without a compiler: mode, split t, adaptation when needed, independence chains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.convergence import pareto_khat
from poolish.engines.exact.adaptation import Round, efficiency, evaluate_round, lighten, refine
from poolish.engines.exact.metropolis import Chains, walk
from poolish.engines.exact.mode import axes_of, find_mode, split_along, split_at_mode
from poolish.engines.exact.newton import climb
from poolish.engines.exact.proposals import SplitT
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.exact.target import Target
from poolish.engines.protocol import Plan

# A round is good enough when this share of its draws is effective, and k-hat says that no tail is
# missed; where one evaluation is costly, more adaptation costs more than it gains.
GOOD_EFFICIENCY, COSTLY_EFFICIENCY = 0.7, 0.6
GOOD_KHAT = 0.5
MAX_ROUNDS = 4
ROUND_SIZE, COSTLY_ROUND_SIZE = 400, 60
# A costly theta serves several draws of the effects, while this many are left a chain.
MAX_DRAWS_PER_THETA, MIN_THETA = 4, 250


@dataclass(frozen=True, slots=True)
class Sample:
    """Chains, and how well the proposal fitted.

    Parameters
    ----------
    chains : Chains
    khat : float
        Pareto shape of the largest importance weights of the proposal; above 0.7 the proposal
        misses a tail (Vehtari et al. 2024, JMLR 25(72), 1-58).
    efficiency : float
        Effective share of the proposals as importance draws.
    acceptance : float
        Share of steps that took the chain to another theta.
    draws_per_theta : int
    """

    chains: Chains
    khat: float
    efficiency: float
    acceptance: float
    draws_per_theta: int


def sample(target: Target, first: SplitT, plan: Plan, *, effort: int = 0) -> Sample:
    """Return chains of theta and of the effects drawn with it.

    Parameters
    ----------
    target : Target
    first : SplitT
        Of `first_proposal`.
    plan : Plan
    effort : int
        0 at first; each further attempt adapts longer, with twice as many proposals a round.
    """
    final = adapt(target, first, plan, effort=effort)
    per_theta = draws_per_theta(target, plan)
    chains, proposed = walk(
        target,
        final,
        draws=plan.draws,
        chains=plan.chains,
        draws_per_theta=per_theta,
        seed=plan.seed,
    )
    log_weights = np.concatenate([final.log_weights, proposed])
    n_steps = plan.chains * (plan.draws / per_theta - 1)
    return Sample(
        chains=chains,
        khat=pareto_khat(log_weights),
        efficiency=efficiency(log_weights),
        acceptance=chains.n_moves / max(n_steps, 1),
        draws_per_theta=per_theta,
    )


def adapt(target: Target, first: SplitT, plan: Plan, *, effort: int) -> Round:
    """Return the most efficient round of proposals; stops at the first that is good enough."""
    rng = stream(plan.seed, Purpose.ADAPTATION, effort)
    is_costly = target.likelihood.is_costly
    size = max(COSTLY_ROUND_SIZE if is_costly else ROUND_SIZE, 15 * target.size) * 2**effort
    goal = 1 - (1 - (COSTLY_EFFICIENCY if is_costly else GOOD_EFFICIENCY)) / 2**effort
    rounds = [evaluate_round(target, first, rng, size)]
    # Where the filter does not level the weights, lighter tails do where the target has them.
    lighter = None if target.likelihood.is_cheap else lighten(rounds[0])
    if lighter is not None:
        rounds.append(evaluate_round(target, lighter, rng, size))
    while not (is_good := _is_good(rounds[-1], goal)) and len(rounds) <= MAX_ROUNDS * (1 + effort):
        rounds.append(evaluate_round(target, refine(rounds, rng), rng, size))
    if is_good:
        return rounds[-1]
    return max(rounds, key=lambda item: efficiency(item.log_weights))


def first_proposal(target: Target, start: np.ndarray) -> SplitT:
    """Return the split t at the mode that is found from `start`, shape (parameter,).

    From values alone where these are cheap.
    """
    if not target.likelihood.is_cheap:
        return split_at_mode(target, find_mode(target, start))
    mode, hessian = climb(target.log_density, start)
    return split_along(target.log_density, mode, axes_of(hessian))


def _is_good(item: Round, goal: float) -> bool:
    return efficiency(item.log_weights) >= goal and pareto_khat(item.log_weights) <= GOOD_KHAT


def draws_per_theta(target: Target, plan: Plan) -> int:
    """Return how many draws of the effects share one theta: 1 unless theta is costly."""
    if not target.likelihood.is_costly:
        return 1
    return int(np.clip(plan.draws // MIN_THETA, 1, MAX_DRAWS_PER_THETA))
