"""Unordered categories: one linear predictor per level but the first, the reference."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.errors import FamilyError
from poolish.spec.families.aliases import Native, Pymc, Tensors
from poolish.spec.families.checks import check_levels
from poolish.spec.families.ordinal import category_fields, pick
from poolish.spec.families.rows import build_family
from poolish.spec.family import Parameter, Parameters

MU = Parameter("mu", ("latent",), lower=-np.inf)


def level_parameters(levels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the predictors: `mu` and the level, without what a name cannot hold.

    Examples
    --------
    >>> level_parameters(("car", "bus", "on foot"))
    ('mubus', 'muonfoot')
    """
    return tuple("mu" + re.sub(r"\W", "", level) for level in levels[1:])


def _active(response: ResponseDesign) -> tuple[Parameter, ...]:
    return tuple(replace(MU, name=name) for name in level_parameters(response.levels))


def _check(response: ResponseDesign) -> None:
    check_levels(response)
    names = level_parameters(response.levels)
    if len(set(names)) < len(names):
        raise FamilyError(
            f"two levels of the outcome `{response.name}` give predictors of the same name",
            given=f"levels {', '.join(response.levels)}",
            expected="levels that differ in their letters, digits or underscores",
            fix="rename these levels",
        )


def _logits(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return the linear predictors, 0 for the reference, shape (..., obs, category)."""
    mus = [parameters[name] for name in level_parameters(response.levels)]
    return np.stack(np.broadcast_arrays(np.zeros(len(response.y)), *mus), axis=-1)


def _log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return pick(special.log_softmax(_logits(parameters, response), axis=-1), y)


def _probabilities(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return np.asarray(special.softmax(_logits(parameters, response), axis=-1))


def _native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    zeros = np.zeros(len(response.y))
    mus = [parameters[name] + zeros for name in level_parameters(response.levels)]
    return pm.Categorical, {"logit_p": pm.math.stack([0.0 * mus[0], *mus], axis=-1)}


CATEGORICAL = build_family(
    "categorical",
    (MU,),
    check=_check,
    log_density=_log_density,
    native=_native,
    parameters_for=_active,
    response_kind="category",
    **category_fields(_probabilities),
)
