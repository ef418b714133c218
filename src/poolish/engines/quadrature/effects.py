"""Draws of the integrated effects from their conditional given theta and w, group by group.

The log density of each v_j is taken at fixed places around its mode; between them it is nearly
linear, so that a density with linear logarithm between the places is drawn from by inversion, and
a few independence Metropolis-Hastings steps between such draws remove what difference is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.placement import LOOSE, place_nodes
from poolish.engines.quadrature.rows import Predictors, Rows

# Places in scales from the mode, closest where most of the mass is.
N_PLACES, REACH, STRETCH = 15, 10.0, 2.2
# Where most of the mass is the logarithms differ by at most 0.7^2 / 8 = 0.06 (chord of a normal),
# so that the total variation left is below 0.06 after one draw and 0.06^3 = 0.0002 after two steps.
N_STEPS = 2

PLACES = REACH * np.sinh(STRETCH * np.linspace(-1.0, 1.0, N_PLACES)) / np.sinh(STRETCH)
# Over a range, which may end where the density is high or fall to zero like a power: closest at the
# ends, which themselves may round to outside.
RANGE_PLACES = (1.0 - 1e-9) * np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, 2 * N_PLACES + 1))


@dataclass(frozen=True, slots=True)
class PiecewiseLog:
    """Densities whose logarithms are linear between places.

    Parameters
    ----------
    places : ndarray, shape (place,)
        In scales from the mode.
    mode, scale : ndarray, shape (group, value)
    logs : ndarray, shape (place, group, value)
        Log densities at the places, normalised.
    cumulative : ndarray, shape (place - 1, group, value)
        Probability up to the end of each interval.
    """

    places: np.ndarray
    mode: np.ndarray
    scale: np.ndarray
    logs: np.ndarray
    cumulative: np.ndarray

    def draw(self, rng: np.random.Generator, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return one draw per group and value, and its log density.

        Parameters
        ----------
        classes : ndarray of int, shape (drawn group,)
            The density of each group to draw for.
        """
        shape = (len(classes), self.mode.shape[1])
        uniform = rng.random(shape)
        cumulative = self.cumulative[:, classes]
        cell = np.minimum((cumulative < uniform).sum(axis=0), len(self.places) - 2)
        logs = self.logs[:, classes]
        low = np.take_along_axis(logs, cell[None], axis=0)[0]
        high = np.take_along_axis(logs, cell[None] + 1, axis=0)[0]
        rise = np.where(np.isfinite(high - low), high - low, 0.0)
        share = _invert(rise, rng.random(shape))
        width = np.diff(self.places)[cell]
        v = self.mode[classes] + self.scale[classes] * (self.places[cell] + share * width)
        return v, low + rise * share


def _invert(rise: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return draws on (0, 1) with density proportional to exp(rise t)."""
    # Mirrored so that the exponential does not overflow.
    size = np.maximum(np.abs(rise), 1e-12)
    t = -np.log1p(uniform * np.expm1(-size)) / size
    return np.clip(np.where(rise > 0, 1.0 - t, t), 0.0, 1.0)


def piecewise_log(rows: Rows, at: Predictors, start: np.ndarray) -> PiecewiseLog:
    """Return the approximate conditional densities of the groups' effects."""
    places = PLACES if rows.support is None else RANGE_PLACES
    centres = place_nodes(rows, at, start, LOOSE)
    logs = rows.integrands(at, centres.mode + centres.scale * places[:, None, None])
    logs -= logs.max(axis=0)
    logs = np.maximum(logs, -700.0)
    rise = np.diff(logs, axis=0)
    size = np.abs(rise)
    # The mean of exp over a linear stretch, from its upper end.
    mean = np.where(size < 1e-9, 1.0, -np.expm1(-size) / np.maximum(size, 1e-9))
    mass = np.maximum(logs[1:], logs[:-1])
    mass = np.exp(mass) * mean * np.diff(places)[:, None, None]
    total = mass.sum(axis=0)
    return PiecewiseLog(
        places,
        centres.mode,
        centres.scale,
        logs - np.log(total * centres.scale),
        np.cumsum(mass, axis=0) / total,
    )


def draw_effects(
    rng: np.random.Generator,
    merged: tuple[Rows, Predictors],
    full: tuple[Rows, Predictors],
    classes: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Return one draw of every group's standard normal effect, shape (group, value).

    Parameters
    ----------
    rng : Generator
    merged : tuple of Rows and Predictors
        Groups with the same rows taken once.
    full : tuple of Rows and Predictors
        All groups.
    classes : ndarray of int, shape (group,)
        The merged group of each.
    start : ndarray, shape (merged group,)
        Where the search for each mode begins.
    """
    with np.errstate(all="ignore"):
        proposal = piecewise_log(*merged, start)
        rows, at = full
        current, log_proposal = proposal.draw(rng, classes)
        log_weight = rows.integrand(at, current) - log_proposal
        for _ in range(N_STEPS):
            v, log_proposal = proposal.draw(rng, classes)
            proposed = rows.integrand(at, v) - log_proposal
            moves = np.log(rng.random(v.shape)) < proposed - log_weight
            current = np.where(moves, v, current)
            log_weight = np.where(moves, proposed, log_weight)
    return current
