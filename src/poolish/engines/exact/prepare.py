"""A model made ready for the exact engine: everything before the first random number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact.parameters import build_parameters
from poolish.engines.exact.population import Population, build_population, working_prior
from poolish.engines.exact.residual import Residual, build_residual
from poolish.engines.exact.structure import Structure, build_structure
from poolish.engines.exact.target import Target
from poolish.spec.model import ModelSpec


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model ready to be fitted: everything that does not depend on random numbers.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    target : Target
    likelihood : Structure
    """

    spec: ModelSpec
    design: Design
    target: Target
    likelihood: Structure

    def with_response(self, y: np.ndarray) -> Prepared:
        """Return the same model and priors for another response; nothing of X or Z is redone."""
        design = replace(self.design, response=replace(self.design.response, y=y))
        likelihood = self.likelihood.with_response(y)
        parameters = self.target.parameters
        sigma = residual_sd(likelihood) if parameters.residual else 1.0
        resolved = parameters.at_resolution(sd_resolutions(design, likelihood, sigma))
        return Prepared(self.spec, design, Target(likelihood, resolved), likelihood)

    def with_likelihood(self, likelihood: Structure) -> Prepared:
        """Return the same model with another form of its likelihood."""
        target = Target(likelihood, self.target.parameters)
        return Prepared(self.spec, self.design, target, likelihood)


def prepare(spec: ModelSpec, design: Design) -> Prepared:
    """Return a model within the exact engine's reach, its marginal likelihood built."""
    residual = build_residual(design)
    likelihood = build_structure(design.main, residual, prior_population(spec, design, residual))
    target = Target(likelihood, build_parameters(spec, residual))
    # By the way of a refit, so that a refit to the same response repeats its sums bit for bit.
    return Prepared(spec, design, target, likelihood).with_response(design.response.y)


def prior_population(spec: ModelSpec, design: Design, residual: Residual) -> Population:
    """Return the population part of a model with its priors."""
    main = spec.main
    at_average = main.has_intercept and main.intercept_at == "average"
    prior = working_prior(main.priors, design.main.X.mean(axis=0), at_average=at_average)
    return build_population(design.main, design.response.y, residual.weights, prior)


def starting_theta(prepared: Prepared) -> np.ndarray:
    """Return where the search for the mode begins: every factor takes part of the variance."""
    residual = prepared.likelihood.population.residual
    spread = float(np.sqrt(np.mean(residual**2))) or 1.0
    group_sds = [
        0.5 * spread / np.maximum(np.sqrt(np.mean(group.Z**2, axis=0)), 1e-12)
        for group in prepared.design.main.groups
    ]
    return prepared.target.parameters.start(group_sds, residual_sd(prepared.likelihood))


def residual_sd(likelihood: Structure) -> float:
    """Return a guess of the residual sd at weight 1."""
    residual, weights = likelihood.population.residual, likelihood.residual.weights
    return 0.7 * (float(np.sqrt(np.mean(weights * residual**2))) or 1.0)


def sd_resolutions(design: Design, likelihood: Structure, sigma: float) -> tuple[np.ndarray, ...]:
    """Return below what size the data cannot tell each group sd from 0, by factor and effect.

    J effects with standard errors s, s^2 = sigma^2 / sum of the weights of a level, show their
    variance with a standard error of s^2 sqrt(2 / J); half the root of that is taken.
    """
    weights = likelihood.residual.weights
    found = []
    for group in design.main.groups:
        information = np.maximum(weights @ group.Z**2 / group.n_levels, 1e-300)
        found.append(0.5 * sigma / np.sqrt(information) * (2.0 / group.n_levels) ** 0.25)
    return tuple(found)
