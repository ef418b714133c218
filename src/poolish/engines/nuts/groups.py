"""Group effects: standard deviations, correlations, and the effects themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from poolish.design.arrays import Design, GroupDesign
from poolish.engines.nuts.correlation import Rows, add_correlation_factor, correlation
from poolish.engines.nuts.names import effect_dims, joint_dims, joint_label, joint_name
from poolish.engines.nuts.priors import POSITIVE, declare
from poolish.engines.nuts.relation import add_related_normals
from poolish.engines.nuts.tensors import Tensor
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

type Key = tuple[str, str]


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


def list_blocks(spec: ModelSpec, design: Design) -> tuple[Block, ...]:
    """Return every set of correlated effects of a model; shared ones are joined."""
    blocks: dict[tuple[Any, ...], Block] = {}
    for name, predictor in spec.predictors.items():
        for group, arrays in zip(predictor.groups, design.predictors[name].groups, strict=True):
            shares = group.share or (None,) * len(group.blocks)
            for k, (block, share) in enumerate(zip(group.blocks, shares, strict=True)):
                effects = tuple(Effect(predictor, group, arrays, i) for i in block)
                key = (name, group.name, k) if share is None else (group.name, share)
                before = blocks[key].effects if key in blocks else ()
                position = k if len(group.blocks) > 1 else None
                blocks[key] = Block((*before, *effects), group.cor_priors[k], share, position)
    return tuple(blocks.values())


def add_groups(spec: ModelSpec, design: Design, centered: Mapping[Key, bool]) -> dict[Key, Any]:
    """Return `sum over effects of Z r[codes]` of every group as tensors, shape (obs,).

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    centered : Mapping of (parameter, group) to bool
        Parameterization of each group.
    """
    sds = {
        (predictor.parameter, group.name): _add_sd(predictor, group)
        for predictor in spec.predictors.values()
        for group in predictor.groups
    }
    blocks = list_blocks(spec, design)
    factors = [_add_factor(block) for block in blocks]
    columns: dict[tuple[Key, int], Any] = {}
    for block, rows in zip(blocks, factors, strict=True):
        sd = [sds[effect.key][effect.index] for effect in block.effects]
        columns |= _add_effects(block, rows, sd, centered)
    _add_correlations(blocks, factors)
    return _collect(spec, design, columns)


def _add_sd(predictor: PredictorSpec, group: GroupSpec) -> Tensor:
    dims = effect_dims(predictor, group)
    name = predictor.variable("sd", group)
    return declare(name, group.sd_priors, bounds=POSITIVE, dims=dims[0])


def _add_factor(block: Block) -> Rows:
    name = f"{block.variable('cor')}_partial"
    return add_correlation_factor(name, len(block.effects), block.prior)


def _add_effects(
    block: Block, rows: Rows, sd: list[Any], centered: Mapping[Key, bool]
) -> dict[tuple[Key, int], Any]:
    is_centered = all(centered[effect.key] for effect in block.effects)
    add = _add_centered if is_centered else _add_noncentered
    columns = add(block, rows, sd)
    keys = [(effect.key, effect.index) for effect in block.effects]
    return dict(zip(keys, columns, strict=True))


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


def _add_centered(block: Block, rows: Rows, sd: list[Any]) -> list[Any]:
    """Return the same distribution effect by effect: r_i given those before it is normal.

    r_i = sd_i (sum_{j<i} L_ij z_j + L_ii z_i), z_j recovered from r_j; no matrix is inverted.
    """
    columns: list[Any] = []
    z: list[Any] = []
    for effect, s, row in zip(block.effects, sd, rows, strict=True):
        mean: Any = s * sum(entry * before for entry, before in zip(row, z, strict=False))
        name = effect.predictor.variable("r", effect.group)
        r = pm.Normal(f"{name}[{effect.label}]", mean, s * row[-1], dims=effect.group.dim)
        columns.append(r)
        z.append((r - mean) / (s * row[-1]))
    return columns


def _add_correlations(blocks: tuple[Block, ...], factors: list[Rows]) -> None:
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
            _add_joint_correlation(block, rows)
    for key, owner in owners.items():
        if any(len(part) > 1 for part in owner.group.blocks):
            name = owner.predictor.variable("cor", owner.group)
            matrix = _matrix(entries[key], len(owner.group.effects))
            pm.Deterministic(name, matrix, dims=effect_dims(owner.predictor, owner.group))


def _add_joint_correlation(block: Block, rows: Rows) -> None:
    q = len(block.effects)
    dims = joint_dims(block.effects[0].group, str(block.share))
    labels = tuple(joint_label(effect.predictor, effect.label) for effect in block.effects)
    for dim in dims:
        pm.modelcontext(None).add_coord(dim, labels)
    values = {(i, j): correlation(rows, i, j) for i in range(q) for j in range(q)}
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
