"""Group terms to integer codes and effect columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from poolish.design.arrays import GroupDesign
from poolish.design.encode import Encoded, encode
from poolish.design.states import Memory
from poolish.errors import (
    DataError,
    FormulaError,
    RelationError,
    UnknownNameError,
)
from poolish.formula.terms import Grouping, GroupTerm, Name
from poolish.frame import FactorColumn, Table, as_factor, get_column, relabel
from poolish.relations.relation import Relation

SHOWN = 10


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The group terms of one factor and relation, and the name they go by."""

    name: str
    grouping: Grouping
    terms: tuple[GroupTerm, ...]


def plan_groups(terms: Sequence[GroupTerm]) -> tuple[GroupPlan, ...]:
    """Return the group terms gathered by factor and relation.

    Where a factor occurs with and without a known covariance (or with several), the name of the
    relation tells them apart: `id` and `id.K`.
    """
    gathered: dict[tuple[frozenset[Name], str | None], list[GroupTerm]] = {}
    for term in terms:
        key = frozenset(term.grouping.variables), term.grouping.relation
        gathered.setdefault(key, []).append(term)
    n_uses = Counter(factor for factor, _ in gathered)
    return tuple(
        GroupPlan(_plan_name(found[0].grouping, n_uses[factor]), found[0].grouping, tuple(found))
        for (factor, _), found in gathered.items()
    )


def _plan_name(grouping: Grouping, n_uses: int) -> str:
    if n_uses == 1 or grouping.relation is None:
        return grouping.name
    return f"{grouping.name}.{grouping.relation}"


# --- Codes ---


def group_codes(grouping: Grouping, table: Table) -> FactorColumn:
    """Return the factor, or the combinations of several factors that occur in the table."""
    factors = (as_factor(get_column(table, v.name, v.source)) for v in grouping.variables)
    return reduce(_cross, map(_observed, factors))


def _observed(factor: FactorColumn) -> FactorColumn:
    counts = np.bincount(factor.codes, minlength=len(factor.levels))
    if counts.all():
        return factor
    return relabel(factor, tuple(np.array(factor.levels, dtype=object)[counts > 0].tolist()))


def _cross(left: FactorColumn, right: FactorColumn) -> FactorColumn:
    n_right = len(right.levels)
    found, codes = np.unique(left.codes * n_right + right.codes, return_inverse=True)
    levels = tuple(
        f"{left.levels[code // n_right]}:{right.levels[code % n_right]}" for code in found.tolist()
    )
    return FactorColumn(codes, levels)


# --- Designs ---


def build_group(
    plan: GroupPlan, table: Table, memory: Memory, relations: Mapping[str, Relation]
) -> GroupDesign:
    """Return the group effects of one factor on the fitting data.

    Raises
    ------
    RelationError
        If a level is not among the labels of the relation.
    UnknownNameError
        If the relation was not given.
    FormulaError
        If two terms over the factor have the same effect.
    DataError
        If two combinations of levels make the same label.
    """
    factor = group_codes(plan.grouping, table)
    if len(set(factor.levels)) < len(factor.levels):
        raise _same_labels(plan, factor)
    relation = _find_relation(plan.grouping, relations)
    if relation is None:
        return _assemble(plan, table, memory, factor, None)
    unknown = set(factor.levels) - set(relation.labels)
    if unknown:
        listed = [level for level in factor.levels if level in unknown]
        raise _not_in_relation(plan, listed, relation)
    return _assemble(plan, table, memory, relabel(factor, relation.labels), relation)


def evaluate_group(
    plan: GroupPlan, table: Table, memory: Memory, levels: tuple[str, ...]
) -> GroupDesign:
    """Return the group effects on new data: code -1 where the level is not among `levels`."""
    factor = relabel(group_codes(plan.grouping, table), levels)
    return _assemble(plan, table, memory, factor, None)


def _assemble(
    plan: GroupPlan, table: Table, memory: Memory, factor: FactorColumn, relation: Relation | None
) -> GroupDesign:
    parts = [encode(term.effects, table, memory) for term in plan.terms]
    effects = tuple(label for part in parts for label in part.labels)
    if len(set(effects)) < len(effects):
        raise _same_effect(plan, effects)
    blocks, share = _blocks(plan.terms, parts)
    values = [part.values for part in parts]
    Z = values[0] if len(values) == 1 else np.hstack(values)
    return GroupDesign(
        plan.name,
        effects,
        factor.levels,
        factor.codes,
        Z,
        blocks,
        relation,
        share,
        plan.grouping.relation,
    )


def _blocks(
    terms: Sequence[GroupTerm], parts: Sequence[Encoded]
) -> tuple[tuple[tuple[int, ...], ...], tuple[str | None, ...]]:
    blocks: list[tuple[int, ...]] = []
    share: list[str | None] = []
    start = 0
    for term, part in zip(terms, parts, strict=True):
        places = range(start, start + len(part.labels))
        found = [tuple(places)] if term.is_correlated else [(place,) for place in places]
        blocks += found
        share += [term.share] * len(found)
        start += len(part.labels)
    return tuple(blocks), tuple(share)


def _find_relation(grouping: Grouping, relations: Mapping[str, Relation]) -> Relation | None:
    if grouping.relation is None:
        return None
    if grouping.relation in relations:
        return relations[grouping.relation]
    names = ", ".join(f"`{name}`" for name in relations) or "none"
    raise UnknownNameError(
        f"the formula names a relation `{grouping.relation}` that was not given",
        given=f"relations: {names}",
        expected=f"a known covariance under the name `{grouping.relation}`",
        fix=f'pass `relations={{"{grouping.relation}": ...}}`, a matrix labelled by the levels of '
        f"`{grouping.name}`",
        source=grouping.source,
    )


def _not_in_relation(plan: GroupPlan, unknown: Sequence[str], relation: Relation) -> RelationError:
    name = plan.grouping.relation
    more = f", ... ({len(unknown)} in all)" if len(unknown) > SHOWN else ""
    known = ", ".join(f"`{label}`" for label in relation.labels[:3])
    return RelationError(
        f"`{plan.grouping.name}` has levels that the relation `{name}` does not know",
        given=f"{', '.join(unknown[:SHOWN])}{more}",
        expected=f"every level of `{plan.grouping.name}` to be one of the {relation.n_units} "
        f"labels of `{name}`, such as {known}",
        fix=f"add them to `{name}`, or leave their rows out of the data",
        source=plan.grouping.source,
    )


def _same_effect(plan: GroupPlan, effects: Sequence[str]) -> FormulaError:
    doubled = next(effect for effect in effects if effects.count(effect) > 1)
    return FormulaError(
        f"group `{plan.name}` has the effect `{doubled}` more than once",
        given=" + ".join(f"{term}" for term in plan.terms),
        expected="each effect in one term of a group",
        fix=f"write `0 +` in, or take `{doubled}` out of, all but one of these terms",
        source=plan.terms[-1].source,
    )


def _same_labels(plan: GroupPlan, factor: FactorColumn) -> DataError:
    label, _ = Counter(factor.levels).most_common(1)[0]
    return DataError(
        f"two groups of `{plan.name}` would both be called `{label}`",
        given=f"levels with a `:` inside that make `{label}` in two ways",
        expected="every combination of levels to have its own label",
        fix="take the `:` out of the labels",
        source=plan.grouping.source,
    )
