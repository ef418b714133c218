"""Proposals of (theta, w): theta first, then w from a t whose centre and scale move with theta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from poolish.engines.exact.proposals import Proposal, SplitT
from poolish.engines.quadrature.inner_mode import InnerMode, find_inner_mode
from poolish.engines.quadrature.problem import Problem

# Where the inner mode is found, in scales of each axis; beyond the last the ends are kept.
PLACES = (-3.0, -1.5, 1.5, 3.0)
PAIR_PLACE = 1.7
FARTHEST = 3.0
MIN_NU = 8.0
# Numbers of one stack of scale matrices.
STACK_ELEMENTS = 4_000_000


@dataclass(frozen=True, slots=True)
class Conditional:
    """A multivariate t for w given theta.

    Its centre and the Cholesky factor of its scale are polynomials in the position of theta along
    the axes of `around`, fitted to the inner modes at a few places.

    Parameters
    ----------
    around : SplitT
    centre : ndarray, shape (feature, inner)
    root : ndarray, shape (feature, inner, inner)
        Lower triangles, the diagonal in logarithms.
    nu : float
    """

    around: SplitT
    centre: np.ndarray
    root: np.ndarray
    nu: float

    @property
    def size(self) -> int:
        """Return the number of inner parameters."""
        return self.centre.shape[1]

    def sample(self, rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
        """Return one w for each theta, shape (value, inner)."""
        noise = rng.standard_normal((len(theta), self.size))
        noise *= np.sqrt(self.nu / rng.chisquare(self.nu, len(theta)))[:, None]
        found = np.empty_like(noise)
        for part in self._parts(len(theta)):
            centre, root = self._at(theta[part])
            found[part] = centre + np.einsum("vij,vj->vi", root, noise[part])
        return found

    def log_density(self, theta: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the log density of each w at its theta, shape (value,)."""
        k, nu = self.size, self.nu
        constant = gammaln((nu + k) / 2) - gammaln(nu / 2) - k / 2 * np.log(nu * np.pi)
        found = np.full(len(theta), constant)
        for part in self._parts(len(theta)):
            centre, root = self._at(theta[part])
            z = np.linalg.solve(root, (w[part] - centre)[:, :, None])[:, :, 0]
            log_volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
            found[part] -= log_volume + (nu + k) / 2 * np.log1p((z * z).sum(axis=1) / nu)
        return found

    def _parts(self, n_values: int) -> list[slice]:
        step = max(1, STACK_ELEMENTS // max(self.size**2, 1))
        return [slice(start, start + step) for start in range(0, n_values, step)]

    def _at(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        terms = features(positions(self.around, theta))
        root = np.tensordot(terms, self.root, axes=1)
        diagonal = np.arange(self.size)
        root[:, diagonal, diagonal] = np.exp(root[:, diagonal, diagonal])
        return terms @ self.centre, root


@dataclass(frozen=True, slots=True)
class Joint:
    """A proposal of x = (theta, w).

    Parameters
    ----------
    outer : Proposal
        Of theta.
    conditional : Conditional
        Of w given theta.
    n_outer : int
    """

    outer: Proposal
    conditional: Conditional
    n_outer: int

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return independent draws, shape (size, parameter)."""
        theta = self.outer.sample(rng, size)
        return np.concatenate([theta, self.conditional.sample(rng, theta)], axis=1)

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density, shape (value,)."""
        outer, w = theta[:, : self.n_outer], theta[:, self.n_outer :]
        return self.outer.log_density(outer) + self.conditional.log_density(outer, w)


def positions(around: SplitT, theta: np.ndarray) -> np.ndarray:
    """Return theta in scales of each axis from the mode, kept within reach of the fit."""
    z = np.linalg.solve(around.axes, (theta - around.mode).T).T
    return np.clip(z, -FARTHEST * around.below, FARTHEST * around.above)


def features(z: np.ndarray) -> np.ndarray:
    """Return 1, z, z^2, z^3 and all products of two elements, shape (value, feature)."""
    first, second = np.triu_indices(z.shape[1], k=1)
    ones = np.ones((len(z), 1))
    return np.concatenate([ones, z, z**2, z**3, z[:, first] * z[:, second]], axis=1)


def places(around: SplitT) -> np.ndarray:
    """Return where the inner modes are found, shape (place, parameter), the mode first."""
    d = len(around.mode)
    axis, signs = np.eye(d), (-PAIR_PLACE, PAIR_PLACE)
    z = [np.zeros(d)]
    for i in range(d):
        z += [place * axis[i] for place in PLACES]
        z += [a * axis[i] + b * axis[j] for j in range(i) for a in signs for b in signs]
    scaled = np.array([np.where(one > 0, one * around.above, one * around.below) for one in z])
    return np.asarray(around.mode + scaled.reshape(len(z), d) @ around.axes.T)


def fit_conditional(
    problem: Problem, around: SplitT, start: np.ndarray
) -> tuple[Conditional, list[InnerMode]]:
    """Return the conditional fitted to the inner modes at `places`, and these modes."""
    theta = places(around)
    modes = [find_inner_mode(problem, one, start) for one in theta]
    terms = features(positions(around, theta))
    k = problem.inner.size
    diagonal = np.arange(k)
    roots = np.array([mode.root for mode in modes])
    roots[:, diagonal, diagonal] = np.log(roots[:, diagonal, diagonal])
    targets = np.column_stack([[mode.w for mode in modes], roots.reshape(len(theta), -1)])
    fitted = np.linalg.lstsq(terms, targets, rcond=None)[0]
    centre, root = fitted[:, :k], fitted[:, k:].reshape(len(fitted), k, k)
    return Conditional(around, centre, root, max(MIN_NU, float(k))), modes
