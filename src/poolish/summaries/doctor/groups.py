"""What the groups of a design can and cannot tell, whatever the posterior."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Protocol

import numpy as np

from poolish.design.arrays import Design, GroupDesign
from poolish.formula.terms import Formula
from poolish.spec.family import Family
from poolish.summaries.doctor.edits import (
    as_population,
    nested_in,
    without_coef,
    without_effect,
    without_group,
)
from poolish.summaries.doctor.step import Step

_EXACT = 1e-9
_FEW_LEVELS = 5
# Of labels counted in each level of another group, this share must be there.
_COMPLETE = 0.8


class Declared(Protocol):
    """A model before it is fitted: what these checks look at."""

    @property
    def design(self) -> Design:
        """Return the arrays."""

    @property
    def family(self) -> Family:
        """Return the response family."""

    @property
    def formula(self) -> Formula:
        """Return the formula."""


def check_same_groups(declared: Declared) -> Iterator[Step]:
    """Yield pairs of groups that part the rows in the same way."""
    for first, second in combinations(declared.design.main.groups, 2):
        n_pairs = _count_pairs(first, second)
        is_same = n_pairs == first.n_levels == second.n_levels
        if is_same and first.relation is None and second.relation is None:
            yield Step(
                "two groups are one",
                f"`{first.name}` and `{second.name}` part the rows in the same way",
                f"{n_pairs} levels of each, one to one",
                {"formula": without_group(declared.formula, second.name)},
                f"keep one of them, here `{first.name}`",
            )


def check_one_row_groups(declared: Declared) -> Iterator[Step]:
    """Yield groups of one row each, whose spread is that of the residuals."""
    if not (_has_own_noise(declared) or declared.family.response_kind == "binary"):
        return
    for group in declared.design.main.groups:
        if group.relation is None and group.n_levels == declared.design.n_obs:
            yield Step(
                "one row per group",
                f"every level of `{group.name}` has one row: its spread and that of the residuals "
                "cannot be told apart",
                f"{group.n_levels} levels in {declared.design.n_obs} rows",
                {"formula": without_group(declared.formula, group.name)},
                f"leave `{group.name}` out, or collect repeated rows",
            )


def check_group_in_population(declared: Declared) -> Iterator[Step]:
    """Yield groups whose levels the population effects already tell apart."""
    X = declared.design.main.X
    for group in declared.design.main.groups:
        if 1 < group.n_levels <= X.shape[1] and _spans(X, group):
            yield Step(
                "group is also a population effect",
                f"the population effects already give every level of `{group.name}` a mean of its "
                "own: nothing is left for its group effects",
                f"{group.n_levels} levels within the span of {X.shape[1]} coefficients",
                {"formula": without_group(declared.formula, group.name)},
                f"keep `{group.name}` on one side only: here as population effect",
            )


def check_slopes_within(declared: Declared) -> Iterator[Step]:
    """Yield group slopes of predictors that do not vary within any level."""
    for group in declared.design.main.groups:
        for k, effect in enumerate(group.effects):
            if effect == "Intercept" or "Intercept" not in group.effects:
                continue
            if within_share(group.Z[:, k], group) < _EXACT:
                yield Step(
                    "slope of a predictor constant within groups",
                    f"`{effect}` does not vary within any level of `{group.name}`: no level shows "
                    "a slope of its own",
                    f"all variation of `{effect}` is between levels",
                    {"formula": without_effect(declared.formula, group.name, effect)},
                    f"leave the slope out; `{effect}` can stay a population effect",
                )


def check_one_level(declared: Declared) -> Iterator[Step]:
    """Yield groups of a single level, which differ from nothing."""
    for group in declared.design.main.groups:
        if group.n_levels == 1 and group.relation is None:
            yield Step(
                "one level",
                f"`{group.name}` has one level: there is nothing for it to differ from",
                f"every row is of `{group.levels[0]}`",
                {"formula": without_group(declared.formula, group.name)},
                f"leave `{group.name}` out",
            )


def check_confounded_predictors(declared: Declared) -> Iterator[Step]:
    """Yield predictors that are constant within groups, where groups hardly outnumber them."""
    main = declared.design.main
    for group in main.groups:
        constant = [
            name
            for name, column in zip(main.coefs, main.X.T, strict=True)
            if name != "Intercept" and within_share(column, group) < _EXACT
        ]
        if constant and len(constant) + 1 < group.n_levels <= len(constant) + 3:
            yield Step(
                "predictors confounded with groups",
                f"{', '.join(f'`{name}`' for name in constant)} vary between levels of "
                f"`{group.name}` only, and there are hardly more levels than such predictors",
                f"{group.n_levels} levels for {len(constant)} predictors and a mean",
                without_coef(declared.formula, constant[-1]),
                "leave some of them out, or collect more groups",
            )


def check_more_effects_than_rows(declared: Declared) -> Iterator[Step]:
    """Yield slopes that make a group's effects as many as the rows, in families with own noise."""
    if not _has_own_noise(declared):
        return
    for group in declared.design.main.groups:
        n_effects = group.n_levels * group.n_effects
        if group.n_effects > 1 and group.relation is None and n_effects >= declared.design.n_obs:
            yield Step(
                "more effects than rows",
                f"the effects of `{group.name}` are as many as the rows or more: their spread and "
                "that of the residuals cannot be told apart",
                f"{group.n_levels} levels x {group.n_effects} effects, "
                f"{declared.design.n_obs} rows",
                {"formula": without_effect(declared.formula, group.name, group.effects[-1])},
                "leave slopes out, or collect more rows per level",
            )


