"""How a family row is put together from its distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.additions import check_additions
from poolish.spec.families.aliases import Frozen, Graph, MakeNative, Pymc, Tensor, Tensors
from poolish.spec.families.graph import Pieces, add_likelihood, native_graph
from poolish.spec.family import Family, Parameter, Parameters


def broadcast(response: ResponseDesign, *arrays: np.ndarray | float) -> list[np.ndarray]:
    """Return the arrays in their common shape `(..., obs)`."""
    *same, _ = np.broadcast_arrays(*arrays, np.zeros(len(response.y)))
    return [np.asarray(values) for values in same]


def location(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return `mu` in the common shape `(..., obs)`: the mean of most families."""
    return broadcast(response, parameters["mu"], *parameters.values())[0]


def without(parameters: Tensors, name: str) -> dict[str, Tensor]:
    """Return the parameters of the base family of a mixture: all but `name`."""
    return {key: value for key, value in parameters.items() if key != name}


def build_family(
    name: str,
    parameters: tuple[Parameter, ...],
    *,
    check: Callable[[ResponseDesign], None],
    native: MakeNative | None = None,
    graph: Graph | None = None,
    log_cdf: Graph | None = None,
    log_survival: Graph | None = None,
    **fields: Any,  # noqa: ANN401 - typed by `Family`, which they are passed to
) -> Family:
    """Return a family row, its support check and PyMC likelihood completed by the response terms.

    Parameters
    ----------
    name : str
    parameters : tuple of Parameter
    check : callable
        Support of the outcome.
    native : callable, optional
        `native(pm, parameters, response)`: the PyMC distribution and its arguments.
    graph : callable, optional
        `graph(pm, value, parameters, response)`: the log density of each row as a tensor; from
        `native` unless PyMC has no such distribution.
    log_cdf, log_survival : callable, optional
        log P(Y <= value) and log P(Y > value) in the same form, where PyMC's lose their digits.
    **fields
        The other fields of `Family`.
    """
    pieces = Pieces(native, graph or native_graph(native), log_cdf, log_survival)

    def check_response(response: ResponseDesign) -> None:
        check_additions(family, response)
        check(response)

    def likelihood(
        pm: Pymc,
        variable: str,
        tensors: Tensors,
        response: ResponseDesign,
        **keywords: Tensor,
    ) -> Tensor:
        return add_likelihood(family, pieces, pm, variable, tensors, response, **keywords)

    family = Family(name, parameters, check=check_response, likelihood=likelihood, **fields)
    return family


def scipy_family(
    name: str,
    parameters: tuple[Parameter, ...],
    *,
    distribution: Callable[[Parameters, ResponseDesign], Frozen],
    is_discrete: bool = False,
    **fields: Any,  # noqa: ANN401 - typed by `Family`, which they are passed to
) -> Family:
    """Return a family whose density, sampler and moments are those of a `scipy.stats` distribution.

    Parameters
    ----------
    name : str
    parameters : tuple of Parameter
    distribution : callable
        `(parameters, response)` -> frozen distribution.
    is_discrete : bool
    **fields
        The other arguments of `build_family`; any of the derived functions may be given.
    """

    def log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        frozen = distribution(parameters, response)
        return np.asarray(frozen.logpmf(y) if is_discrete else frozen.logpdf(y))

    def sample(
        rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
    ) -> np.ndarray:
        shape = broadcast(response, *parameters.values())[0].shape
        return np.asarray(distribution(parameters, response).rvs(size=shape, random_state=rng))

    def mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return _full(distribution(parameters, response).mean(), parameters, response)

    def variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return _full(distribution(parameters, response).var(), parameters, response)

    derived = {"log_density": log_density, "sample": sample, "mean": mean, "variance": variance}
    return build_family(
        name,
        parameters,
        distribution=distribution,
        is_discrete=is_discrete,
        **(derived | fields),
    )


def _full(
    values: np.ndarray | float, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    return broadcast(response, values, *parameters.values())[0]
