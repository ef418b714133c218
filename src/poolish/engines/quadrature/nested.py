"""The approximate marginal density of theta, w integrated by Laplace: where to propose theta.

Nothing rests on its accuracy: the weights of `sampler` correct it exactly.
Tierney & Kadane (1986), J. American Statistical Association 81(393), 82-86, equation 4.1.
doi:10.1080/01621459.1986.10478240
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.inner_mode import find_inner_mode
from poolish.engines.quadrature.problem import Problem


@dataclass(frozen=True, slots=True)
class Nested:
    """The approximate log density of theta.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (inner,)
        Where the search for each inner mode begins.
    """

    problem: Problem
    start: np.ndarray

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the approximate log density, shape (value,)."""
        return np.array([self._value(one) for one in theta])

    def _value(self, theta: np.ndarray) -> float:
        return find_inner_mode(self.problem, theta, self.start).log_marginal