def check_reused_labels(declared: Declared) -> Iterator[Step]:
    """Yield groups whose labels start again within each level of another group.

    Labels that count 1, 2, 3 or a, b, c within every level of the other may be one set of levels
    met everywhere, or other levels under the same names: the data cannot say.
    """
    for first, second in combinations(declared.design.main.groups, 2):
        restarting = [pair for pair in ((second, first), (first, second)) if _restarts(*pair)]
        for inner, outer in restarting[:1]:
            is_repeated = _count_pairs(inner, outer) < declared.design.n_obs
            nested = nested_in(declared.formula, inner.name, outer.name)
            label, places = inner.levels[0], int(_n_partners(inner, outer)[0])
            yield Step(
                "labels used again",
                f"labels of `{inner.name}` start again in every level of `{outer.name}`: the same "
                "levels met everywhere, or others of the same name? The model takes them for the "
                "same",
                f"{inner.n_levels} labels in {_count_pairs(inner, outer)} pairs with "
                f"`{outer.name}`; `{label}` occurs in {places} of its levels",
                {"formula": nested} if is_repeated else {},
                f"if `{label}` is another one in each `{outer.name}`, say so"
                + ("" if is_repeated else "; with one row each, leave them out"),
                "notable",
            )


def check_few_levels(declared: Declared) -> Iterator[Step]:
    """Yield groups with too few levels to learn a standard deviation from."""
    for group in declared.design.main.groups:
        if 1 < group.n_levels < _FEW_LEVELS and group.relation is None:
            yield Step(
                "few groups",
                f"`{group.name}` has {group.n_levels} levels: its standard deviation rests on the "
                "prior",
                f"{group.n_levels} levels; five or more tell something, ten or more are "
                "comfortable",
                as_population(declared.formula, group.name),
                f"state a prior from what is known of such groups, or make `{group.name}` a "
                "population effect, which says nothing of other levels",
                "notable",
            )


def relate(first: GroupDesign, second: GroupDesign) -> str:
    """Return how the levels of two groups lie to each other, in words."""
    a, b = first.name, second.name
    n_pairs = _count_pairs(first, second)
    if n_pairs == first.n_levels == second.n_levels:
        return f"`{a}` and `{b}` are one: the same rows under each level"
    if n_pairs == first.n_levels:
        return f"`{a}` is nested in `{b}`: every level of `{a}` is in one level of `{b}`"
    if n_pairs == second.n_levels:
        return f"`{b}` is nested in `{a}`: every level of `{b}` is in one level of `{a}`"
    n_all = first.n_levels * second.n_levels
    if n_pairs == n_all:
        return f"`{a}` and `{b}` are fully crossed: all {n_all:,} pairs of levels occur"
    return f"`{a}` and `{b}` are partly crossed: {n_pairs:,} of {n_all:,} pairs of levels occur"


