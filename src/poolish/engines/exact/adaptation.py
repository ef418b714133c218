"""Adaptive importance sampling: proposals that learn the shape of the target.

Cornuet, Marin, Mira & Robert (2012), Scandinavian J. Statistics 39(4), 798-812 (all draws so far
are weighted by the mixture of all proposals so far). doi:10.1111/j.1467-9469.2011.00756.x
The mixtures of t are fitted as in Cappe, Douc, Guillin, Marin & Robert (2008), Statistics and
Computing 18, 447-459. doi:10.1007/s11222-008-9059-x
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from poolish.engines.exact.mode import NU
from poolish.engines.exact.proposals import Mixture, Proposal, SplitT, student_t
from poolish.engines.exact.target import Target

N_PARTS = 3
EM_STEPS = 15
# Lighter tails that are tried when the target looks normal, and the factor by which the largest
# weight must fall to pay for another round.
LIGHTER_NU = (8.0, 12.0, 20.0)
WORTHWHILE = 1.1
# Where a mixture would leave a draw this many times the mean weight, a part is put around it.
HEAVY, MOST_LOCAL, NEIGHBOURS, LOCAL_SHARE = 5.0, 4, 10, 0.03
# The first proposal and a wide t keep a share each, so that a bad fit leaves no region out.
SAFE_SHARE, WIDE_FACTOR, WIDE_NU = 0.1, 1.5, 4.0


@dataclass(frozen=True, slots=True)
class Round:
    """One round of proposals, evaluated.

    Parameters
    ----------
    proposal : Proposal
    theta : ndarray, shape (value, parameter)
    log_target, log_proposal : ndarray, shape (value,)
    """

    proposal: Proposal
    theta: np.ndarray
    log_target: np.ndarray
    log_proposal: np.ndarray

    @property
    def log_weights(self) -> np.ndarray:
        """Return log importance weights."""
        return self.log_target - self.log_proposal


def evaluate_round(
    target: Target, proposal: Proposal, rng: np.random.Generator, size: int
) -> Round:
    """Return `size` draws from a proposal with both densities."""
    theta = proposal.sample(rng, size)
    return Round(proposal, theta, target.log_density(theta), proposal.log_density(theta))


def efficiency(log_weights: np.ndarray) -> float:
    """Return Kish's effective share of weighted draws, between 0 and 1."""
    if not np.isfinite(log_weights).any():
        return 0.0
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))


def lighten(item: Round) -> Proposal | None:
    """Return the split t of a round with lighter tails, where that flattens its weights.

    The largest weight is what makes an independence chain stick (Mengersen & Tweedie 1996); that
    of each candidate is predicted from the round's own draws.
    """
    if not isinstance(item.proposal, SplitT):
        return None
    candidates = [replace(item.proposal, nu=nu) for nu in LIGHTER_NU]
    largest = [np.max(item.log_target - c.log_density(item.theta)) for c in candidates]
    best = int(np.argmin(largest))
    gain = np.max(item.log_weights) - largest[best]
    return candidates[best] if gain > np.log(WORTHWHILE) else None


def refine(rounds: list[Round], rng: np.random.Generator) -> Proposal:
    """Return a proposal fitted to all rounds so far."""
    theta = np.concatenate([item.theta for item in rounds])
    log_target = np.concatenate([item.log_target for item in rounds])
    sizes = np.array([len(item.theta) for item in rounds], dtype=float)
    drawn_from = Mixture([item.proposal for item in rounds], sizes / sizes.sum())
    log_weights = log_target - drawn_from.log_density(theta)
    weights = np.exp(log_weights - logsumexp(log_weights))
    mean = weights @ theta
    spread = _spread(theta, mean, weights) + 1e-8 * np.eye(theta.shape[1])
    if len(rounds) == 1 or 1.0 / (weights**2).sum() < 30 * N_PARTS:
        parts, shares = [student_t(mean, 1.1 * spread, NU)], np.ones(1)
    else:
        parts, shares = _em(theta, weights, spread, rng)
    safe = [student_t(mean, WIDE_FACTOR * spread, WIDE_NU), rounds[0].proposal]
    all_shares = [*(shares * (1 - SAFE_SHARE * len(safe))), *([SAFE_SHARE] * len(safe))]
    mixture = Mixture([*parts, *safe], np.array(all_shares))
    log_mean = logsumexp(log_weights) - np.log(len(log_weights))
    for _ in range(MOST_LOCAL):
        missed = log_target - mixture.log_density(theta) - log_mean
        if missed.max() < np.log(HEAVY):
            break
        local = _around(theta, weights, theta[missed.argmax()], spread)
        kept = (1 - LOCAL_SHARE) * mixture.shares
        mixture = Mixture([*mixture.parts, local], np.append(kept, LOCAL_SHARE))
    return mixture


def _around(
    theta: np.ndarray, weights: np.ndarray, centre: np.ndarray, spread: np.ndarray
) -> SplitT:
    """Return a t around a place that has too much weight, as wide as its neighbours are far.

    Raftery & Bao (2010), Biometrics 66(4), 1162-1173, incremental mixture importance sampling.
    """
    z = np.linalg.solve(np.linalg.cholesky(spread), (theta - centre).T)
    near = np.argsort((z * z).sum(axis=0))[: NEIGHBOURS * theta.shape[1]]
    mixed = weights[near] + 1.0 / len(weights)
    scatter = _spread(theta[near], centre, mixed / mixed.sum())
    return student_t(centre, scatter + 1e-3 * spread, NU)


def _em(
    theta: np.ndarray, weights: np.ndarray, spread: np.ndarray, rng: np.random.Generator
) -> tuple[list[SplitT], np.ndarray]:
    """Return a mixture of t fitted to weighted draws by expectation maximisation."""
    centres = theta[rng.choice(len(theta), N_PARTS, p=weights)]
    parts = [student_t(centre, spread / N_PARTS, NU) for centre in centres]
    shares = np.full(N_PARTS, 1 / N_PARTS)
    for _ in range(EM_STEPS):
        logs = np.array([p.log_density(theta) for p in parts]) + np.log(shares)[:, None]
        member = np.exp(logs - logsumexp(logs, axis=0)) * weights
        shares = member.sum(axis=1) + 1e-9
        parts = [
            _updated(part, theta, row, share, 0.02 * spread)
            for part, row, share in zip(parts, member, shares, strict=True)
        ]
        shares = shares / shares.sum()
    stretched = [replace(part, axes=part.axes * np.sqrt(1.05)) for part in parts]
    return stretched, shares


def _updated(
    part: SplitT, theta: np.ndarray, member: np.ndarray, share: float, ridge: np.ndarray
) -> SplitT:
    """Return one part moved to its members; a t's latent scale downweights the far ones."""
    z = np.linalg.solve(part.axes, (theta - part.mode).T)
    pull = member * (NU + len(z)) / (NU + (z * z).sum(axis=0))
    mean = pull @ theta / (pull.sum() + 1e-12)
    scatter = (theta - mean).T @ (pull[:, None] * (theta - mean)) + ridge
    return student_t(mean, scatter / (share + 0.02), NU)


def _spread(theta: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray((theta - mean).T @ (weights[:, None] * (theta - mean)))
