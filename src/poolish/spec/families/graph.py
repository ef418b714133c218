"""The PyMC likelihood of a family: its own distribution, or a custom one with response terms.

`pm` is the `pymc` module, passed in by the engine that has imported it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec import links
from poolish.spec.families import additions
from poolish.spec.families.additions import Interval
from poolish.spec.families.aliases import Graph, MakeNative, Pymc, Tensor, Tensors
from poolish.spec.family import Family


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a family gives PyMC.

    Parameters
    ----------
    native : callable or None
        `(pm, parameters, response)` -> PyMC distribution class and its arguments.
    graph : callable
        `(pm, value, parameters, response)` -> log density of each row.
    log_cdf, log_survival : callable or None
        log P(Y <= value) and log P(Y > value) of each row, where PyMC's own lose their digits.
    """

    native: MakeNative | None
    graph: Graph
    log_cdf: Graph | None = None
    log_survival: Graph | None = None


def native_graph(native: MakeNative | None) -> Graph:
    """Return the log density graph of a PyMC distribution."""

    def graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        return pm.logp(_frozen(native, pm, parameters, response), value)

    return graph


def _frozen(
    native: MakeNative | None, pm: Pymc, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    assert native is not None  # a family with `cens` or `trunc` has a PyMC distribution
    distribution, arguments = native(pm, parameters, response)
    return distribution.dist(**arguments)


def add_likelihood(
    family: Family,
    pieces: Pieces,
    pm: Pymc,
    name: str,
    parameters: Tensors,
    response: ResponseDesign,
    **keywords: Tensor,
) -> Tensor:
    """Return the observed variable, added to the open PyMC model.

    Parameters
    ----------
    family : Family
    pieces : Pieces
    pm : module
    name : str
        Name of the variable.
    parameters : Mapping of str to tensor
        Of shape (obs,) or (), vector parameters (size,).
    response : ResponseDesign
    **keywords
        `observed=` and `dims=`.
    """
    if family.is_discrete:
        keywords = keywords | {"observed": np.asarray(keywords["observed"]).astype("int64")}
    if pieces.native is not None and not _has_additions(family, response):
        distribution, arguments = pieces.native(pm, parameters, response)
        return distribution(name, **arguments, **keywords)
    return _custom(family, pieces, pm, name, parameters, response, **keywords)


def _has_additions(family: Family, response: ResponseDesign) -> bool:
    return (
        response.censoring is not None
        or additions.is_truncated(response)
        or additions.multiplier(family, response) is not None
    )


def _custom(
    family: Family,
    pieces: Pieces,
    pm: Pymc,
    name: str,
    parameters: Tensors,
    response: ResponseDesign,
    **keywords: Tensor,
) -> Tensor:
    names = tuple(parameters)
    sizes = {row.name: row.size for row in family.active(response)}
    signature = ",".join("()" if sizes[p] is None else f"({p})" for p in names) + "->()"

    def logp(value: Tensor, *inputs: Tensor) -> Tensor:
        tensors = dict(zip(names, inputs, strict=True))
        return log_density_graph(family, pieces, pm, value, tensors, response)

    def random(*inputs: np.ndarray, rng: np.random.Generator, size: object = None) -> np.ndarray:
        # PyMC has given vector parameters a leading axis of one row.
        pairs = zip(names, inputs, strict=True)
        arrays = {p: x if sizes[p] is None else np.reshape(x, -1) for p, x in pairs}
        return additions.sample(family, rng, arrays, response)

    return pm.CustomDist(
        name,
        *parameters.values(),
        logp=logp,
        random=random,
        signature=signature,
        dtype="int64" if family.is_discrete else "float64",
        **keywords,
    )


def log_density_graph(
    family: Family,
    pieces: Pieces,
    pm: Pymc,
    value: Tensor,
    parameters: Tensors,
    response: ResponseDesign,
) -> Tensor:
    """Return the log density of each row with censoring, truncation and weights, as a tensor.

    The same sum as `additions.log_density`.
    """
    density = pieces.graph(pm, value, parameters, response)
    terms = (pieces, pm, parameters, response)
    if response.censoring is not None:
        event = additions.censored(family, response, response.y)
        density = _replace(density, event, response.censoring != additions.NONE, *terms)
    if additions.is_truncated(response):
        seen = additions.truncation(family, response)
        everywhere = np.ones(len(response.y), dtype=bool)
        density = density - _replace(pm.math.zeros_like(density), seen, everywhere, *terms)
    weights = additions.multiplier(family, response)
    return density if weights is None else density * weights


def _replace(
    values: Tensor,
    interval: Interval,
    is_chosen: np.ndarray,
    pieces: Pieces,
    pm: Pymc,
    parameters: Tensors,
    response: ResponseDesign,
) -> Tensor:
    """Return `values` with log P(low < Y <= high) in the chosen rows.

    Only rows of one kind enter each expression, so that no gradient meets an infinite end.
    """
    has_low, has_high = np.isfinite(interval.low), np.isfinite(interval.high)
    for is_kind, expression in (
        (has_low & ~has_high, _log_above),
        (~has_low & has_high, _log_below),
        (has_low & has_high, _log_between),
        (~has_low & ~has_high, _log_certain),
    ):
        rows = np.flatnonzero(is_chosen & is_kind)
        if len(rows):
            ends = Interval(interval.low[rows], interval.high[rows])
            chance = expression(
                pieces, pm, ends, _take_tensors(parameters, rows), take_rows(response, rows)
            )
            values = values[rows].set(chance)
    return values


def _log_above(
    pieces: Pieces, pm: Pymc, ends: Interval, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return log_survival(pieces, pm, ends.low, parameters, response)


def _log_below(
    pieces: Pieces, pm: Pymc, ends: Interval, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return _log_cdf(pieces, pm, ends.high, parameters, response)


def _log_between(
    pieces: Pieces, pm: Pymc, ends: Interval, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    terms = (parameters, response)
    larger = _log_cdf(pieces, pm, ends.high, *terms)
    smaller = _log_cdf(pieces, pm, ends.low, *terms)
    if pieces.log_survival is not None:
        # The upper tail where it is the smaller one. Choosing the two logarithms before their
        # difference keeps the gradient finite on both sides.
        above = pieces.log_survival(pm, ends.low, *terms)
        is_upper = pm.math.lt(above, larger)
        beyond = pieces.log_survival(pm, ends.high, *terms)
        larger = pm.math.switch(is_upper, above, larger)
        smaller = pm.math.switch(is_upper, beyond, smaller)
    return larger + pm.math.log1mexp(smaller - larger)


def _log_certain(
    pieces: Pieces, pm: Pymc, ends: Interval, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return np.zeros(len(response.y))


def log_survival(
    pieces: Pieces, pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    """Return log P(Y > value), by PyMC where a family has no form of its own."""
    if pieces.log_survival is not None:
        return pieces.log_survival(pm, value, parameters, response)
    return pm.logccdf(_frozen(pieces.native, pm, parameters, response), value)


def _log_cdf(
    pieces: Pieces, pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    if pieces.log_cdf is not None:
        return pieces.log_cdf(pm, value, parameters, response)
    return pm.logcdf(_frozen(pieces.native, pm, parameters, response), value)


def log_normal_cdf(pm: Pymc, z: Tensor) -> Tensor:
    """Return log Phi(z) as a tensor, accurate in both tails."""
    return links.log_normal_cdf(pm.math.pt, z)


def log_complement(pm: Pymc, chance: Tensor) -> Tensor:
    """Return log(1 - chance) as a tensor.

    Of a sigmoid PyTensor makes minus a softplus before it takes the gradient; of `log1p(-chance)`
    only after, when the gradient has lost its digits near 1.
    """
    return pm.math.log(1.0 - chance)


def where_positive(pm: Pymc, parameter: Tensor, density: Tensor) -> Tensor:
    """Return the log density, -inf where a link has put the parameter out of its range."""
    return pm.math.switch(parameter > 0, density, -np.inf)


def _take_tensors(parameters: Tensors, rows: np.ndarray) -> dict[str, Any]:
    return {
        name: tensor[rows] if tensor.ndim and tensor.type.shape[-1] != 1 else tensor
        for name, tensor in parameters.items()
    }


def take_rows(response: ResponseDesign, rows: np.ndarray) -> ResponseDesign:
    """Return the response with these rows only."""
    arrays = {
        field.name: getattr(response, field.name)[rows]
        for field in fields(response)
        if isinstance(getattr(response, field.name), np.ndarray)
    }
    return replace(response, **arrays)
