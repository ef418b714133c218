"""Independence Metropolis-Hastings: chains of theta, with (b, u) drawn exactly as they go.

Proposals do not depend on the chain's state, so a block of them is evaluated at once; and the
factor of the current state is at hand when the effects are drawn, so it is computed only once.
Tierney (1994), Annals of Statistics 22(4), 1701-1728, section 2.3.3. doi:10.1214/aos/1176325750
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.adaptation import Round
from poolish.engines.exact.marginal import Factored, JointDraw
from poolish.engines.exact.proposals import Proposal
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.exact.target import Target

CARRIED = -1


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain.

    Parameters
    ----------
    theta : ndarray, shape (draw, parameter)
    lp : ndarray, shape (draw,)
        Log posterior density of theta, unconstrained scale.
    joint : JointDraw
        b and the group effects drawn with it.
    log_weights : ndarray, shape (proposal,)
    n_accepted : int
    """

    theta: np.ndarray
    lp: np.ndarray
    joint: JointDraw
    log_weights: np.ndarray
    n_accepted: int


@dataclass(frozen=True, slots=True)
class _State:
    theta: np.ndarray
    lp: float
    log_weight: float
    factored: Factored


def walk(
    target: Target,
    proposal: Proposal,
    warm_up: Round,
    *,
    draws: int,
    draws_per_theta: int,
    seed: int,
    chain: int,
) -> Chain:
    """Return one chain of `draws` draws, started at the end of a warm-up.

    Parameters
    ----------
    target : Target
    proposal : Proposal
    warm_up : Round
        Draws from the same proposal, already evaluated: the chain's first steps.
    draws : int
    draws_per_theta : int
        How many draws of the effects each theta serves.
    seed, chain : int
    """
    rng = stream(seed, Purpose.PROPOSALS, chain)
    n_theta = -(-draws // draws_per_theta)
    theta = proposal.sample(rng, n_theta)
    log_proposal = proposal.log_density(theta)
    log_uniform = np.log(rng.random(n_theta))
    noise_rng = stream(seed, Purpose.JOINT_EFFECTS, chain)
    noise = noise_rng.standard_normal((n_theta * draws_per_theta, target.likelihood.n_noise))

    state = _end_of_warm_up(target, warm_up, rng)
    parts: list[tuple[np.ndarray, np.ndarray, JointDraw]] = []
    weights = []
    for start in range(0, n_theta, target.likelihood.batch):
        block = slice(start, min(start + target.likelihood.batch, n_theta))
        proposed, lp = _evaluate(target, theta[block])
        log_weight = lp - log_proposal[block]
        index = accept(log_weight, log_uniform[block], state.log_weight)
        repeated = np.repeat(index, draws_per_theta)
        rows = slice(block.start * draws_per_theta, block.stop * draws_per_theta)
        joint = _draw(target, state.factored, proposed, repeated, noise[rows])
        here = repeated[:, None] != CARRIED
        parts.append(
            (
                np.where(here, theta[block][repeated], state.theta),
                np.where(here[:, 0], lp[repeated], state.lp),
                joint,
            )
        )
        weights.append(log_weight)
        last = index[-1:]
        if last[0] != CARRIED:
            at = int(last[0])
            state = _State(
                theta[block][at], float(lp[at]), float(log_weight[at]), proposed.take(last)
            )
    return _chain(parts, np.concatenate(weights), draws)


def accept(log_weight: np.ndarray, log_uniform: np.ndarray, current: float) -> np.ndarray:
    """Return the position of the state after each proposal: its own, an earlier one, or CARRIED."""
    index = np.empty(len(log_weight), dtype=int)
    at = CARRIED
    pairs = zip(log_weight.tolist(), log_uniform.tolist(), strict=True)
    for i, (weight, uniform) in enumerate(pairs):
        if uniform < weight - current:
            at, current = i, weight
        index[i] = at
    return index


def _evaluate(target: Target, theta: np.ndarray) -> tuple[Factored, np.ndarray]:
    with np.errstate(all="ignore"):
        covariances, log_prior = target.prior(theta)
        factored = target.likelihood.factor(covariances)
        lp = factored.log_likelihood + log_prior
    return factored, np.where(np.isfinite(lp), lp, -np.inf)


def _end_of_warm_up(target: Target, warm_up: Round, rng: np.random.Generator) -> _State:
    finite = np.flatnonzero(np.isfinite(warm_up.log_weights))
    order = rng.permutation(finite)
    weights = warm_up.log_weights[order]
    index = accept(weights, np.log(rng.random(len(order))), -np.inf)
    at = order[index[-1]]
    theta = warm_up.theta[at]
    factored, lp = _evaluate(target, theta[None])
    return _State(theta, float(lp[0]), float(warm_up.log_weights[at]), factored)


def _draw(
    target: Target, carried: Factored, proposed: Factored, index: np.ndarray, noise: np.ndarray
) -> JointDraw:
    """Return draws from the carried state's factor, then from those of the block."""
    n_carried = int(np.sum(index == CARRIED))
    old = np.zeros(n_carried, dtype=int)
    likelihood = target.likelihood
    first = likelihood.draw(carried, old, noise[:n_carried])
    then = likelihood.draw(proposed, index[n_carried:], noise[n_carried:])
    return _joined([first, then])


def _joined(parts: list[JointDraw]) -> JointDraw:
    return JointDraw(
        np.concatenate([part.b for part in parts]),
        {f: np.concatenate([part.effects[f] for part in parts]) for f in parts[0].effects},
    )


def _chain(
    parts: list[tuple[np.ndarray, np.ndarray, JointDraw]], log_weights: np.ndarray, draws: int
) -> Chain:
    theta = np.concatenate([part[0] for part in parts])[:draws]
    joint = _joined([part[2] for part in parts])
    kept = JointDraw(joint.b[:draws], {f: u[:draws] for f, u in joint.effects.items()})
    lp = np.concatenate([part[1] for part in parts])[:draws]
    moved = (np.diff(theta, axis=0) != 0).any(axis=1)
    return Chain(theta, lp, kept, log_weights, int(moved.sum()))
