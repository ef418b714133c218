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
        `default_prior(response) -> Prior | None` on the parameter's own scale, when it has no
        formula; None says that this response has no such parameter (`sigma` beside `se()`). The
        main parameter, which always has a formula, has no function here.
    source : str
        Where the default priors come from.
    intercept_prior : Prior or None
        Default of the intercept of the parameter's formula, under its default link; None for the
        default of every parameter, `normal(0, 2.5)`.
    lower, upper : float
        Range on the parameter's own scale; a prior is truncated to it.
    size : int or None
        Length of a vector parameter (thresholds), which never has a formula; its prior applies to
        each element. None for a scalar.
    dim : str or None
        Dimension of a vector parameter.
    is_ordered : bool
        Whether the elements of a vector parameter increase.
    """

    name: str
    links: tuple[str, ...]
    default_prior: Callable[[ResponseDesign], Prior | None] | None = None
    source: str = ""
    lower: float = 0.0
    upper: float = np.inf
    size: int | None = None
    dim: str | None = None
    is_ordered: bool = False
    intercept_prior: Prior | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A response distribution.

    Every function takes `parameters`, a mapping from parameter name to an array on the
    parameter's own scale (after the inverse link) that broadcasts against `(..., obs)`, and
    `response`, the `ResponseDesign` with trials, se, weights, rate of the same rows. A vector
    parameter has shape `(..., size)`. Censoring, truncation and likelihood weights are not in
    these functions: `poolish.spec.families.additions` adds them to any family.

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
        Censoring, truncation and weights are included here.
    latent_variance : callable or None
        `(parameters, response, link) -> ndarray`: the distribution-specific variance on the scale
        of the linear predictor (Nakagawa, Johnson & Schielzeth 2017), for ICC.
    is_discrete : bool
    response_kind : str
        `real`, `positive`, `count`, `binary`, `binomial`, `proportion`, `ordinal`, `category`,
        `angle`: what the outcome must be, in the words used by messages.
    distribution : callable or None
        `(parameters, response)` -> frozen `scipy.stats` distribution, for distribution functions
        and quantiles (censoring, truncation, residuals). None where SciPy has none.
    probabilities : callable or None
        `(parameters, response) -> ndarray (..., obs, category)`; ordinal and categorical only,
        whose `mean` and `variance` are those of the 0-based code.
    parameters_for : callable or None
        `parameters_for(response)`: the parameters of a model of this very response, where they
        depend on it; see `active`.
    main_scale : callable or None
        `main_scale(response) -> ndarray`: the response on the scale of `mu`, for default priors;
        None where that is `y` itself.
    additions : tuple of str
        Response terms that mean something to this family: `trials`, `se`, `weights`, ...
    uses_weights : bool
        Whether `weights` enter the density itself (precision weights) instead of multiplying its
        logarithm.
    has_zeros : bool
        Whether an outcome can be 0 where others are positive numbers: then 0 has a chance.
    replaces_intercept : bool
        Whether thresholds take the place of the main predictor's intercept.
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
    distribution: Callable[[Parameters, ResponseDesign], Any] | None = None
    probabilities: Callable[[Parameters, ResponseDesign], np.ndarray] | None = None
    parameters_for: Callable[[ResponseDesign], tuple[Parameter, ...]] | None = None
    main_scale: Callable[[ResponseDesign], np.ndarray] | None = None
    additions: tuple[str, ...] = ()
    uses_weights: bool = False
    has_zeros: bool = False
    replaces_intercept: bool = False

    def active(self, response: ResponseDesign) -> tuple[Parameter, ...]:
        """Return the parameters of a model of this response.

        Without `sigma` when `se(...)` gives the standard deviation, with the number of thresholds
        filled in, and with one `mu` per category that is not the reference.
        """
        return self.parameters if self.parameters_for is None else self.parameters_for(response)

    @property
    def main(self) -> Parameter:
        """Return the main parameter."""
        return self.parameters[0]

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`."""
        return next(row for row in self.parameters if row.name == name)


@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """A family and the link chosen for each of its parameters.

    Parameters
    ----------
    family : Family
    links : Mapping of str to Link
        One per row of `family.parameters`.
    """

    family: Family
    links: Mapping[str, Link]
