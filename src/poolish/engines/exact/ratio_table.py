"""Functions of one variance ratio, interpolated to rounding error.

log|C| and R are sums of log(1 + e^t d) and of 1 / (1 + e^t d), d > 0: analytic in t but at the
distance pi from the real line. On a panel of half-width 1 a Chebyshev interpolant of n nodes is
then accurate to rho^-n, rho = pi + sqrt(1 + pi^2) = 6.44 (Trefethen 2019, Approximation Theory and
Approximation Practice, theorem 8.2): 1e-13 with 16 nodes. Panels are filled when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import chebyshev

HALF_WIDTH = 1.0
N_NODES = 17
# A ratio of variances below e^-30 is as good as 0; above e^30 nothing can be computed.
FARTHEST = 30.0

type Exact = Callable[[float], tuple[float, np.ndarray]]


@dataclass(frozen=True, slots=True)
class RatioTable:
    """log|C|(t) and R(t).

    Parameters
    ----------
    exact : callable
        Gives them at one t, slowly.
    size : int
        Order of R.
    panels : dict of int to ndarray, shape (node, function)
        Chebyshev coefficients of the panels filled so far.
    """

    exact: Exact
    size: int
    panels: dict[int, np.ndarray] = field(default_factory=dict)

    def at(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log|C|, shape (value,), and R, shape (value, size, size).

        NaN where t is, or is too large.
        """
        return self._split(self._evaluate(np.asarray(t), derivative=0))

    def slope(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return their derivatives by t."""
        return self._split(self._evaluate(np.asarray(t), derivative=1))

    def _evaluate(self, t: np.ndarray, *, derivative: int) -> np.ndarray:
        found = np.full((len(t), 1 + self.size**2), np.nan)
        usable = t < FARTHEST
        near = np.maximum(np.where(usable, t, 0.0), -FARTHEST)
        number = np.floor(near / (2 * HALF_WIDTH)).astype(int)
        for panel in np.unique(number[usable]).tolist():
            here = usable & (number == panel)
            coefs = chebyshev.chebder(self._panel(panel), derivative) / HALF_WIDTH**derivative
            found[here] = chebyshev.chebval(near[here] / HALF_WIDTH - 2 * panel - 1, coefs).T
        return found

    def _panel(self, number: int) -> np.ndarray:
        if number not in self.panels:
            nodes = chebyshev.chebpts1(N_NODES)
            rows = [self.exact(HALF_WIDTH * (x + 2 * number + 1)) for x in nodes.tolist()]
            values = np.array([np.append(log_det, R) for log_det, R in rows])
            basis = chebyshev.chebvander(nodes, N_NODES - 1)
            weights = np.full(N_NODES, 2.0 / N_NODES)
            weights[0] = 1.0 / N_NODES
            self.panels[number] = weights[:, None] * (basis.T @ values)
        return self.panels[number]

    def _split(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rows[:, 0], rows[:, 1:].reshape(-1, self.size, self.size)
