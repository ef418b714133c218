"""Heavy-tailed densities that can be drawn from and evaluated: proposals for theta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, logsumexp


class Proposal(Protocol):
    """A normalised density on the real space of theta."""

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return independent draws, shape (size, parameter)."""

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density, shape (value,)."""


@dataclass(frozen=True, slots=True)
class SplitT:
    """A multivariate t with its own scale on each side of its mode, axis by axis.

    theta = mode + axes z s, z a t vector, s = above or below by the sign of each element of z.
    With equal sides it is the multivariate t.

    Parameters
    ----------
    mode : ndarray, shape (parameter,)
    axes : ndarray, shape (parameter, parameter)
    above, below : ndarray, shape (parameter,)
    nu : float

    References
    ----------
    Geweke (1989), Econometrica 57(6), 1317-1339, section 4. doi:10.2307/1913710
    """

    mode: np.ndarray
    axes: np.ndarray
    above: np.ndarray
    below: np.ndarray
    nu: float

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return independent draws, shape (size, parameter)."""
        d = len(self.mode)
        z = np.abs(rng.standard_normal((size, d)))
        is_above = rng.random((size, d)) < self.above / (self.above + self.below)
        z = np.where(is_above, z * self.above, -z * self.below)
        z *= np.sqrt(self.nu / rng.chisquare(self.nu, size))[:, None]
        return np.asarray(self.mode + z @ self.axes.T)

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density, shape (value,)."""
        d, nu = len(self.mode), self.nu
        z = (theta - self.mode) @ np.linalg.inv(self.axes).T
        z = np.where(z > 0, z / self.above, z / self.below)
        constant = (
            gammaln((nu + d) / 2)
            - gammaln(nu / 2)
            - d / 2 * np.log(nu * np.pi)
            - np.linalg.slogdet(self.axes)[1]
            - np.log((self.above + self.below) / 2).sum()
        )
        return np.asarray(constant - (nu + d) / 2 * np.log1p((z * z).sum(axis=1) / nu))


def student_t(mean: np.ndarray, covariance: np.ndarray, nu: float) -> SplitT:
    """Return a multivariate t with a scale matrix."""
    ones = np.ones(len(mean))
    return SplitT(mean, np.linalg.cholesky(covariance), ones, ones, nu)


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of proposals.

    Parameters
    ----------
    parts : sequence of Proposal
    shares : ndarray, shape (part,)
        Positive, adding up to 1.
    """

    parts: Sequence[Proposal]
    shares: np.ndarray

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return independent draws, shape (size, parameter), in random order."""
        counts = rng.multinomial(size, self.shares)
        drawn = [part.sample(rng, n) for part, n in zip(self.parts, counts, strict=True)]
        return rng.permutation(np.concatenate(drawn), axis=0)

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density, shape (value,)."""
        parts = np.array([part.log_density(theta) for part in self.parts])
        return np.asarray(logsumexp(parts + np.log(self.shares)[:, None], axis=0))
