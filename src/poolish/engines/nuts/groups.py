"""Group effects: standard deviations, correlations, and the effects themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolish.design.arrays import Design, GroupDesign
from poolish.engines.nuts.correlation import Rows, add_correlation_factor, correlation
from poolish.engines.nuts.names import effect_dims, joint_dims, joint_label, joint_name
from poolish.engines.nuts.priors import POSITIVE, declare
from poolish.engines.nuts.relation import add_related_normals
from poolish.engines.nuts.tensors import Tensor, times
from poolish.spec.correlated import CorrelatedEffects, list_correlated
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

type Key = tuple[str, str]
type Centered = Mapping[Key, tuple[bool, ...]]


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of one group of one predictor."""

    predictor: PredictorSpec
    group: GroupSpec
    arrays: GroupDesign
    index: int

    @property
    def key(self) -> Key:
        """Return which parameter and which group it belongs to."""
        return self.predictor.parameter, self.group.name

    @property
    def label(self) -> str:
        """Return the effect's name as typed."""
        return self.group.effects[self.index]


@dataclass(frozen=True, slots=True)
class Block:
    """Effects that are correlated with each other.

    Parameters
    ----------
    effects : tuple of Effect
        Of one group, or, for `(x |p| g)`, of several predictors over the same factor.
    prior : Prior
        Of their correlation matrix.
    share : str or None
        The `p` of `(x |p| g)`.
    position : int or None
        Which block of its group, when that has several.
    """

    effects: tuple[Effect, ...]
    prior: Prior
    share: str | None = None
    position: int | None = None

    def variable(self, kind: str) -> str:
        """Return a variable's name, `cor_Subject`; told apart where a group has many blocks."""
        first = self.effects[0]
        if self.share is not None:
            return joint_name(kind, first.group, self.share)
        name = first.predictor.variable(kind, first.group)
        return name if self.position is None else f"{name}[{self.position}]"


def list_blocks(spec: ModelSpec, design: Design, centered: Centered) -> tuple[Block, ...]:
    """Return every set of correlated effects of a model; shared ones are joined.

    In a block with centred effects these come first, the intercept last of them: see
    `_add_centered`.
    """
    return tuple(_block(each, design, centered) for each in list_correlated(spec))


def _block(found: CorrelatedEffects, design: Design, centered: Centered) -> Block:
    effects = tuple(
        Effect(predictor, group, _arrays(design, predictor, group), place)
        for predictor, group, place in found.members
    )
    _, group, place = found.members[0]
    positions = [k for k, block in enumerate(group.blocks) if place in block]
    position = positions[0] if len(group.blocks) > 1 else None
    block = Block(effects, found.prior, found.share, position)
    if _has_centered(block, centered):

        def rank(effect: Effect) -> tuple[bool, bool]:
            return not _is_centered(effect, centered), _is_intercept(effect)

        return replace(block, effects=tuple(sorted(effects, key=rank)))
    return block


def _arrays(design: Design, predictor: PredictorSpec, group: GroupSpec) -> GroupDesign:
    groups = design.predictors[predictor.parameter].groups
    return next(arrays for arrays in groups if arrays.name == group.name)


def _is_intercept(effect: Effect) -> bool:
    return effect.label == "Intercept"


def _is_centered(effect: Effect, centered: Centered) -> bool:
    return centered[effect.key][effect.index]


def _has_centered(block: Block, centered: Centered) -> bool:
    return any(_is_centered(effect, centered) for effect in block.effects)


def add_groups(
    spec: ModelSpec,
    design: Design,
    centered: Centered,
    coefs: Mapping[str, Mapping[str, Tensor]],
) -> dict[Key, Tensor]:
    """Return `sum over effects of Z r[codes]` of every group as tensors, shape (obs,).

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    centered : Mapping of (parameter, group) to tuple of bool
        Parameterization of each effect.
    coefs : Mapping of str to (Mapping of str to Tensor)
        Population coefficients by parameter and label: what centred effects are centred at.
    """
    sds = {
        (predictor.parameter, group.name): _add_sd(predictor, group)
        for predictor in spec.predictors.values()
        for group in predictor.groups
    }
    blocks = list_blocks(spec, design, centered)
    centers = _centers(blocks, design, centered, coefs)
    factors = [_add_factor(block) for block in blocks]
    columns: dict[tuple[Key, int], Any] = {}
    for block, rows in zip(blocks, factors, strict=True):
        sd = [sds[effect.key][effect.index] for effect in block.effects]
        effects = (
            _add_centered(block, rows, sd, centered, centers)
            if _has_centered(block, centered)
            else _add_noncentered(block, rows, sd)
        )
        columns |= dict(zip(map(_place, block.effects), effects, strict=True))
    _add_correlations(spec, blocks, factors)
    return _collect(spec, design, columns)


