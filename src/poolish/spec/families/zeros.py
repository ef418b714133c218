"""Distributions with a chance of zero of their own: what censoring and truncation need of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Graph, Pymc, Tensor, Tensors


@dataclass(frozen=True, slots=True)
class WithZeros:
    """A distribution on 0 and above whose upper tail is a multiple of a base distribution's.

    P(Y > y) = exp(log_share) P(X > y) for y >= 0. Its methods are named as those of SciPy.

    Parameters
    ----------
    base : frozen SciPy distribution
        Of X.
    log_share : ndarray
    """

    base: Frozen
    log_share: np.ndarray

    def logsf(self, y: np.ndarray) -> np.ndarray:
        """Return log P(Y > y)."""
        return np.where(y < 0, 0.0, self.log_share + self.base.logsf(np.maximum(y, 0.0)))

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        """Return log P(Y <= y)."""
        with np.errstate(divide="ignore"):
            return np.log(-np.expm1(self.logsf(y)))

    def sf(self, y: np.ndarray) -> np.ndarray:
        """Return P(Y > y)."""
        return np.exp(self.logsf(y))

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Return P(Y <= y)."""
        return -np.expm1(self.logsf(y))

    def isf(self, chance: np.ndarray) -> np.ndarray:
        """Return the smallest y with P(Y > y) at most `chance`."""
        above = self.base.isf(np.minimum(chance * np.exp(-self.log_share), 1.0))
        return np.where(chance >= self.sf(np.zeros(())), 0.0, above)

    def ppf(self, share: np.ndarray) -> np.ndarray:
        """Return the smallest y with P(Y <= y) at least `share`."""
        return self.isf(1.0 - share)


def complement(log_survival: Graph) -> Graph:
    """Return the graph of log P(Y <= value), the chance of zero keeping its digits."""

    def log_cdf(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        return pm.math.log1mexp(log_survival(pm, value, parameters, response))

    return log_cdf
