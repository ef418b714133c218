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
        changed = self.with_likelihood(self.likelihood.with_response(y))
        return replace(changed, design=design)

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
    weights = prepared.likelihood.residual.weights
    spread = float(np.sqrt(np.mean(residual**2))) or 1.0
    sigma = float(np.sqrt(np.mean(weights * residual**2))) or 1.0
    group_sds = [
        0.5 * spread / np.maximum(np.sqrt(np.mean(group.Z**2, axis=0)), 1e-12)
        for group in prepared.design.main.groups
    ]
    return prepared.target.parameters.start(group_sds, 0.7 * sigma)