def within_share(column: np.ndarray, group: GroupDesign) -> float:
    """Return the share of a column's variation that lies within levels."""
    counts = np.maximum(np.bincount(group.codes, minlength=group.n_levels), 1)
    means = np.bincount(group.codes, weights=column, minlength=group.n_levels) / counts
    total = float(np.square(column - column.mean()).sum())
    within = float(np.square(column - means[group.codes]).sum())
    return 1.0 if total == 0 else within / total


def _spans(X: np.ndarray, group: GroupDesign) -> bool:
    """Return whether the indicators of a group's levels are combinations of the columns of X."""
    indicators = np.eye(group.n_levels)[group.codes]
    scaled = X / np.maximum(np.linalg.norm(X, axis=0), np.finfo(float).tiny)
    fitted = scaled @ np.linalg.lstsq(scaled, indicators, rcond=None)[0]
    return bool(np.abs(indicators - fitted).max() < 1e-8)


def _has_own_noise(declared: Declared) -> bool:
    """Return whether single rows spread by a parameter that is to be estimated."""
    kind = declared.family.response_kind
    return kind in ("real", "positive", "proportion") and declared.design.response.se is None


def _pairs(first: GroupDesign, second: GroupDesign) -> np.ndarray:
    """Return the pairs of levels that occur, as one number each."""
    return np.unique(first.codes.astype(np.int64) * second.n_levels + second.codes)


def _count_pairs(first: GroupDesign, second: GroupDesign) -> int:
    return len(_pairs(first, second))


def _n_partners(inner: GroupDesign, outer: GroupDesign) -> np.ndarray:
    """Return for each level of one group in how many levels of another it occurs."""
    return np.bincount(_pairs(inner, outer) // outer.n_levels, minlength=inner.n_levels)


def _restarts(inner: GroupDesign, outer: GroupDesign) -> bool:
    """Return whether labels count from their first in every level of another group.

    A few may be missing. Letters with one row a pair are the usual labels of a crossed design.
    """
    place, pairs = _places_in_count(inner.levels), _pairs(outer, inner)
    is_repeated = len(pairs) < len(inner.codes)
    is_nested = len(pairs) in (inner.n_levels, outer.n_levels)
    if place is None or is_nested or not (is_repeated or inner.levels[0].isdecimal()):
        return False
    outer_codes, inner_codes = np.divmod(pairs, inner.n_levels)
    count = np.bincount(outer_codes, minlength=outer.n_levels)
    length = np.zeros(outer.n_levels, dtype=int)
    np.maximum.at(length, outer_codes, place[inner_codes] + 1)
    return bool(count.sum() >= _COMPLETE * length.sum() and (count > 1).all())


def _places_in_count(levels: tuple[str, ...]) -> np.ndarray | None:
    """Return the place of each label in a count 1, 2, 3 (or 0, 1, 2) or a, b, c; None if none."""
    numbers = [_number(level) for level in levels]
    known = [number for number in numbers if number is not None]
    if len(known) < len(levels) or not known or min(known) not in (0, 1):
        return None
    return np.array(known) - min(known)


def _number(label: str) -> int | None:
    if label.isdecimal():
        return int(label)
    is_letter = len(label) == 1 and label.isascii() and label.isalpha()
    return ord(label.lower()) - ord("a") + 1 if is_letter else None


# What can be said of groups before a fit, causes before what follows from them.
CHECKS: tuple[Callable[[Declared], Iterator[Step]], ...] = (
    check_one_level,
    check_same_groups,
    check_one_row_groups,
    check_group_in_population,
    check_slopes_within,
    check_more_effects_than_rows,
    check_confounded_predictors,
    check_few_levels,
    check_reused_labels,
)
