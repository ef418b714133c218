"""The posterior's scalars one by one, under the names that people see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from poolish.posterior import Posterior, Variable, list_variables
from poolish.posterior.variables import Kind

COEFFICIENTS: tuple[Kind, ...] = ("b", "sd", "cor", "auxiliary")
GROUP_EFFECTS: tuple[Kind, ...] = ("r",)


@dataclass(frozen=True, slots=True)
class Scalars:
    """Scalars of the posterior.

    Parameters
    ----------
    labels : tuple of str
        `b[Days]`, `sd_Subject[Intercept]`, `cor_Subject[Intercept, Days]`, `sigma`, ...
    variables : tuple of Variable
        What each belongs to.
    values : ndarray, shape (chain, draw, scalar)
    n_all : int
        How many there are, where only some were asked for.
    """

    labels: tuple[str, ...]
    variables: tuple[Variable, ...]
    values: np.ndarray
    n_all: int


def collect_scalars(
    posterior: Posterior, kinds: Collection[Kind] = COEFFICIENTS, *, at_most: int | None = None
) -> Scalars:
    """Return the scalars of some kinds of variables, each correlation once.

    Parameters
    ----------
    posterior : Posterior
    kinds : collection of str
        `b`, `sd`, `cor`, `r`, `auxiliary`; group effects (`r`) are left out unless asked for.
    at_most : int, optional
        Take this many, evenly spaced, when there are more.
    """
    draws = posterior.draws
    every = [
        (variable, place)
        for variable in _all_variables(posterior)
        if variable.kind in kinds and variable.name in draws
        for place in _INDICES[variable.kind](variable, draws[variable.name].shape[2:])
    ]
    chosen = every if at_most is None else [every[i] for i in _even_places(len(every), at_most)]
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    return Scalars(
        labels=tuple(_label(draws[variable.name], place) for variable, place in chosen),
        variables=tuple(variable for variable, _ in chosen),
        values=_stack([_take(draws[v.name].values, place) for v, place in chosen], shape),
        n_all=len(every),
    )


def _even_places(size: int, at_most: int) -> list[int]:
    places = np.linspace(0, size - 1, min(size, at_most)).round().astype(int)
    return [int(place) for place in places]


def _take(values: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    where: tuple[slice | int, ...] = (slice(None), slice(None), *place)
    return np.asarray(values[where])


def _stack(arrays: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    return np.stack(arrays, axis=2) if arrays else np.empty((*shape, 0))


def _all_variables(posterior: Posterior) -> tuple[Variable, ...]:
    """Return the model's variables and, last, any others that the engine returned."""
    named = list_variables(posterior.spec)
    known = {variable.name for variable in named}
    other = (str(name) for name in posterior.draws.data_vars if name not in known)
    extra = (Variable(name, "auxiliary", name, None, ()) for name in other)
    return (*named, *extra)


def _label(draws: xr.DataArray, place: tuple[int, ...]) -> str:
    if not place:
        return str(draws.name)
    parts = (
        str(draws.coords[dim].values[i]) if dim in draws.coords else str(i)
        for dim, i in zip(draws.dims[2:], place, strict=True)
    )
    return f"{draws.name}[{', '.join(parts)}]"


type _Index = Callable[[Variable, tuple[int, ...]], Iterator[tuple[int, ...]]]


def _every_place(variable: Variable, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return iter(np.ndindex(shape))


def _pairs_in_blocks(variable: Variable, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    assert variable.group is not None
    for block in variable.group.blocks:
        for i, first in enumerate(block):
            for second in block[i + 1 :]:
                yield first, second


_INDICES: dict[Kind, _Index] = {
    "b": _every_place,
    "sd": _every_place,
    "cor": _pairs_in_blocks,
    "r": _every_place,
    "auxiliary": _every_place,
}
