"""What the groups of a design can and cannot tell, whatever the posterior."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Protocol

import numpy as np

from poolish.design.arrays import Design, GroupDesign
from poolish.formula.terms import Formula
from poolish.spec.family import Family
from poolish.summaries.doctor.edits import without_effect, without_group
from poolish.summaries.doctor.step import Step

EXACT = 1e-9


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
        n_pairs = len(np.unique(np.column_stack([first.codes, second.codes]), axis=0))
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
    kind, response = declared.family.response_kind, declared.design.response
    has_own_noise = kind in ("real", "positive", "proportion") and response.se is None
    if not (has_own_noise or kind == "binary"):
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
        if group.n_levels <= X.shape[1] and _spans(X, group):
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
            if within_share(group.Z[:, k], group) < EXACT:
                yield Step(
                    "slope of a predictor constant within groups",
                    f"`{effect}` does not vary within any level of `{group.name}`: no level shows "
                    "a slope of its own",
                    f"all variation of `{effect}` is between levels",
                    {"formula": without_effect(declared.formula, group.name, effect)},
                    f"leave the slope out; `{effect}` can stay a population effect",
                )


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
