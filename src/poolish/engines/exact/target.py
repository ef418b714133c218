"""The log posterior of theta, with its gradient: marginal likelihood plus prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from poolish.engines.exact.marginal import Covariances, MarginalLikelihood
from poolish.engines.exact.parameters import Parameters

# Beyond this standard deviations are outside double precision's squares.
FARTHEST = 300.0
COMPLEX_STEP = 1e-30


class LogDensity(Protocol):
    """A log density that the search for its mode and the proposals need to evaluate."""

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density, shape (value,), of theta, shape (value, parameter)."""

    def gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its slope at one theta, shape (parameter,)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A log posterior density on the unconstrained scale.

    Parameters
    ----------
    likelihood : MarginalLikelihood
    parameters : Parameters
    """

    likelihood: MarginalLikelihood[Any]
    parameters: Parameters

    @property
    def size(self) -> int:
        """Return the number of parameters."""
        return self.parameters.size

    def prior(self, theta: np.ndarray) -> tuple[Covariances, np.ndarray]:
        """Return covariances and log prior at each theta, shape (value, parameter)."""
        natural, log_prior = self.parameters.natural(theta.T)
        return self.parameters.covariances(natural), log_prior

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """Return the log posterior density, shape (value,); -inf where it cannot be computed."""
        found = np.full(len(theta), -np.inf)
        near = (np.abs(theta) < FARTHEST).all(axis=1)
        if near.any():
            with np.errstate(all="ignore"):
                covariances, log_prior = self.prior(theta[near])
                found[near] = self.likelihood.value(covariances) + log_prior
        return np.where(np.isfinite(found), found, -np.inf)

    def gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log posterior density and its gradient at one theta, shape (parameter,).

        Priors and transforms are differentiated by a complex step, the likelihood in closed form.
        """
        steps = theta[:, None] + 1j * COMPLEX_STEP * np.eye(len(theta))
        natural, log_prior = self.parameters.natural(steps)
        covariances = self.parameters.covariances(natural)
        here = Covariances(
            tuple(root[:, :, :1].real for root in covariances.roots),
            covariances.precision[:, :1].real,
        )
        likelihood = self.likelihood.gradient(here)
        slope = log_prior.imag + covariances.precision.imag.T @ likelihood.precision
        for root, derivative in zip(covariances.roots, likelihood.roots, strict=True):
            slope = slope + np.einsum("abs,ab->s", root.imag, np.tril(derivative))
        return likelihood.value + float(log_prior[0].real), slope / COMPLEX_STEP
