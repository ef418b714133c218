"""The groups of a data set before a fit: their rows, how they lie to each other, what they show."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import combinations

import numpy as np
import pandas as pd

from poolish.design.arrays import Design, GroupDesign
from poolish.formula.terms import Formula
from poolish.spec.family import Family
from poolish.summaries.doctor import groups
from poolish.summaries.doctor.step import Step
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = dict.fromkeys(
    ("levels", "fewest", "median", "most", "one_row", "no_own"), "count"
)
_CAPTION = (
    "fewest, median, most: rows of a level; one_row: levels with a single row; no_own: levels "
    "whose rows cannot tell all their effects apart, so that pooling gives them"
)


@dataclass(frozen=True, slots=True)
class DeclaredGroups:
    """What the checks of groups look at, before a fit."""

    design: Design
    family: Family
    formula: Formula


@dataclass(frozen=True, slots=True, repr=False)
class DescribedGroups:
    """The groups of a formula in a data set.

    Parameters
    ----------
    formula : str
    n_obs : int
    table : TableResult
        One row a group: `group`, `effects`, `levels`, `fewest`, `median`, `most` (rows of a
        level), `one_row` (levels with a single row), `no_own` (levels whose rows cannot tell all
        their effects apart).
    relations : tuple of str
        How the levels of each pair of groups lie to each other.
    steps : tuple of Step
        What cannot be estimated, or should be looked at, with the change proposed: the steps that
        `fit.check()` would start with.
    """

    formula: str
    n_obs: int
    table: TableResult
    relations: tuple[str, ...]
    steps: tuple[Step, ...]

    def to_df(self) -> pd.DataFrame:
        """Return one row a group."""
        return self.table.to_df()

    def to_markdown(self) -> str:
        """Return table, relations and steps as Markdown."""
        items = [f"- {relation}" for relation in self.relations]
        items += [f"- **{step.cause}** ({step.gravity}). {step}" for step in self.steps]
        return "\n".join([self.table.to_markdown(), "", *items, *self._conclusion()])

    def __repr__(self) -> str:
        steps = [f"  {place}. {step}" for place, step in enumerate(self.steps, start=1)]
        relations = [f"{relation}." for relation in self.relations]
        return "\n".join([repr(self.table), *relations, *self._conclusion(), *steps])

    def _repr_html_(self) -> str:
        rest = "\n".join(repr(self).splitlines()[len(repr(self.table).splitlines()) :])
        return f"{self.table._repr_html_()}<pre>{escape(rest)}</pre>"

    def _conclusion(self) -> list[str]:
        if not len(self.table.frame):
            return ["The formula has no groups."]
        return [] if self.steps else ["Every group effect of the formula can be estimated."]


def describe_groups(declared: groups.Declared) -> DescribedGroups:
    """Return the groups of a declared model: rows, nesting, what can and cannot be estimated.

    Parameters
    ----------
    declared : Declared
        Design, family and formula.
    """
    found = declared.design.main.groups
    frame = pd.DataFrame(map(_describe, found), columns=["group", "effects", *_FORMATS])
    formula, n_obs = str(declared.formula), declared.design.n_obs
    steps = (step for check in groups.CHECKS for step in check(declared))
    return DescribedGroups(
        formula,
        n_obs,
        TableResult(frame, f"Groups of {formula}, {n_obs:,} rows", _CAPTION, _FORMATS),
        tuple(groups.relate(*pair) for pair in combinations(found, 2)),
        tuple(sorted(steps, key=lambda step: step.gravity != "grave")),
    )


def _describe(group: GroupDesign) -> tuple[object, ...]:
    counts = np.bincount(group.codes, minlength=group.n_levels)
    present = counts[counts > 0]
    return (
        group.name,
        ", ".join(group.effects),
        len(present),
        int(present.min()),
        float(np.median(present)),
        int(present.max()),
        int((present == 1).sum()),
        int((_ranks(group) < group.n_effects)[counts > 0].sum()),
    )


def _ranks(group: GroupDesign) -> np.ndarray:
    """Return the rank of each level's effect columns, shape (level,)."""
    Z = group.Z / np.maximum(np.abs(group.Z).max(axis=0), np.finfo(float).tiny)
    products = np.stack(
        [
            np.bincount(group.codes, Z[:, i] * Z[:, j], minlength=group.n_levels)
            for i in range(group.n_effects)
            for j in range(group.n_effects)
        ],
        axis=1,
    )
    gram = products.reshape(-1, group.n_effects, group.n_effects)
    return np.asarray(np.linalg.matrix_rank(gram, tol=1e-9, hermitian=True))
