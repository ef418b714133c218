"""A group of the model and the draws that belong to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import GroupDesign
from poolish.errors import UnknownNameError
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict.groups import fitted_group, group_draws
from poolish.predict.policies import group_names
from poolish.spec.model import GroupSpec, PredictorSpec


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
    r : ndarray, shape (chain, draw, level, effect)
        Deviations of the groups.
    sd : ndarray, shape (chain, draw, effect)
    """

    predictor: PredictorSpec
    group: GroupSpec
    design: GroupDesign
    population: np.ndarray
    r: np.ndarray
    sd: np.ndarray


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
    predictors = posterior.spec.predictors.values()
    chosen = [p for p in predictors if parameter in (None, p.parameter)]
    for predictor in chosen:
        for group in predictor.groups:
            if group.name == name:
                return collect_effects(posterior, predictor, group)
    names = group_names(posterior.spec)
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
    return GroupEffects(
        predictor=predictor,
        group=group,
        design=fitted_group(posterior, predictor, group),
        population=_population(posterior, predictor, group),
        r=group_draws(posterior, predictor, group),
        sd=sd,
    )


def _population(posterior: Posterior, predictor: PredictorSpec, group: GroupSpec) -> np.ndarray:
    shape = (posterior.draws.sizes["chain"], posterior.draws.sizes["draw"], len(group.effects))
    population = np.zeros(shape)
    for k, effect in enumerate(group.effects):
        if effect in predictor.coefs:
            b = posterior.draws[predictor.variable("b")].values
            population[..., k] = b[..., predictor.coefs.index(effect)]
    return population
