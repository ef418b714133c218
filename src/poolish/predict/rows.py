"""What a prediction is evaluated on: designs of the rows, and the draws they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from poolish.design.arrays import GroupDesign, PredictorDesign
from poolish.errors import UnsupportedError
from poolish.frame import Table
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict.effects import GroupRows
from poolish.predict.groups import (
    check_levels_seen,
    fill_group_columns,
    fitted_group,
    group_reader,
    number_new_groups,
    unseen_labels,
)
from poolish.predict.policies import Policy
from poolish.predict.relatives import Extension, relate
from poolish.predict.shared import draw_shared
from poolish.relations.relation import Relation
from poolish.spec.adapt import evaluate_adapted
from poolish.spec.model import GroupSpec, PredictorSpec


@dataclass(frozen=True, slots=True)
class PredictorRows:
    """One linear predictor for the rows of a prediction, with the draws of its coefficients.

    Parameters
    ----------
    X : ndarray, shape (obs, coef)
    offset : ndarray, shape (obs,)
    b : ndarray, shape (sample, coef)
        Draws, chains after each other.
    groups : tuple of GroupRows
    """

    X: np.ndarray
    offset: np.ndarray
    b: np.ndarray
    groups: tuple[GroupRows, ...]


@dataclass(frozen=True, slots=True)
class PredictionRows:
    """Everything that a prediction needs.

    Parameters
    ----------
    predictors : Mapping of str to PredictorRows
        By family parameter.
    auxiliary : Mapping of str to ndarray, shape (sample, 1) or (sample, element)
        Draws of the parameters without a formula.
    labels : ndarray, shape (obs,)
    shape : tuple of int
        Chains, draws, rows.
    """

    predictors: Mapping[str, PredictorRows]
    auxiliary: Mapping[str, np.ndarray]
    labels: np.ndarray
    shape: tuple[int, int, int]

    @property
    def n_samples(self) -> int:
        """Return the number of draws of all chains together."""
        return self.shape[0] * self.shape[1]


def collect_rows(
    posterior: Posterior,
    table: Table | None,
    policies: Mapping[str, Policy],
    extension: Extension | None = None,
) -> PredictionRows:
    """Return what a prediction needs, for the rows of a table or those that were fitted.

    Parameters
    ----------
    posterior : Posterior
    table : Table or None
        None means the rows that were fitted.
    policies : Mapping of str to str
        What is asked for each group.
    extension : Extension, optional
        What is known of new units, for groups with a known covariance.

    Raises
    ------
    DataError
        If a group's own effects are asked for and a level was not fitted.
    RelationError
        If an extended relation does not fit that of the model.
    UnsupportedError
        If the mean over groups is asked for whose effects are shared between formulas.
    """
    source = posterior.table if table is None else table
    draws = posterior.draws
    predictors = {
        name: _predictor_rows(
            posterior, spec, source, policies, extension or Extension(), is_new=table is not None
        )
        for name, spec in posterior.spec.predictors.items()
    }
    return PredictionRows(
        predictors=predictors,
        auxiliary={name: _parameter(draws, name) for name in posterior.spec.auxiliary},
        labels=np.asarray(source.rows),
        shape=(draws.sizes["chain"], draws.sizes["draw"], source.n_obs),
    )


def _predictor_rows(
    posterior: Posterior,
    spec: PredictorSpec,
    source: Table,
    policies: Mapping[str, Policy],
    extension: Extension,
    *,
    is_new: bool,
) -> PredictorRows:
    draws = posterior.draws
    name = spec.parameter
    has_effects = any(policies[group.name] != "zero" for group in spec.groups)
    arrays = posterior.design.predictors[name]
    if is_new:
        filled = fill_group_columns(posterior, source, policies)
        arrays = evaluate_adapted(posterior.recipe, spec, filled, groups=has_effects)
    b = _samples(draws, spec.variable("b")) if spec.coefs else np.empty((_n_samples(draws), 0))
    found = _group_rows(posterior, spec, arrays, source, policies, extension)
    groups = tuple(found) if has_effects else ()
    return PredictorRows(arrays.X, arrays.offset, b, groups)


def _group_rows(
    posterior: Posterior,
    spec: PredictorSpec,
    arrays: PredictorDesign,
    source: Table,
    policies: Mapping[str, Policy],
    extension: Extension,
) -> Iterator[GroupRows]:
    for group, design in zip(spec.groups, arrays.groups, strict=True):
        policy = policies[group.name]
        if policy == "integrate":
            _refuse_shared(group, policy)
        yield _one_group(posterior, spec, group, design, source, policy, extension)


def _one_group(
    posterior: Posterior,
    spec: PredictorSpec,
    group: GroupSpec,
    design: GroupDesign,
    source: Table,
    policy: Policy,
    extension: Extension,
) -> GroupRows:
    if policy == "observed" and group.relation in extension.relations:
        return _related_group(posterior, spec, group, design, source, extension)
    draws = posterior.draws
    codes, n_new, r = design.codes, 0, None
    if policy == "observed":
        check_levels_seen(posterior, spec, group, source, codes)
        used, codes = np.unique(codes, return_inverse=True)
        r = _flat(group_reader(posterior, spec, group)(used))
    if policy == "new":
        codes, n_new = number_new_groups(posterior, spec, group, source)
        if any(share is not None for share in group.share):
            policy, r = "observed", draw_shared(posterior, spec, group, n_new, extension.seed)
    cor = tree_name(spec.variable("cor", group))
    scale = np.sqrt(relation_scale(fitted_group(posterior, spec, group).relation))
    return GroupRows(
        policy=policy,
        Z=design.Z,
        codes=codes,
        n_new=n_new,
        sd=_samples(draws, spec.variable("sd", group)) * scale,
        cor=_samples(draws, cor) if cor in draws else None,
        r=r,
    )


def _related_group(
    posterior: Posterior,
    spec: PredictorSpec,
    group: GroupSpec,
    design: GroupDesign,
    source: Table,
    extension: Extension,
) -> GroupRows:
    """Return a group's effects, those of new units drawn given those of the fitted ones."""
    draws, read = posterior.draws, group_reader(posterior, spec, group)
    fitted = fitted_group(posterior, spec, group).relation
    assert fitted is not None and group.relation is not None
    used = np.unique(design.codes[design.codes >= 0])
    labels, codes_of_new = np.unique(
        unseen_labels(posterior, spec, group, source, design.codes), return_inverse=True
    )
    codes = np.searchsorted(used, design.codes)
    codes[design.codes < 0] = len(used) + codes_of_new.reshape(-1)
    cor = tree_name(spec.variable("cor", group))
    rows = GroupRows(
        policy="observed",
        Z=design.Z,
        codes=codes,
        n_new=0,
        sd=_samples(draws, spec.variable("sd", group)),
        cor=_samples(draws, cor) if cor in draws else None,
        r=_flat(read(used)),
    )
    if not len(labels):
        return rows
    _refuse_shared(group, "observed")
    extended = extension.relations[group.relation]
    relatives = relate(fitted, extended, labels.tolist(), name=group.relation)
    rng = np.random.default_rng([extension.seed, *spec.variable("r", group).encode()])
    new = relatives.draw(_flat(read(relatives.used)), rows, rng)
    return replace(rows, r=np.concatenate([rows.r, new], axis=1))


def relation_scale(relation: Relation | None) -> float:
    """Return the variance of a unit of the population when sd is 1.

    The mean diagonal of the known covariance; 1 where only its inverse is known.
    """
    if relation is None or relation.variances is None:
        return 1.0
    return float(relation.variances.mean())


def _refuse_shared(group: GroupSpec, policy: Policy) -> None:
    if any(share is not None for share in group.share):
        raise UnsupportedError(
            f"group `{group.name}` shares its effects with another formula",
            given=f'groups="{policy}" and effects written `| {group.share[0]} |`',
            expected='"observed", "new" or "zero" for such groups',
            fix="average predictions for new groups, or leave the shared label out",
        )


def _parameter(draws: xr.Dataset, name: str) -> np.ndarray:
    values = _samples(draws, name)
    return values[:, None] if values.ndim == 1 else values


def _samples(draws: xr.Dataset, name: str) -> np.ndarray:
    return _flat(np.asarray(draws[tree_name(name)].values))


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])


def _n_samples(draws: xr.Dataset) -> int:
    return int(draws.sizes["chain"] * draws.sizes["draw"])