def _add_sd(predictor: PredictorSpec, group: GroupSpec) -> Tensor:
    dims = effect_dims(predictor, group)
    name = predictor.variable("sd", group)
    return declare(name, group.sd_priors, bounds=POSITIVE, dims=dims[0])


def _add_factor(block: Block) -> Rows:
    name = f"{block.variable('cor')}_partial"
    return add_correlation_factor(name, len(block.effects), block.prior)


def _place(effect: Effect) -> tuple[Key, int]:
    return effect.key, effect.index


def _centers(
    blocks: tuple[Block, ...],
    design: Design,
    centered: Centered,
    coefs: Mapping[str, Mapping[str, Tensor]],
) -> dict[tuple[Key, int], Tensor]:
    """Return what each centred effect varies around: its population coefficient.

    For the intercept, the whole population part at the averages of each level's rows. Each
    coefficient once: of several factors that with the fewest levels takes it, whose mean the data
    tell apart from the coefficient least.
    """
    effects = [e for block in blocks for e in block.effects if _is_centered(e, centered)]
    owners: dict[tuple[str, str], Effect] = {}
    for effect in sorted(effects, key=lambda effect: -effect.arrays.n_levels):
        parameter = effect.predictor.parameter
        if effect.label in coefs[parameter]:
            owners[parameter, effect.label] = effect
    return {
        _place(effect): _population_level(effect, design, coefs[name])
        if _is_intercept(effect)
        else coefs[name][label]
        for (name, label), effect in owners.items()
    }


def _population_level(effect: Effect, design: Design, coefs: Mapping[str, Tensor]) -> Tensor:
    """Return `X b` at the averages of the rows of each level, shape (level,)."""
    arrays, codes = design.predictors[effect.predictor.parameter], effect.arrays.codes
    n_levels = effect.arrays.n_levels
    sums = [np.bincount(codes, weights=column, minlength=n_levels) for column in arrays.X.T]
    sizes = np.maximum(np.bincount(codes, minlength=n_levels), 1)
    means = np.column_stack(sums) / sizes[:, None]
    return times(means, pt.stack([coefs[label] for label in arrays.coefs]))


def _add_noncentered(block: Block, rows: Rows, sd: list[Any]) -> list[Any]:
    """Return diag(sd) L z, one vector over levels per effect."""
    z = _add_normals(block)
    return [
        s * sum(entry * z[j] for j, entry in enumerate(row))
        for s, row in zip(sd, rows, strict=True)
    ]


def _add_normals(block: Block) -> list[Any]:
    first, name, q = block.effects[0], block.variable("z"), len(block.effects)
    if first.arrays.relation is not None:
        return add_related_normals(name, first.arrays.relation, q)
    if q == 1:
        return [pm.Normal(name, 0.0, 1.0, dims=first.group.dim)]
    # Effects first: each row is contiguous.
    z = pm.Normal(name, 0.0, 1.0, shape=(q, len(first.group.levels)))
    return [z[k] for k in range(q)]


def _add_centered(
    block: Block,
    rows: Rows,
    sd: list[Tensor],
    centered: Centered,
    centers: Mapping[tuple[Key, int], Tensor],
) -> list[Tensor]:
    """Return the same distribution effect by effect: r_i given those before it is normal.

    r_i = sd_i (sum_{j<i} L_ij z_j + L_ii z_i), z_j recovered from r_j; no matrix is inverted.
    What is sampled of a centred effect is the group's own coefficient b_i + r_i, and for the
    intercept, the last of them, its value at the averages of the predictors: rich data inform these
    almost independently. Both are shifts given what comes before, with Jacobian 1. Of another
    effect it is z_i, given the centred ones: so the correlation moves freely where the data say
    little of that effect.
    """
    columns: list[Tensor] = []
    z: list[Tensor] = []
    for effect, s, row in zip(block.effects, sd, rows, strict=True):
        mean: Tensor = s * sum(entry * before for entry, before in zip(row, z, strict=False))
        scale, dim = s * row[-1], effect.group.dim
        if not _is_centered(effect, centered):
            name = effect.predictor.variable("z", effect.group)
            z.append(pm.Normal(f"{name}[{effect.label}]", 0.0, 1.0, dims=dim))
            columns.append(mean + scale * z[-1])
            continue
        shift: Tensor = centers.get(_place(effect), 0.0)
        if _is_intercept(effect):
            shift = shift + _at_average(block, effect, columns)
        name = effect.predictor.variable("coef", effect.group)
        own = pm.Normal(f"{name}[{effect.label}]", mean + shift, scale, dims=dim)
        columns.append(own - shift)
        z.append((columns[-1] - mean) / scale)
    return columns


