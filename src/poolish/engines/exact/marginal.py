"""The marginal likelihood: what every structure of a Gaussian model offers the sampler.

y = X b + sum_f Z_f u_f + e with b and every u integrated out; only the covariances are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Covariances:
    """Values of everything that is not integrated out, one column per parameter value.

    Parameters
    ----------
    roots : tuple of ndarray, shape (effect, effect, value)
        For each grouping factor the lower-triangular L with Var(u_j) = L L'. Zero rows are fine.
    precision : ndarray, shape (stratum, value)
        1 / sigma^2 of each residual stratum.
    """

    roots: tuple[np.ndarray, ...]
    precision: np.ndarray

    @property
    def n_values(self) -> int:
        """Return the number of parameter values."""
        return self.precision.shape[1]

    def take(self, index: np.ndarray | slice) -> Covariances:
        """Return some of the parameter values."""
        roots = tuple(root[:, :, index] for root in self.roots)
        return Covariances(roots, self.precision[:, index])


@dataclass(frozen=True, slots=True)
class Gradient:
    """The log marginal likelihood at one parameter value, and its derivatives.

    Parameters
    ----------
    value : float
    roots : tuple of ndarray, shape (effect, effect)
        Derivatives by the lower triangle of each L.
    precision : ndarray, shape (stratum,)
    """

    value: float
    roots: tuple[np.ndarray, ...]
    precision: np.ndarray


class Factored(Protocol):
    """A marginal likelihood factored at some parameter values, ready to draw effects from."""

    @property
    def log_likelihood(self) -> np.ndarray:
        """Return the log marginal likelihood, shape (value,); -inf where it cannot be computed."""

    @property
    def penalised(self) -> np.ndarray:
        """Return the penalised sum of squares at its smallest, times tau, shape (value,)."""

    def take(self, index: np.ndarray) -> Factored:
        """Return some of the parameter values, in the order of `index` (repeats are fine)."""


@dataclass(frozen=True, slots=True)
class JointDraw:
    """Draws of the effects that are drawn together.

    Parameters
    ----------
    b : ndarray, shape (draw, coef)
        Population effects on the predictors as typed.
    effects : Mapping of int to ndarray, shape (draw, level, effect)
        Group effects by position of their factor; the factor in `late_factor` is left out.
    """

    b: np.ndarray
    effects: dict[int, np.ndarray]


class MarginalLikelihood[F: Factored](Protocol):
    """A structure of Gaussian models: what the sampler, the estimators and the drawing need.

    One implementation per structure of the covariances: `Blocked` (independent levels) and, for
    known covariances between levels, `Spectral`, `Precision` and `Dense`. F is what each makes of
    itself at some parameter values.
    """

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one joint draw takes."""

    @property
    def batch(self) -> int:
        """Return how many parameter values are best evaluated at once."""

    @property
    def is_cheap(self) -> bool:
        """Return whether a batch of evaluations costs little more than the call."""

    @property
    def is_costly(self) -> bool:
        """Return whether one evaluation costs so much that draws should share it."""

    @property
    def late_factor(self) -> int | None:
        """Return the factor whose effects are drawn after the joint draw, level by level."""

    def value(self, covariances: Covariances) -> np.ndarray:
        """Return log p(y | covariances), shape (value,)."""

    def gradient(self, covariances: Covariances) -> Gradient:
        """Return the value and its derivatives at one parameter value."""

    def factor(self, covariances: Covariances) -> F:
        """Return the likelihood factored at every parameter value."""

    def draw(self, factored: F, index: np.ndarray, noise: np.ndarray) -> JointDraw:
        """Return one exact draw of (b, u) for each `index` into the factored values.

        `noise`, shape (draw, n_noise), is standard normal.
        """

    def with_response(self, y: np.ndarray) -> MarginalLikelihood[F]:
        """Return the same structure for another response, sharing what does not depend on it."""
