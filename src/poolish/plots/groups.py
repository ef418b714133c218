"""The group and the rows of it that a picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poolish.errors import UnknownNameError
from poolish.plots.style import INNER_PROB
from poolish.posterior import Posterior
from poolish.predict.policies import group_names
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.moments import describe_draws

AT_MOST = 40
ROW_HEIGHT = 0.34


@dataclass(frozen=True, slots=True, eq=False)
class GroupRows:
    """What a picture with one row a level is asked for: an effect of a group, and how many rows."""

    posterior: Posterior
    found: GroupEffects
    k: int
    selected: tuple[str, ...]
    at_most: int
    ci_prob: float

    @property
    def effect(self) -> str:
        """Return the name of the effect."""
        return self.found.group.effects[self.k]

    def pick(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the levels to show, largest value first, and how many were skipped before each."""
        levels = pick_levels(self.found, values, self.selected, self.at_most)
        return levels, count_skipped(values, levels)


def open_rows(
    posterior: Posterior,
    group: str | None,
    *,
    effect: str | None,
    selected: Sequence[str],
    at_most: int,
    ci_prob: float,
) -> GroupRows:
    """Return the rows that a picture is asked for.

    Raises
    ------
    UnknownNameError
        If there is no such group or effect.
    """
    found = find_group(posterior, group)
    k = find_effect(found, effect)
    return GroupRows(posterior, found, k, tuple(selected), at_most, ci_prob)


def find_group(posterior: Posterior, group: str | None) -> GroupEffects:
    """Return a group of the model by name, the first one when no name is given.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    """
    names = group_names(posterior.spec)
    return select_group(posterior, group or (names[0] if names else "group"))


def find_effect(found: GroupEffects, effect: str | None) -> int:
    """Return the position of an effect of a group, the first one when no name is given.

    Raises
    ------
    UnknownNameError
        If the group has no such effect.
    """
    effects = found.group.effects
    if effect is not None and effect not in effects:
        raise UnknownNameError(
            f"`{effect}` is not an effect of `{found.group.name}`",
            given=f'effect="{effect}"',
            expected=f"one of {', '.join(effects)}",
            fix=f'write, for example, `effect="{effects[0]}"`',
        )
    return 0 if effect is None else effects.index(effect)


def pick_levels(
    found: GroupEffects, values: np.ndarray, selected: Sequence[str], at_most: int
) -> np.ndarray:
    """Return the positions of the levels to show: all, or the selected, smallest and largest.

    Parameters
    ----------
    found : GroupEffects
    values : ndarray, shape (level,)
        What is smallest and largest.
    selected : sequence of str
        Levels that are always shown.
    at_most : int

    Returns
    -------
    ndarray of int
        From the largest value to the smallest.

    Raises
    ------
    UnknownNameError
        If a selected level does not exist.
    """
    order = np.argsort(values, kind="stable")[::-1]
    chosen = [level_position(found, label) for label in selected]
    if found.n_levels <= at_most:
        return order
    others = order[~np.isin(order, chosen)]
    n_left = max(at_most - len(chosen), 0)
    ends = np.concatenate([others[: (n_left + 1) // 2], others[len(others) - n_left // 2 :]])
    return order[np.isin(order, [*chosen, *ends])]


def count_skipped(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return how many levels `pick_levels` left out just before each one it picked.

    Parameters
    ----------
    values : ndarray, shape (level,)
    levels : ndarray of int
        What was picked.
    """
    order = np.argsort(values, kind="stable")[::-1]
    places = np.flatnonzero(np.isin(order, levels))
    return np.asarray(np.diff(places, prepend=-1) - 1)


def level_position(found: GroupEffects, label: str) -> int:
    """Return the position of a level by its label.

    Raises
    ------
    UnknownNameError
        If there is no such level.
    """
    levels = found.group.levels
    if str(label) not in levels:
        some = ", ".join(levels[:8]) + (", ..." if len(levels) > 8 else "")
        raise UnknownNameError(
            f"`{label}` is not a level of `{found.group.name}`",
            given=f"`{label}`",
            expected=f"one of {some}",
            fix=f'write, for example, `"{levels[0]}"`',
        )
    return levels.index(str(label))


def describe_rows(draws: np.ndarray, *, ci_prob: float) -> pd.DataFrame:
    """Return mean, sd, the outer and the inner interval of draws, shape (chain, draw, row)."""
    outer = describe_draws(draws, ci_prob=ci_prob)
    inner = describe_draws(draws, ci_prob=INNER_PROB)
    named = {"inner_lower": inner["lower"], "inner_upper": inner["upper"]}
    return pd.DataFrame({**outer, **named})


def say_shown(n_shown: int, n_all: int, what: str = "smallest and largest") -> str:
    """Return a clause that says how many of the groups are shown; empty when all are."""
    return (
        "" if n_shown >= n_all else f" {n_shown} of {n_all:,} shown, {what}; `at_most=` shows more."
    )


def height_of(n_rows: int) -> float:
    """Return the height of a picture with one row a group, in inches."""
    return 1.2 + ROW_HEIGHT * n_rows
