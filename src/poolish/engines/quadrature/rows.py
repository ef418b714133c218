"""Rows of the likelihood in groups, and their linear predictors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.groups import Groups
from poolish.engines.quadrature.kernels import Kernel

# Elements of one array of (row, value) that stay in the processor's cache.
CACHE_ELEMENTS = 32_768


@dataclass(frozen=True, slots=True)
class Predictors:
    """Linear predictors at some parameter values, without the effects that are integrated out.

    Parameters
    ----------
    eta : ndarray, shape (row, value)
    slope : ndarray, shape (row, value)
        What multiplies the standard normal effect: z times its standard deviation.
    auxiliary : ndarray, shape (value,)
    """

    eta: np.ndarray
    slope: np.ndarray
    auxiliary: np.ndarray


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in groups, with their log density.

    Parameters
    ----------
    groups : Groups
    kernel : Kernel
    support : tuple of float or None
        Where linear predictors may be, when the nodes must know, see `placement`.
    """

    groups: Groups
    kernel: Kernel
    support: tuple[float, float] | None = None

    def integrand(self, at: Predictors, v: np.ndarray) -> np.ndarray:
        """Return log f(y_j | v_j) - v_j^2 / 2, shape (group, value)."""
        eta = at.eta + at.slope * self.groups.spread(v)
        total = self.groups.add(self.kernel.value(eta, at.auxiliary)) - 0.5 * v * v
        return np.where(np.isnan(total), -np.inf, total)

    def integrands(self, at: Predictors, v: np.ndarray) -> np.ndarray:
        """Return the integrand at several effects, shape (place, group, value) as `v`."""
        if v.shape[2] > 1:
            return np.array([self.integrand(at, one) for one in v])
        # One value: the places take its axis, and the call is one.
        return self.integrand(at, v[:, :, 0].T).T[:, :, None]


def chunks(n_rows: int, n_values: int) -> Iterator[slice]:
    """Yield ranges of parameter values whose rows fit in the cache."""
    step = max(1, CACHE_ELEMENTS // max(n_rows, 1))
    return (slice(start, start + step) for start in range(0, n_values, step))
