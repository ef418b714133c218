"""A group of the model and the draws that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import GroupDesign
from poolish.errors import UnknownNameError
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict.groups import Reader, fitted_group, group_reader
from poolish.predict.policies import group_names
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec

# Levels at a time: 4,000 draws of two effects take 64 MiB. The exact engine draws effects that it
# did not store in tiles of as many levels.
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class GroupEffects:
    """One group in one linear predictor, with its draws.

    Parameters
    ----------
    predictor : PredictorSpec
    group : GroupSpec
    design : GroupDesign
        The fitted rows.
    population : ndarray, shape (chain, draw, effect)
        The population-level coefficients of the same names, zero where there is none.
    read : callable
        `read(levels)`: deviations of some groups, shape (chain, draw, level, effect).
    sd : ndarray, shape (chain, draw, effect)
    cor : ndarray, shape (chain, draw, effect, effect), or None
        None for uncorrelated effects.
    """

    predictor: PredictorSpec
    group: GroupSpec
    design: GroupDesign
    population: np.ndarray
    read: Reader
    sd: np.ndarray
    cor: np.ndarray | None = None

    @property
    def n_levels(self) -> int:
        """Return the number of groups."""
        return len(self.group.levels)

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions of levels with the draws of their effects, so many at a time.

        Yields
        ------
        levels : ndarray of int, shape (level,)
        r : ndarray, shape (chain, draw, level, effect)
        """
        for start in range(0, self.n_levels, _CHUNK):
            levels = np.arange(start, min(start + _CHUNK, self.n_levels))
            yield levels, self.read(levels)

    def means(self) -> np.ndarray:
        """Return the posterior means of the deviations, shape (level, effect)."""
        return np.concatenate([r.mean(axis=(0, 1)) for _, r in self.chunks()])


def select_group(posterior: Posterior, name: str, *, parameter: str | None = None) -> GroupEffects:
    """Return a group of the model by name.

    Parameters
    ----------
    posterior : Posterior
    name : str
        `Subject`.
    parameter : str, optional
        The family parameter whose formula has it; the first that does when left out.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    """
    predictor, place = find_group(posterior.spec, name, parameter=parameter)
    return collect_effects(posterior, predictor, predictor.groups[place])


def find_group(
    spec: ModelSpec, name: str, *, parameter: str | None = None
) -> tuple[PredictorSpec, int]:
    """Return the predictor that has a group, and the group's place in it.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    """
    for predictor in spec.predictors.values():
        for place, group in enumerate(predictor.groups):
            if group.name == name and parameter in (None, predictor.parameter):
                return predictor, place
    names = group_names(spec)
    raise UnknownNameError(
        f"`{name}` is not a group of this model",
        given=f"group `{name}`" + (f" of parameter `{parameter}`" if parameter else ""),
        expected=f"one of {', '.join(names)}" if names else "a model with groups; this has none",
        fix=f'write, for example, "{names[0]}"' if names else "add a group term, `(1 | group)`",
    )


def collect_effects(
    posterior: Posterior, predictor: PredictorSpec, group: GroupSpec
) -> GroupEffects:
    """Return the draws that belong to a group."""
    sd = np.asarray(posterior.draws[tree_name(predictor.variable("sd", group))].values)
    cor = tree_name(predictor.variable("cor", group))
    return GroupEffects(
        predictor=predictor,
        group=group,
        design=fitted_group(posterior, predictor, group),
        population=_population(posterior, predictor, group),
        read=group_reader(posterior, predictor, group),
        sd=sd,
        cor=np.asarray(posterior.draws[cor].values) if cor in posterior.draws else None,
    )


def _population(posterior: Posterior, predictor: PredictorSpec, group: GroupSpec) -> np.ndarray:
    shape = (posterior.draws.sizes["chain"], posterior.draws.sizes["draw"], len(group.effects))
    population = np.zeros(shape)
    for k, effect in enumerate(group.effects):
        if effect in predictor.coefs:
            b = posterior.draws[predictor.variable("b")].values
            population[..., k] = b[..., predictor.coefs.index(effect)]
    return population
