"""Maximum likelihood of each group from its own rows, for any family; all groups at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Log density of each row as a function of its linear predictor.
type RowDensity = Callable[[np.ndarray], np.ndarray]

_MOST_STEPS = 60
_MOST_HALVINGS = 25
_TOLERANCE = 1e-12
# Largest move of a linear predictor in one step, in units of its scale.
_LONGEST_STEP = 5.0
# Information per row below this share of that at the start: the likelihood rises towards infinity.
_LOST_INFORMATION = 1e-6
_RANK_TOLERANCE = 1e-10

FOUND, UNDETERMINED, SEPARATED, NOT_FOUND = "", "rank", "separated", "not found"


@dataclass(frozen=True, slots=True)
class GroupFits:
    """Estimates of the coefficients of each group.

    Parameters
    ----------
    estimate : ndarray, shape (level, coef)
        NaN where the rows do not determine it.
    covariance : ndarray, shape (level, coef, coef)
        Inverse of the observed information; NaN likewise.
    problem : ndarray of str, shape (level,)
        `rank`: some coefficient is not determined by the group's rows; `separated`: no finite
        estimate; `not found`: no convergence; empty when all is well.
    """

    estimate: np.ndarray
    covariance: np.ndarray
    problem: np.ndarray


def maximise_by_group(
    density: RowDensity,
    Z: np.ndarray,
    codes: np.ndarray,
    *,
    offset: np.ndarray,
    start: np.ndarray,
    scale: float = 1.0,
) -> GroupFits:
    """Return the maximum of the likelihood of every group, by Newton's method for all at once.

    Parameters
    ----------
    density : callable
        `density(eta)`: log density of each row, shape (obs,).
    Z : ndarray, shape (obs, coef)
    codes : ndarray of int, shape (obs,)
        The group of each row.
    offset : ndarray, shape (obs,)
        What else is in the linear predictor.
    start : ndarray, shape (level, coef)
    scale : float
        Of the linear predictor: derivatives are differences over a thousandth of it.

    Notes
    -----
    Steps are taken in the row space of each group's Z, so a group of one row or of one value of
    its predictor has a maximum where the data have one, and NaN elsewhere.

    References
    ----------
    Albert & Anderson (1984), Biometrika 71(1), 1-10, on data that leave no finite maximum.
    doi:10.1093/biomet/71.1.1
    """
    problem = _Problem(density, Z, codes, offset, len(start), scale)
    basis, sizes = problem.basis()
    theta = start.astype(float)
    slope, information = problem.derivatives(theta, basis, sizes)
    first = _smallest(information, sizes)
    is_done = np.zeros(len(theta), dtype=bool)
    for _ in range(_MOST_STEPS):
        step = np.where(is_done[:, None], 0.0, _ascent(slope, information))
        is_done |= np.einsum("lk,lk->l", step, slope) < _TOLERANCE
        if is_done.all():
            break
        theta = problem.climb(theta, problem.limit(np.einsum("lij,lj->li", basis, step)))
        slope, information = problem.derivatives(theta, basis, sizes)
    last = _smallest(information, sizes)
    return _describe(theta, basis, sizes, information, is_done, last / np.maximum(first, 1e-300))


@dataclass(frozen=True, slots=True)
class _Problem:
    """The likelihoods of all groups."""

    density: RowDensity
    Z: np.ndarray
    codes: np.ndarray
    offset: np.ndarray
    n_levels: int
    scale: float

    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """Return, by group, directions scaled to unit information per unit weight, and their rank.

        Directions that the rows do not determine are zero.
        """
        gram = self._outer(np.ones(len(self.codes)))
        values, vectors = np.linalg.eigh(gram)
        keep = values > _RANK_TOLERANCE * np.maximum(values[:, -1:], 1e-300)
        root = np.sqrt(np.where(keep, values, 1.0))
        return vectors * (keep / root)[:, None, :], keep

    def derivatives(
        self, theta: np.ndarray, basis: np.ndarray, keep: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and information by group, along the basis."""
        eta = self.linear(theta)
        first, second = _differences(self.density, eta, 1e-3 * self.scale)
        gradient = np.stack(
            [self._sum(first * self.Z[:, k]) for k in range(self.Z.shape[1])], axis=1
        )
        information = np.einsum("lki,lkm,lmj->lij", basis, self._outer(-second), basis)
        # One along directions that do not exist, whose gradient is zero.
        information += np.eye(self.Z.shape[1]) * ~keep[:, None, :]
        return np.einsum("lki,lk->li", basis, gradient), information

    def linear(self, theta: np.ndarray) -> np.ndarray:
        """Return the linear predictor of each row."""
        return np.asarray(self.offset + np.einsum("nk,nk->n", self.Z, theta[self.codes]))

    def limit(self, step: np.ndarray) -> np.ndarray:
        """Return the steps, shortened where they move a row's linear predictor too far."""
        moved = np.zeros(self.n_levels)
        np.maximum.at(moved, self.codes, np.abs(np.einsum("nk,nk->n", self.Z, step[self.codes])))
        longest = _LONGEST_STEP * self.scale
        return np.asarray(step * (longest / np.maximum(moved, longest))[:, None])

    def climb(self, theta: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Return where each group's step leads, halved until its likelihood does not fall."""
        here = self.likelihood(theta)
        share = np.ones(self.n_levels)
        for _ in range(_MOST_HALVINGS):
            there = self.likelihood(theta + share[:, None] * step)
            is_lower = ~(there >= here - 1e-10 * np.maximum(1.0, np.abs(here)))
            if not is_lower.any():
                break
            share = np.where(is_lower, share / 2.0, share)
        return np.asarray(theta + np.where(is_lower, 0.0, share)[:, None] * step)

    def likelihood(self, theta: np.ndarray) -> np.ndarray:
        """Return the log likelihood of each group."""
        with np.errstate(all="ignore"):
            return self._sum(self.density(self.linear(theta)))

    def _outer(self, weights: np.ndarray) -> np.ndarray:
        n_coefs = self.Z.shape[1]
        outer = np.empty((self.n_levels, n_coefs, n_coefs))
        for i in range(n_coefs):
            for j in range(i + 1):
                outer[:, i, j] = outer[:, j, i] = self._sum(weights * self.Z[:, i] * self.Z[:, j])
        return outer

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.codes, weights=values, minlength=self.n_levels)


