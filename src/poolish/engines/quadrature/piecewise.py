"""Densities whose logarithms are linear between places: for those with ends or flat tails.

Drawn from by inversion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.lines import Line
from poolish.engines.quadrature.placement import Centres
from poolish.engines.quadrature.rows import integrands

# Over a range, which may end where the density is high or fall to zero like a power: closest at the
# ends, which themselves may round to outside.
N_PLACES = 31
PLACES = (1.0 - 1e-9) * np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, N_PLACES))


@dataclass(frozen=True, slots=True)
class PiecewiseLog:
    """Densities of v = mode + scale t whose logarithms are linear between `PLACES`.

    Parameters
    ----------
    centres : Centres
    logs : ndarray, shape (place, group, value)
        Log densities at the places, up to a constant of each group and value.
    cumulative : ndarray, shape (place - 1, group, value)
        Probability up to the end of each interval.
    """

    centres: Centres
    logs: np.ndarray
    cumulative: np.ndarray

    def take(self, groups: np.ndarray) -> PiecewiseLog:
        """Return the densities of some groups."""
        centres = Centres(self.centres.mode[groups], self.centres.scale[groups])
        return PiecewiseLog(centres, self.logs[:, groups], self.cumulative[:, groups])

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one draw per group and value, and its log density up to a constant of each."""
        shape = self.centres.mode.shape
        cell = (self.cumulative < rng.random(shape)).sum(axis=0)
        cell = np.minimum(cell, N_PLACES - 2)
        low = np.take_along_axis(self.logs, cell[None], axis=0)[0]
        high = np.take_along_axis(self.logs, cell[None] + 1, axis=0)[0]
        rise = np.where(np.isfinite(high - low), high - low, 0.0)
        share = _invert(rise, rng.random(shape))
        t = PLACES[cell] + share * np.diff(PLACES)[cell]
        return self.centres.mode + self.centres.scale * t, low + rise * share


def _invert(rise: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return draws on (0, 1) with density proportional to exp(rise t)."""
    # Mirrored so that the exponential does not overflow.
    size = np.maximum(np.abs(rise), 1e-12)
    t = -np.log1p(uniform * np.expm1(-size)) / size
    return np.clip(np.where(rise > 0, 1.0 - t, t), 0.0, 1.0)


def piecewise_log(line: Line, centres: Centres) -> PiecewiseLog:
    """Return approximations of the integrands over the ranges that matter."""
    logs = integrands(line, centres.mode + centres.scale * PLACES[:, None, None])
    logs -= logs.max(axis=0)
    logs = np.maximum(logs, -700.0)
    size = np.abs(np.diff(logs, axis=0))
    # The mean of exp over a linear stretch, from its upper end.
    mean = np.where(size < 1e-9, 1.0, -np.expm1(-size) / np.maximum(size, 1e-9))
    mass = np.exp(np.maximum(logs[1:], logs[:-1])) * mean * np.diff(PLACES)[:, None, None]
    return PiecewiseLog(centres, logs, np.cumsum(mass, axis=0) / mass.sum(axis=0))
