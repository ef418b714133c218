"""Independence Metropolis-Hastings: chains of theta, with (b, u) drawn exactly as they go.

Proposals depend neither on a chain's state nor on its number, so those of all chains are evaluated
together, block by block; and the factors of the states are at hand when the effects are drawn.

Where an evaluation is cheap the proposals pass a filter first: one of weight w = f / g is kept
with probability min(1, w / c). Those kept have a density that is proportional to min(f, c g): as
proposals of a chain they weigh max(1, w / c), nearly all the same, and the chain seldom repeats
itself. Where it is costly there is no filter: c = 0.
Tierney (1994), Annals of Statistics 22(4), 1701-1728, sections 2.3.3 and 2.3.4 (rejection sampling
chains). doi:10.1214/aos/1176325750
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.adaptation import Round
from poolish.engines.exact.marginal import Factored, JointDraw
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.exact.target import Target

CARRIED = -1
# The filter lets at least this share of the proposals through, as far as the warm-up can tell.
MIN_KEPT = 0.6


@dataclass(frozen=True, slots=True)
class Chains:
    """All chains.

    Parameters
    ----------
    theta : ndarray, shape (chain, draw, parameter)
    lp : ndarray, shape (chain, draw)
        Log posterior density of theta, unconstrained scale.
    joint : JointDraw
        b and the group effects drawn with it, arrays (chain, draw, ...).
    """

    theta: np.ndarray
    lp: np.ndarray
    joint: JointDraw

    @property
    def n_moves(self) -> int:
        """Return how often a chain went to another theta."""
        return int((np.diff(self.theta, axis=1) != 0).any(axis=2).sum())


@dataclass(frozen=True, slots=True)
class _Points:
    """Values of theta with all that is known there; weights are those after the filter."""

    theta: np.ndarray
    lp: np.ndarray
    log_weight: np.ndarray
    factored: Factored

    def take(self, index: np.ndarray) -> _Points:
        return _Points(
            self.theta[index], self.lp[index], self.log_weight[index], self.factored.take(index)
        )


def walk(
    target: Target, warm_up: Round, *, draws: int, chains: int, draws_per_theta: int, seed: int
) -> tuple[Chains, np.ndarray]:
    """Return chains that begin at the end of a warm-up, and the log weights of all proposals.

    Parameters
    ----------
    target : Target
    warm_up : Round
        Draws from the proposal, already evaluated: the chains' first steps.
    draws, chains : int
    draws_per_theta : int
        How many draws of the effects each theta serves.
    seed : int
    """
    rng = stream(seed, Purpose.PROPOSALS)
    noise_rng = stream(seed, Purpose.JOINT_EFFECTS)
    ceiling = log_ceiling(warm_up.log_weights) if target.likelihood.is_cheap else -np.inf
    per_kept = 1.0 / max(float(np.mean(kept_share(warm_up.log_weights, ceiling))), 0.1)
    states = _ends_of_warm_up(target, warm_up, ceiling, chains, rng)
    steps: list[Chains] = []
    log_weights = []
    n_left = -(-draws // draws_per_theta)
    while n_left:
        wanted = int(n_left * chains * per_kept) + chains
        theta = warm_up.proposal.sample(rng, min(max(target.likelihood.batch, chains), wanted))
        factored, lp = _evaluate(target, theta)
        log_weights.append(lp - warm_up.proposal.log_density(theta))
        kept = np.flatnonzero(rng.random(len(theta)) < kept_share(log_weights[-1], ceiling))
        n_steps = min(len(kept) // chains, n_left)
        if not n_steps:
            continue
        proposed = _Points(theta, lp, np.maximum(log_weights[-1], ceiling), factored)
        rows = _accepted(states, proposed, kept[: n_steps * chains].reshape(chains, -1), rng)
        noise_shape = (chains, n_steps * draws_per_theta, target.likelihood.n_noise)
        noise = noise_rng.standard_normal(noise_shape)
        steps.append(_taken(target, states, proposed, np.repeat(rows, draws_per_theta, 1), noise))
        states = [
            state if last == CARRIED else proposed.take(np.array([last]))
            for state, last in zip(states, rows[:, -1], strict=True)
        ]
        n_left -= n_steps
    return _joined(steps, draws), np.concatenate(log_weights)


def log_ceiling(log_weights: np.ndarray) -> float:
    """Return the largest log weight, or less where that would keep less than `MIN_KEPT`."""
    ordered = np.sort(log_weights[np.isfinite(log_weights)])
    if not len(ordered):
        return -np.inf
    weights = np.exp(ordered - ordered[-1])
    with np.errstate(divide="ignore", invalid="ignore"):  # far below the largest all are kept
        below = np.cumsum(weights) / weights
    kept = (below + np.arange(len(ordered))[::-1]) / len(log_weights)
    return float(ordered[max(int(np.sum(kept >= MIN_KEPT)) - 1, 0)])


def kept_share(log_weights: np.ndarray, ceiling: float) -> np.ndarray:
    """Return min(1, w / c) for each weight; 0 for those of no weight."""
    with np.errstate(invalid="ignore"):
        share = np.exp(np.minimum(log_weights - ceiling, 0.0))
    return np.where(np.isfinite(log_weights), share, 0.0)


def accept(log_weight: np.ndarray, log_uniform: np.ndarray, current: float) -> np.ndarray:
    """Return the position of the state after each proposal: its own, an earlier one, or CARRIED."""
    if ((log_weight == log_weight[:1]) & (log_weight >= current) & np.isfinite(log_weight)).all():
        return np.arange(len(log_weight))  # equal weights, as after the filter: none is refused
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


def _ends_of_warm_up(
    target: Target, warm_up: Round, ceiling: float, chains: int, rng: np.random.Generator
) -> list[_Points]:
    """Return where each chain stands after the warm-up's draws, divided among the chains."""
    finite = np.flatnonzero(np.isfinite(warm_up.log_weights))
    log_uniform = np.log(rng.random(len(finite)))
    ends = []
    for chain in range(chains):
        own = finite[chain::chains]
        at = accept(warm_up.log_weights[own], log_uniform[chain::chains], -np.inf)[-1]
        ends.append(own[at])
    theta = warm_up.theta[ends]
    factored, lp = _evaluate(target, theta)
    log_weight = np.maximum(warm_up.log_weights[ends], ceiling)
    all_ends = _Points(theta, lp, log_weight, factored)
    return [all_ends.take(np.array([chain])) for chain in range(chains)]