def _at_average(block: Block, intercept: Effect, columns: list[Tensor]) -> Tensor:
    """Return what the other effects of the same predictor add at the averages of their columns."""
    others = zip(block.effects, columns, strict=False)
    return sum(
        r * float(other.arrays.Z[:, other.index].mean())
        for other, r in others
        if other.key == intercept.key
    )


def _add_correlations(spec: ModelSpec, blocks: tuple[Block, ...], factors: list[Rows]) -> None:
    """Add `cor_G` for every group with correlated effects, and the joint one of shared blocks."""
    entries: dict[Key, dict[tuple[int, int], Any]] = {}
    owners: dict[Key, Effect] = {}
    for block, rows in zip(blocks, factors, strict=True):
        for a, first in enumerate(block.effects):
            owners[first.key] = first
            for b, second in enumerate(block.effects):
                if first.key == second.key:
                    places = entries.setdefault(first.key, {})
                    places[first.index, second.index] = correlation(rows, a, b)
        if block.share is not None and len(block.effects) > 1:
            _add_joint_correlation(spec, block, rows)
    for key, owner in owners.items():
        if any(len(part) > 1 for part in owner.group.blocks):
            name = owner.predictor.variable("cor", owner.group)
            matrix = _matrix(entries[key], len(owner.group.effects))
            pm.Deterministic(name, matrix, dims=effect_dims(owner.predictor, owner.group))


def _add_joint_correlation(spec: ModelSpec, block: Block, rows: Rows) -> None:
    # In the order of the formulas, which that of a centred block is not.
    q, rank = len(block.effects), list(spec.predictors)
    places = [(rank.index(e.predictor.parameter), e.index) for e in block.effects]
    order = sorted(range(q), key=places.__getitem__)
    dims = joint_dims(block.effects[0].group, str(block.share))
    effects = [block.effects[i] for i in order]
    labels = tuple(joint_label(effect.predictor, effect.label) for effect in effects)
    for dim in dims:
        pm.modelcontext(None).add_coord(dim, labels)
    values = {(i, j): correlation(rows, order[i], order[j]) for i in range(q) for j in range(q)}
    pm.Deterministic(block.variable("cor"), _matrix(values, q), dims=dims)


def _matrix(entries: Mapping[tuple[int, int], Any], size: int) -> Tensor:
    flat = [pt.as_tensor(entries.get((i, j), 0.0)) for i in range(size) for j in range(size)]
    return pt.stack([value.astype("float64") for value in flat]).reshape((size, size))


def _collect(
    spec: ModelSpec, design: Design, columns: Mapping[tuple[Key, int], Any]
) -> dict[Key, Any]:
    sums: dict[Key, Any] = {}
    for name, predictor in spec.predictors.items():
        for group, arrays in zip(predictor.groups, design.predictors[name].groups, strict=True):
            key = (predictor.parameter, group.name)
            effects = [columns[key, k] for k in range(arrays.n_effects)]
            dims = (group.dim, effect_dims(predictor, group)[0])
            pm.Deterministic(predictor.variable("r", group), pt.stack(effects, axis=1), dims=dims)
            sums[key] = sum(_row_terms(arrays, k, r) for k, r in enumerate(effects))
    return sums


def _row_terms(arrays: GroupDesign, k: int, r: Tensor) -> Tensor:
    # One vector gather per effect: a gather of rows of a matrix costs 10 s more to compile.
    values = r[arrays.codes]
    column = arrays.Z[:, k]
    return values if (column == 1.0).all() else values * column