def _differences(density: RowDensity, eta: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
    """Return first and second derivatives of each row's density, by five points: error h^4."""
    with np.errstate(all="ignore"):
        f = [density(eta + k * h) for k in (-2, -1, 0, 1, 2)]
        first = (f[0] - 8.0 * f[1] + 8.0 * f[3] - f[4]) / (12.0 * h)
        second = (-f[0] + 16.0 * f[1] - 30.0 * f[2] + 16.0 * f[3] - f[4]) / (12.0 * h**2)
    return np.nan_to_num(first), np.nan_to_num(second)


def _ascent(slope: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Return Newton steps, with the curvature made positive where it is not."""
    values, vectors = np.linalg.eigh(information)
    size = np.maximum(np.abs(values), 1e-10 * np.abs(values).max(axis=1, keepdims=True) + 1e-300)
    along = np.einsum("lki,lk->li", vectors, slope) / size
    return np.asarray(np.einsum("lki,li->lk", vectors, along))


def _smallest(information: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Return the smallest information per row along a direction that exists."""
    values, vectors = np.linalg.eigh(information)
    is_real = np.einsum("lki,lk->li", np.square(vectors), keep.astype(float)) > 0.5
    return np.asarray(np.where(is_real, values, np.inf).min(axis=1))


def _describe(
    theta: np.ndarray,
    basis: np.ndarray,
    keep: np.ndarray,
    information: np.ndarray,
    is_done: np.ndarray,
    left: np.ndarray,
) -> GroupFits:
    inverse = np.linalg.pinv(information, hermitian=True) * (keep[:, :, None] & keep[:, None, :])
    covariance = np.einsum("lki,lij,lmj->lkm", basis, inverse, basis)
    # A coefficient is determined when its unit vector lies in the row space.
    length = np.linalg.norm(basis, axis=1, keepdims=True)
    unit = basis / np.where(length > 0, length, 1.0)
    is_determined = np.square(unit).sum(axis=2) > 1 - 1e-8
    is_separated = left < _LOST_INFORMATION
    is_lost = is_separated | ~is_done
    problem = np.select(
        [is_separated, ~is_done, ~is_determined.all(axis=1)],
        [SEPARATED, NOT_FOUND, UNDETERMINED],
        FOUND,
    )
    known = is_determined & ~is_lost[:, None]
    pairs = known[:, :, None] & known[:, None, :]
    return GroupFits(np.where(known, theta, np.nan), np.where(pairs, covariance, np.nan), problem)
