"""What a response family is: one frozen row; the rows themselves live in `spec/families`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.links import Link
from poolish.spec.prior import Prior

type Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a family.

    Parameters
    ----------
    name : str
        brms's name: `mu`, `sigma`, `shape`, `phi`, `nu`, `zi`, `hu`, ...
    links : tuple of str
        Links allowed when the parameter has a formula; the first is the default.
    default_prior : callable or None
        `default_prior(response) -> Prior` on the parameter's own scale, when it has no formula.
        None for the main parameter, which always has one.
    source : str
        Where the default prior comes from.
    """

    name: str
    links: tuple[str, ...]
    default_prior: Callable[[ResponseDesign], Prior] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A response distribution.

    Every function takes `parameters`, a mapping from parameter name to an array on the
    parameter's own scale (after the inverse link) that broadcasts against `(..., obs)`, and
    `response`, the `ResponseDesign` with trials, se, weights, rate of the same rows.

    Parameters
    ----------
    name : str
    parameters : tuple of Parameter
        The main parameter `mu` first.
    check : callable
        `check(response)` raises `FamilyError`/`DataError` naming the first offending row.
    log_density : callable
        `log_density(y, parameters, response) -> ndarray (..., obs)`, by SciPy, normalised.
    sample : callable
        `sample(rng, parameters, response) -> ndarray (..., obs)`.
    mean, variance : callable
        `(parameters, response) -> ndarray (..., obs)` of the response.
    likelihood : callable
        `likelihood(pm, name, parameters, response, **kwargs)`: adds the PyMC likelihood inside an
        open model; `pm` is the `pymc` module, passed in so that nothing here imports it;
        `parameters` are tensors; `kwargs` are `observed=` and `dims=`.
    latent_variance : callable or None
        `(parameters, response, link) -> ndarray`: the distribution-specific variance on the scale
        of the linear predictor (Nakagawa, Johnson & Schielzeth 2017), for ICC.
    is_discrete : bool
    response_kind : str
        `real`, `positive`, `count`, `binary`, `binomial`, `proportion`, `ordinal`, `category`,
        `angle`: what the outcome must be, in the words used by messages.
    """

    name: str
    parameters: tuple[Parameter, ...]
    check: Callable[[ResponseDesign], None]
    log_density: Callable[[np.ndarray, Parameters, ResponseDesign], np.ndarray]
    sample: Callable[[np.random.Generator, Parameters, ResponseDesign], np.ndarray]
    mean: Callable[[Parameters, ResponseDesign], np.ndarray]
    variance: Callable[[Parameters, ResponseDesign], np.ndarray]
    likelihood: Callable[..., Any]
    response_kind: str
    latent_variance: Callable[[Parameters, ResponseDesign, Link], np.ndarray] | None = None
    is_discrete: bool = False

    @property
    def main(self) -> Parameter:
        """Return the main parameter."""
        return self.parameters[0]

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`."""
        return next(row for row in self.parameters if row.name == name)