def _accepted(
    states: list[_Points], proposed: _Points, kept: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return which proposal each chain is at after each step, or CARRIED, shape (chain, step)."""
    log_uniform = np.log(rng.random(kept.shape))
    rows = np.empty_like(kept)
    for row, state, own, uniform in zip(rows, states, kept, log_uniform, strict=True):
        index = accept(proposed.log_weight[own], uniform, float(state.log_weight[0]))
        row[:] = np.where(index == CARRIED, CARRIED, own[index])
    return rows


def _taken(
    target: Target, states: list[_Points], proposed: _Points, rows: np.ndarray, noise: np.ndarray
) -> Chains:
    """Return the steps of all chains: first those at the states carried, then the proposals."""
    carried = rows == CARRIED
    if not carried.any():
        return _at(target, proposed, rows.ravel(), noise.reshape(rows.size, -1), rows.shape)
    then = _at(target, proposed, rows[~carried], noise[~carried], (1, -1))
    first = [
        _at(target, state, np.zeros(int(here.sum()), dtype=int), own[here], (1, -1))
        for state, here, own in zip(states, carried, noise, strict=True)
        if here.any()
    ]

    def merged(parts: list[np.ndarray], others: np.ndarray) -> np.ndarray:
        found = np.empty((*carried.shape, *others.shape[2:]))
        found[carried], found[~carried] = np.concatenate(parts, axis=1)[0], others[0]
        return found

    return Chains(
        merged([part.theta for part in first], then.theta),
        merged([part.lp for part in first], then.lp),
        JointDraw(
            merged([part.joint.b for part in first], then.joint.b),
            {
                f: merged([part.joint.effects[f] for part in first], u)
                for f, u in then.joint.effects.items()
            },
        ),
    )


def _at(
    target: Target, points: _Points, index: np.ndarray, noise: np.ndarray, shape: tuple[int, ...]
) -> Chains:
    """Return steps at some of the points, arrays (*shape, ...)."""
    joint = target.likelihood.draw(points.factored, index, noise)

    def shaped(values: np.ndarray) -> np.ndarray:
        return values.reshape(*shape, *values.shape[1:])

    effects = {f: shaped(u) for f, u in joint.effects.items()}
    theta, lp = points.theta[index], points.lp[index]
    return Chains(shaped(theta), shaped(lp), JointDraw(shaped(joint.b), effects))


def _joined(steps: list[Chains], draws: int) -> Chains:
    """Return steps one after the other, as many as there should be draws."""

    def joined(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts, axis=1)[:, :draws]

    effects = {f: joined([part.joint.effects[f] for part in steps]) for f in steps[0].joint.effects}
    return Chains(
        joined([part.theta for part in steps]),
        joined([part.lp for part in steps]),
        JointDraw(joined([part.joint.b for part in steps]), effects),
    )
