"""Where the nodes of each group go: around the mode, or over the range of a density with ends.

Around the mode, with the scale of the curvature there, when the integrand is smooth on the whole
line and has one peak. Links that let the mean leave its range (identity, inverse, sqrt, log for
chances) end the integrand within reach of the effect, and `cauchit` gives it flat tails: there the
nodes are spread over the range in which the integrand is not negligible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.lines import Line
from poolish.engines.quadrature.rows import Predictors, Rows, integrands

# In scales of the integrand: nodes may be centred a little off the mode; finite differences of the
# integral want it closer.
LOOSE, TIGHT = 0.1, 1e-6
# Steps to the mode are cut to these sizes, in prior standard deviations; shrinking ends a cycle.
STEP_LIMITS = (2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5, *(0.3 * 0.7**i for i in range(12)))

# Standard normal effects further out than this have no density in double precision.
FARTHEST = 38.0
# The integrand below exp(-20) of its highest value is left out: 2e-9 of the integral.
NEGLIGIBLE = 20.0
# Places at which a range is looked at, how often, and the share of them that must matter at last.
N_LOOKS, MAX_LOOKS, ENOUGH = 16, 12, 0.6


@dataclass(frozen=True, slots=True)
class Centres:
    """The middle and the scale of the nodes of each group.

    Parameters
    ----------
    mode, scale : ndarray, shape (group, value)
    """

    mode: np.ndarray
    scale: np.ndarray


def place_nodes(
    rows: Rows, at: Predictors, *, line: Line, start: np.ndarray, tolerance: float
) -> Centres:
    """Return where the nodes of each group go.

    Parameters
    ----------
    rows : Rows
    at : Predictors
    line : Line
        `rows.line(at)`.
    start : ndarray, shape (group,)
        Where the search for each mode begins.
    tolerance : float
        Of its last step.
    """
    if rows.support is None:
        return find_centres(line, np.repeat(start[:, None], at.eta.shape[1], axis=1), tolerance)
    return find_ranges(line, *(ends.at for ends in possible_range(rows, at)))


def find_centres(line: Line, start: np.ndarray, tolerance: float) -> Centres:
    """Return modes by Fisher scoring from `start`, the last step below `tolerance`.

    The last step's own error is its square, as the steps are Newton's at canonical links.
    """
    v = start.copy()
    for limit in STEP_LIMITS:
        score, information = line.derivatives(v)
        precision = information + 1.0
        step = np.clip((score - v) / precision, -limit, limit)
        v += np.nan_to_num(step)
        if (step * step * precision).max() < tolerance**2:
            break
    precision = np.where(np.isfinite(precision), precision, 1.0)
    return Centres(v, 1.0 / np.sqrt(precision))


def find_ranges(line: Line, low: np.ndarray, high: np.ndarray) -> Centres:
    """Return middle and half width of the range in which each integrand matters.

    What is negligible at both ends of the range from `low` to `high`, shapes (group, value), is cut
    off, and the rest looked at again.
    """
    places = np.arange(N_LOOKS)[:, None, None]
    for _ in range(MAX_LOOKS):
        step = (high - low) / (N_LOOKS - 1)
        logs = integrands(line, low + places * step)
        matters = logs >= logs.max(axis=0) - NEGLIGIBLE
        first = np.where(matters, places, N_LOOKS).min(axis=0)
        last = np.where(matters, places, -1).max(axis=0)
        is_cut = last - first < ENOUGH * (N_LOOKS - 1)
        low, high = (
            np.where(is_cut, low + np.maximum(first - 1, 0) * step, low),
            np.where(is_cut, low + np.minimum(last + 1, N_LOOKS - 1) * step, high),
        )
        if not is_cut.any():
            break
    return Centres(0.5 * (low + high), 0.5 * (high - low))


@dataclass(frozen=True, slots=True)
class Ends:
    """One end of each group's range of possible effects, and the row that sets it.

    Parameters
    ----------
    at : ndarray, shape (group, value)
    row : ndarray of int, shape (group, value)
    """

    at: np.ndarray
    row: np.ndarray


def possible_range(rows: Rows, at: Predictors) -> tuple[Ends, Ends]:
    """Return the lower and the upper end of the effects at which every row's mean is possible."""
    assert rows.support is not None
    lower, upper = ((limit - at.eta) / at.slope for limit in rows.support)
    low = _ends(rows, np.fmin(lower, upper))
    high = _ends(rows, -np.fmax(lower, upper))
    ends = np.clip(low.at, -FARTHEST, FARTHEST)
    return Ends(ends, low.row), Ends(np.clip(-high.at, ends, FARTHEST), high.row)


def _ends(rows: Rows, limits: np.ndarray) -> Ends:
    """Return the largest limit of each group's rows."""
    found = rows.groups.combine(np.maximum, limits)
    places = np.arange(len(limits))[:, None]
    is_binding = limits >= rows.groups.spread(found)
    row = rows.groups.combine(np.minimum, np.where(is_binding, places, len(limits) - 1))
    return Ends(found, row)
