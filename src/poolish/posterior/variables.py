"""Names, dimensions and coordinates of the posterior's variables, read off the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from poolish.spec.correlated import list_correlated
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
    dims = level_dims(spec)
    modelled = (v for p in spec.predictors.values() for v in _predictor_variables(p, dims))
    auxiliary = (
        Variable(name, "auxiliary", name, None, (element_dim(name),) * (name in spec.lengths))
        for name in spec.auxiliary
    )
    return (*modelled, *map(_joint_variable, list_shared(spec)), *auxiliary)


@dataclass(frozen=True, slots=True)
class SharedEffects:
    """Effects that `(x |p| g)` correlates, within a formula or between formulas.

    Parameters
    ----------
    group : GroupSpec
        The factor.
    share : str
        The label `p`.
    members : tuple of (PredictorSpec, GroupSpec, int)
        Predictor, group and position of each effect, in the order of the formulas.
    """

    group: GroupSpec
    share: str
    members: tuple[tuple[PredictorSpec, GroupSpec, int], ...]

    @property
    def variable(self) -> str:
        """Return the name of their correlation matrix, `cor_g__p`."""
        return tree_name(f"cor_{self.group.name}__{self.share}")

    @property
    def labels(self) -> tuple[str, ...]:
        """Return brms's labels: `Intercept`, `sigma_Intercept`."""
        return tuple(
            group.effects[k] if spec.parameter == "mu" else f"{spec.parameter}_{group.effects[k]}"
            for spec, group, k in self.members
        )

    @property
    def dims(self) -> tuple[str, str]:
        """Return the dimension of the effects and its second self."""
        dim = f"{tree_name(self.group.dim)}__{self.share}_effect"
        return dim, f"{dim}_bis"


def list_shared(spec: ModelSpec) -> tuple[SharedEffects, ...]:
    """Return the sets of effects that share a correlation matrix by a label."""
    return tuple(
        SharedEffects(each.members[0][1], str(each.share), each.members)
        for each in list_correlated(spec)
        if each.is_joint
    )


def list_coords(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Return the labels along every dimension of a model's posterior but chain and draw.

    Elements of a vector parameter are counted from 1.
    """
    dims = level_dims(spec)
    coords = {
        element_dim(name): tuple(str(i + 1) for i in range(length))
        for name, length in spec.lengths.items()
    }
    for predictor in spec.predictors.values():
        coords[coef_dim(predictor)] = predictor.coefs
        for group in predictor.groups:
            effect, effect_bis = effect_dims(predictor, group)
            coords |= {dims[group.dim]: group.levels}
            coords |= {effect: group.effects, effect_bis: group.effects}
    for shared in list_shared(spec):
        coords |= dict.fromkeys(shared.dims, shared.labels)
    return coords


def level_dims(spec: ModelSpec) -> dict[str, str]:
    """Return the dimension of each group's levels, by `GroupSpec.dim`.

    The same, unless a variable or another dimension is called so: a factor may be called `sigma`.
    """
    predictors = spec.predictors.values()
    groups = [(p, g) for p in predictors for g in p.groups]
    taken = {*spec.auxiliary, *map(element_dim, spec.lengths), *map(coef_dim, predictors)}
    taken |= {p.variable("b") for p in predictors}
    taken |= {dim for p, g in groups for dim in effect_dims(p, g)}
    taken |= {tree_name(p.variable(kind, g)) for p, g in groups for kind in ("sd", "cor", "r")}
    names = dict.fromkeys(g.dim for _, g in groups)
    return {name: _free_name(tree_name(name), taken) for name in names}


def coef_dim(predictor: PredictorSpec) -> str:
    """Return the dimension of the population-level coefficients, `coef` or `coef_sigma`."""
    return "coef" + _suffix(predictor)


def effect_dims(predictor: PredictorSpec, group: GroupSpec) -> tuple[str, str]:
    """Return the dimension of a group's effects and its second self for correlations."""
    dim = tree_name(group.dim)
    return f"{dim}_effect{_suffix(predictor)}", f"{dim}_effect_bis{_suffix(predictor)}"


def element_dim(name: str) -> str:
    """Return the dimension of a vector parameter, `threshold_dim`."""
    return f"{name}_dim"


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _suffix(predictor: PredictorSpec) -> str:
    return "" if predictor.parameter == "mu" else f"_{predictor.parameter}"


def _predictor_variables(predictor: PredictorSpec, dims: Mapping[str, str]) -> Iterator[Variable]:
    if predictor.coefs:
        name = predictor.variable("b")
        yield Variable(name, "b", predictor.parameter, None, (coef_dim(predictor),))
    for group in predictor.groups:
        yield from _group_variables(predictor, group, dims[group.dim])


def _joint_variable(shared: SharedEffects) -> Variable:
    everything = (tuple(range(len(shared.members))),)
    group = replace(shared.group, effects=shared.labels, blocks=everything)
    return Variable(shared.variable, "cor", "mu", group, shared.dims)


def _group_variables(
    predictor: PredictorSpec, group: GroupSpec, level_dim: str
) -> Iterator[Variable]:
    effect, effect_bis = effect_dims(predictor, group)
    kinds: dict[Kind, tuple[str, ...]] = {"sd": (effect,)}
    if any(len(block) > 1 for block in group.blocks):
        kinds["cor"] = (effect, effect_bis)
    kinds["r"] = (level_dim, effect)
    for kind, dims in kinds.items():
        name = tree_name(predictor.variable(kind, group))
        yield Variable(name, kind, predictor.parameter, group, dims)
