"""The groups of new rows: which are known, which are new, and draws of their effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from poolish.design.arrays import GroupDesign
from poolish.engines.exact import group_redraw
from poolish.errors import DataError, UnsupportedError
from poolish.formula import columns
from poolish.formula.terms import Formula, Grouping
from poolish.frame import FactorColumn, Table, as_factor
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict.policies import Policy, group_names
from poolish.relations.relation import listed
from poolish.spec.model import GroupSpec, PredictorSpec

_N_LISTED = 5
_GROUP_KINDS = ("sd", "cor", "r")

type Reader = Callable[[np.ndarray], np.ndarray]
type DrawReader = Callable[[slice, np.ndarray], np.ndarray]


def group_reader(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> Reader:
    """Return a function from positions of levels to the draws of their effects.

    Draws that the fit did not store are made again, bit for bit, when they are read.

    Parameters
    ----------
    posterior : Posterior
    spec : PredictorSpec
    group : GroupSpec

    Returns
    -------
    callable
        `read(levels)` returns an array of shape (chain, draw, level, effect).

    Raises
    ------
    UnsupportedError
        If the draws were not stored and the engine cannot make them again.
    """
    draw = group_draws(posterior, spec, group)
    return lambda levels: draw(slice(None), np.asarray(levels))


def group_draws(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> DrawReader:
    """Return a function from draws and positions of levels to their effects; see `group_reader`."""
    if is_stored(posterior, spec, group):
        stored = np.asarray(posterior.draws[tree_name(spec.variable("r", group))].values)
        return lambda draws, levels: stored[:, draws][:, :, levels]
    if posterior.record.engine != "exact":
        raise UnsupportedError(
            f"the effects of `{group.name}` were not stored",
            given=f"a fit by the {posterior.record.engine} engine with keep_groups=False",
            expected="stored effects, or a fit by the exact engine, which can draw them again",
            fix="fit again with `keep_groups=True`",
        )
    known = dict(_plain_names(posterior))
    seed = posterior.record.seed
    return group_redraw(posterior.spec, posterior.design, known, seed, group.name).draw


def is_stored(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> bool:
    """Return whether the draws of a group's effects were stored."""
    return tree_name(spec.variable("r", group)) in posterior.draws


def check_levels_seen(
    posterior: Posterior,
    spec: PredictorSpec,
    group: GroupSpec,
    table: Table,
    codes: np.ndarray,
) -> None:
    """Raise unless every row belongs to a group that was fitted.

    Raises
    ------
    DataError
        With the labels of the groups that were not.
    """
    if (codes >= 0).all():
        return
    labels = list(dict.fromkeys(unseen_labels(posterior, spec, group, table, codes)))
    if group.relation is not None:
        raise _not_in_relation(group, labels)
    more = f" and {len(labels) - _N_LISTED} more" if len(labels) > _N_LISTED else ""
    raise DataError(
        f"{len(labels)} level(s) of `{group.name}` were not fitted",
        given=f"levels {', '.join(labels[:_N_LISTED])}{more}",
        expected=f"one of the {len(group.levels)} fitted levels, "
        f"such as {', '.join(group.levels[:3])}",
        fix=f"ask for new groups with `groups={_asking_new(posterior, group)}`, for a typical one "
        'with "zero" in its place, or for the mean over groups with "integrate"',
    )


def _asking_new(posterior: Posterior, group: GroupSpec) -> str:
    """Return how new levels of one group are asked for, the other groups as fitted."""
    names = group_names(posterior.spec)
    if len(names) == 1:
        return '"new"'
    each = (f'"{n}": "{"new" if n == group.name else "observed"}"' for n in names)
    return f"{{{', '.join(each)}}}"


def unseen_labels(
    posterior: Posterior,
    spec: PredictorSpec,
    group: GroupSpec,
    table: Table,
    codes: np.ndarray,
) -> list[str]:
    """Return the label of each row whose group was not fitted."""
    factors = _factors(posterior, spec, group, table)
    return [":".join(f.levels[f.codes[i]] for f in factors) for i in np.flatnonzero(codes < 0)]


def number_new_groups(
    posterior: Posterior, spec: PredictorSpec, group: GroupSpec, table: Table
) -> tuple[np.ndarray, int]:
    """Return the number of each row's new group, rows of the same label alike, and how many.

    Returns
    -------
    codes : ndarray of int, shape (obs,)
    n_new : int
    """
    identity = np.column_stack([f.codes for f in _factors(posterior, spec, group, table)])
    unique, codes = np.unique(identity, axis=0, return_inverse=True)
    return codes.reshape(-1), len(unique)


def fill_group_columns(posterior: Posterior, table: Table, policies: Mapping[str, Policy]) -> Table:
    """Return the table with a constant in place of absent grouping columns that no answer needs.

    A typical group and the mean over groups need no group, so their columns may be left out.
    """
    needed = _population_columns(posterior.spec.formula)
    absent = {
        name
        for spec in posterior.spec.predictors.values()
        for group in spec.groups
        if policies[group.name] in ("zero", "integrate")
        for name in _variables(posterior, spec, group)
        if name not in table.columns and name not in needed
    }
    constant = FactorColumn(np.zeros(table.n_obs, dtype=int), ("(any)",))
    return replace(table, columns={**table.columns, **dict.fromkeys(absent, constant)})


def fitted_group(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> GroupDesign:
    """Return the fitted arrays of a group."""
    groups = posterior.design.predictors[spec.parameter].groups
    return next(design for design in groups if design.name == group.name)


def _not_in_relation(group: GroupSpec, labels: list[str]) -> DataError:
    return DataError(
        f"{len(labels)} level(s) of `{group.name}` are not in the fitted relation",
        given=f"levels {listed(labels)}",
        expected=f"one of the {len(group.levels)} labels of `{group.relation}`, "
        f"such as {', '.join(group.levels[:3])}",
        fix=f'pass `relations={{"{group.relation}": ...}}` with the fitted ids and the new ones, '
        'or ask for unrelated units with `groups="new"`',
    )


def _plain_names(posterior: Posterior) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the stored variables under the names that engines use."""
    predictors = posterior.spec.predictors.values()
    grouped = [p.variable(kind, g) for p in predictors for g in p.groups for kind in _GROUP_KINDS]
    plain = {tree_name(name): name for name in grouped}
    for name, values in posterior.draws.data_vars.items():
        yield plain.get(str(name), str(name)), values.values


def _population_columns(formula: Formula) -> frozenset[str]:
    parameters = tuple((name, replace(f, groups=())) for name, f in formula.parameters)
    bare = replace(formula, main=replace(formula.main, groups=()), parameters=parameters)
    return frozenset(columns(bare))


def _variables(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> tuple[str, ...]:
    """Return the columns whose values make the levels of a group."""
    formula = posterior.spec.formula
    linear = dict(formula.parameters).get(spec.parameter, formula.main)
    grouping = next(t.grouping for t in linear.groups if group.name in _names(t.grouping))
    return tuple(variable.name for variable in grouping.variables)


def _factors(
    posterior: Posterior, spec: PredictorSpec, group: GroupSpec, table: Table
) -> list[FactorColumn]:
    return [as_factor(table.columns[name]) for name in _variables(posterior, spec, group)]


def _names(grouping: Grouping) -> tuple[str, str]:
    """Return the names a group may have: `id.K` tells a known covariance from `id` itself."""
    return grouping.name, f"{grouping.name}.{grouping.relation}"
