"""The log density of each group's rows along its effect, everything else fixed.

Where all rows of a group have the same slope t in eta_i + t v, exp(eta_i + t v) is a number for
each row times one for each group: few exponentials are left, and in counts no loop over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from poolish.engines.quadrature.groups import Groups


class Line(Protocol):
    """log f(y_j | v_j) of every group as a function of its effect, shape (group, value)."""

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return the log density; not finite where it cannot be computed."""

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return its derivative and the expected information about v."""

    def take(self, values: np.ndarray) -> Self:
        """Return the line at some of the parameter values."""


# From groups, eta of each row, slope of each group, and the family's own parameter.
type LineBuilder = Callable[[Groups, np.ndarray, np.ndarray, np.ndarray], Line]


@dataclass(frozen=True, slots=True)
class LineForm:
    """A form of the log density that saves work where all rows of a group have the same slope.

    Parameters
    ----------
    build : callable
    max_rows : float
        For groups of up to so many rows.
    """

    build: LineBuilder
    max_rows: float = np.inf


@dataclass(frozen=True, slots=True)
class BinaryLine:
    """Binary rows at the logit: f = 1 / prod_i (1 + odds_i(v)), odds against what was seen.

    Parameters
    ----------
    groups : Groups
    is_one : ndarray of bool, shape (row,)
    odds : ndarray, shape (row, value)
        At v = 0.
    slope : ndarray, shape (group, value)
    """

    groups: Groups
    is_one: np.ndarray
    odds: np.ndarray
    slope: np.ndarray

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return the log density; not finite where it cannot be computed."""
        odds = self._odds(v)
        odds += 1.0
        return -np.log(self.groups.combine(np.multiply, odds))

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return its derivative and the expected information about v."""
        chance = self._odds(v)  # of the outcome that was not seen
        chance /= 1.0 + chance
        score = self.groups.add(np.where(self.is_one[:, None], chance, -chance))
        chance *= 1.0 - chance
        return self.slope * score, self.slope**2 * self.groups.add(chance)

    def take(self, values: np.ndarray) -> BinaryLine:
        """Return the line at some of the parameter values."""
        return replace(self, odds=self.odds[:, values], slope=self.slope[:, values])

    def _odds(self, v: np.ndarray) -> np.ndarray:
        factor = np.exp(self.slope * v)
        both = np.concatenate([factor, 1.0 / factor])
        odds = np.take(both, self.groups.codes + len(factor) * self.is_one, axis=0)
        odds *= self.odds
        return odds


@dataclass(frozen=True, slots=True)
class ExponentialLine:
    """log f = constant + linear t - scale exp(sign t), t = slope v: sums over the rows suffice.

    Parameters
    ----------
    constant, linear, scale : ndarray, shape (group, value)
    slope : ndarray, shape (group, value)
    sign : float
        1 or -1.
    """

    constant: np.ndarray
    linear: np.ndarray
    scale: np.ndarray
    slope: np.ndarray
    sign: float

    def value(self, v: np.ndarray) -> np.ndarray:
        """Return the log density; not finite where it cannot be computed."""
        t = self.slope * v
        return self.constant + self.linear * t - self.scale * np.exp(self.sign * t)

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return its derivative and the observed information about v."""
        bent = self.scale * np.exp(self.sign * self.slope * v)
        return self.slope * (self.linear - self.sign * bent), self.slope**2 * bent

    def take(self, values: np.ndarray) -> ExponentialLine:
        """Return the line at some of the parameter values."""
        return ExponentialLine(
            self.constant[:, values],
            self.linear[:, values],
            self.scale[:, values],
            self.slope[:, values],
            self.sign,
        )
