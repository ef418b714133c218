"""Rows of the likelihood in groups, and their linear predictors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from poolish.engines.quadrature.groups import Groups
from poolish.engines.quadrature.kernels import Kernel
from poolish.engines.quadrature.lines import Line

# Elements of one array of (row, value) that stay in the processor's cache.
CACHE_ELEMENTS = 65_536


@dataclass(frozen=True, slots=True)
class Predictors:
    """Linear predictors at some parameter values, without the effects that are integrated out.

    Parameters
    ----------
    eta : ndarray, shape (row, value)
    z : ndarray, shape (row,)
        What multiplies the effect.
    sd : ndarray, shape (value,)
        Standard deviation of the effect.
    auxiliary : ndarray, shape (value,)
    """

    eta: np.ndarray
    z: np.ndarray
    sd: np.ndarray
    auxiliary: np.ndarray

    @property
    def slope(self) -> np.ndarray:
        """Return what multiplies the standard normal effect, shape (row, value)."""
        return self.z[:, None] * self.sd


@dataclass(frozen=True, slots=True)
class RowLine:
    """The log density along the effects, row by row.

    Parameters
    ----------
    groups : Groups
    kernel : Kernel
    at : Predictors
    slope : ndarray, shape (row, value)
    """

    groups: Groups
    kernel: Kernel
    at: Predictors
    slope: np.ndarray

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return the log density; not finite where it cannot be computed."""
        return self.groups.add(self.kernel.value(self._eta(v), self.at.auxiliary))

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return its derivative and the expected information about v."""
        score, information = self.kernel.derivatives(self._eta(v), self.at.auxiliary)
        score *= self.slope
        information *= self.slope
        information *= self.slope
        return self.groups.add(score), self.groups.add(information)

    def take(self, values: np.ndarray) -> RowLine:
        """Return the line at some of the parameter values."""
        at = replace(
            self.at,
            eta=self.at.eta[:, values],
            sd=self.at.sd[values],
            auxiliary=self.at.auxiliary[values],
        )
        return replace(self, at=at, slope=self.slope[:, values])

    def _eta(self, v: np.ndarray) -> np.ndarray:
        eta = self.groups.spread(v)
        eta = eta * self.slope
        eta += self.at.eta
        return eta


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in groups, with their log density.

    Parameters
    ----------
    groups : Groups
    kernel : Kernel
    common_z : ndarray, shape (group,), or None
        What multiplies the effect of each group, where that is the same in all its rows and the
        kernel has a form that makes use of it.
    support : tuple of float or None
        Where linear predictors may be, when the nodes must know, see `placement`.
    """

    groups: Groups
    kernel: Kernel
    common_z: np.ndarray | None
    support: tuple[float, float] | None = None

    def line(self, at: Predictors) -> Line:
        """Return the log density of each group along its effect."""
        if self.common_z is None or self.kernel.form is None:
            return RowLine(self.groups, self.kernel, at, at.slope)
        slope = self.common_z[:, None] * at.sd
        return self.kernel.form.build(self.groups, at.eta, slope, at.auxiliary)


def find_common_z(groups: Groups, kernel: Kernel, z: np.ndarray) -> np.ndarray | None:
    """Return what multiplies each group's effect where `kernel.form` can be used, else None."""
    form = kernel.form
    if form is None or np.bincount(groups.codes).max() > form.max_rows:
        return None
    lowest = groups.combine(np.minimum, z)
    return lowest if (groups.combine(np.maximum, z) == lowest).all() else None


def integrand(line: Line, v: np.ndarray) -> np.ndarray:
    """Return log f(y_j | v_j) - v_j^2 / 2, shape (group, value)."""
    total = line.value(v)
    total -= 0.5 * v * v
    return np.where(np.isnan(total), -np.inf, total)


def integrands(line: Line, v: np.ndarray) -> np.ndarray:
    """Return the integrand at several effects, shape (place, group, value) as `v`."""
    if v.shape[2] > 1:
        return np.array([integrand(line, one) for one in v])
    # One value: the places take its axis, and the call is one.
    return integrand(line, v[:, :, 0].T).T[:, :, None]


def chunks(n_rows: int, n_values: int) -> Iterator[slice]:
    """Yield ranges of parameter values whose rows fit in the cache."""
    step = max(1, CACHE_ELEMENTS // max(n_rows, 1))
    return (slice(start, start + step) for start in range(0, n_values, step))
