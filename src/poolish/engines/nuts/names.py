"""Names of variables and dimensions inside a PyMC model; those that people see are DESIGN's."""

from __future__ import annotations

from collections.abc import Iterator

from poolish.spec.correlated import list_correlated
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec


def suffix(predictor: PredictorSpec) -> str:
    """Return what tells a parameter's names from those of the main one: `_sigma`, or nothing."""
    return "" if predictor.parameter == "mu" else f"_{predictor.parameter}"


def coef_dim(predictor: PredictorSpec) -> str:
    """Return the dimension of the coefficients, `coef` or `coef_sigma`."""
    return f"coef{suffix(predictor)}"


def effect_dims(predictor: PredictorSpec, group: GroupSpec) -> tuple[str, str]:
    """Return the dimension of a group's effects and its second self for correlations."""
    end = suffix(predictor)
    return f"{group.dim}_effect{end}", f"{group.dim}_effect_bis{end}"


def joint_name(kind: str, group: GroupSpec, share: str) -> str:
    """Return the name of a variable of effects shared by `(x |p| g)`: `cor_g__p`."""
    return f"{kind}_{group.name}__{share}"


def joint_dims(group: GroupSpec, share: str) -> tuple[str, str]:
    """Return the dimensions of the joint correlation matrix of `(x |p| g)`."""
    return f"{group.dim}__{share}_effect", f"{group.dim}__{share}_effect_bis"


def joint_label(predictor: PredictorSpec, effect: str) -> str:
    """Return the label of an effect in a joint correlation matrix: `Intercept`, `sigma_Intercept`.

    As brms labels them.
    """
    return effect if predictor.parameter == "mu" else f"{predictor.parameter}_{effect}"


def vector_dim(parameter_name: str, dim: str | None) -> str:
    """Return the dimension of a vector parameter, never the name of the variable itself."""
    name = dim or f"{parameter_name}_element"
    return f"{name}_index" if name == parameter_name else name


def public_variables(spec: ModelSpec, *, keep_groups: bool = True) -> tuple[str, ...]:
    """Return the variables that people see, in the order they are shown.

    Parameters
    ----------
    spec : ModelSpec
    keep_groups : bool
        Whether the group effects `r_G` are among them.
    """
    modelled = (v for p in spec.predictors.values() for v in _predictor(p, keep_groups))
    return tuple(dict.fromkeys((*modelled, *_joint(spec), *spec.auxiliary)))


def _predictor(predictor: PredictorSpec, keep_groups: bool) -> Iterator[str]:
    if predictor.coefs:
        yield predictor.variable("b")
    for group in predictor.groups:
        yield predictor.variable("sd", group)
        if any(len(block) > 1 for block in group.blocks):
            yield predictor.variable("cor", group)
        if keep_groups:
            yield predictor.variable("r", group)


def _joint(spec: ModelSpec) -> Iterator[str]:
    """Yield the joint correlations of effects that share them by a label."""
    yield from (each.variable for each in list_correlated(spec) if each.is_joint)
