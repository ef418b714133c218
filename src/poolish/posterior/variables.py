"""Names, dimensions and coordinates of the posterior's variables, read off the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec

type Kind = Literal["b", "sd", "cor", "r", "auxiliary"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the posterior.

    Parameters
    ----------
    name : str
        `b`, `sd_Subject`, `cor_Subject`, `r_Subject`, `sigma`, `b_sigma`, ...
    kind : str
    parameter : str
        The family parameter it belongs to.
    group : GroupSpec or None
    dims : tuple of str
        Dimensions beside chain and draw.
    """

    name: str
    kind: Kind
    parameter: str
    group: GroupSpec | None
    dims: tuple[str, ...]


def tree_name(name: str) -> str:
    """Return a name that may stand in a DataTree, where `/` separates groups."""
    return name.replace("/", "\N{DIVISION SLASH}")


def list_variables(spec: ModelSpec) -> tuple[Variable, ...]:
    """Return the variables of a model's posterior, in the order they are shown."""
    modelled = (v for p in spec.predictors.values() for v in _predictor_variables(p))
    auxiliary = (Variable(name, "auxiliary", name, None, ()) for name in spec.auxiliary)
    return (*modelled, *auxiliary)


def list_coords(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Return the labels along every dimension of a model's posterior but chain and draw."""
    coords: dict[str, tuple[str, ...]] = {}
    for predictor in spec.predictors.values():
        coords[coef_dim(predictor)] = predictor.coefs
        for group in predictor.groups:
            effect, effect_bis = effect_dims(predictor, group)
            coords |= {tree_name(group.dim): group.levels}
            coords |= {effect: group.effects, effect_bis: group.effects}
    return coords


def coef_dim(predictor: PredictorSpec) -> str:
    """Return the dimension of the population-level coefficients, `coef` or `coef_sigma`."""
    return "coef" + _suffix(predictor)


def effect_dims(predictor: PredictorSpec, group: GroupSpec) -> tuple[str, str]:
    """Return the dimension of a group's effects and its second self for correlations."""
    dim = tree_name(group.dim)
    return f"{dim}_effect{_suffix(predictor)}", f"{dim}_effect_bis{_suffix(predictor)}"


def _suffix(predictor: PredictorSpec) -> str:
    return "" if predictor.parameter == "mu" else f"_{predictor.parameter}"


def _predictor_variables(predictor: PredictorSpec) -> Iterator[Variable]:
    if predictor.coefs:
        name = predictor.variable("b")
        yield Variable(name, "b", predictor.parameter, None, (coef_dim(predictor),))
    for group in predictor.groups:
        yield from _group_variables(predictor, group)


def _group_variables(predictor: PredictorSpec, group: GroupSpec) -> Iterator[Variable]:
    effect, effect_bis = effect_dims(predictor, group)
    dims: dict[Kind, tuple[str, ...]] = {"sd": (effect,)}
    if any(len(block) > 1 for block in group.blocks):
        dims["cor"] = (effect, effect_bis)
    dims["r"] = (tree_name(group.dim), effect)
    for kind, names in dims.items():
        name = tree_name(predictor.variable(kind, group))
        yield Variable(name, kind, predictor.parameter, group, names)
