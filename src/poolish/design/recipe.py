"""How to make the same columns from new data: a formula, its memory, and the groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolish.design.states import Memory, memory_from_json, memory_to_json
from poolish.errors import UnknownNameError
from poolish.formula import parse
from poolish.formula.terms import Formula, LinearFormula

type GroupLevels = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is needed, beside new data, to evaluate a fitted formula.

    Parameters
    ----------
    formula : Formula
    memory : Mapping of str to State
        Levels, knots, means and the like, by the text of the expression that needs them.
    group_levels : Mapping of str to Mapping of str to tuple of str
        The levels of each group, by parameter and group name.
    """

    formula: Formula
    memory: Memory
    group_levels: GroupLevels

    def linear(self, parameter: str) -> LinearFormula:
        """Return the right side for a family parameter, `mu` for the main one."""
        known = {"mu": self.formula.main, **dict(self.formula.parameters)}
        if parameter in known:
            return known[parameter]
        raise UnknownNameError(
            f"no formula for the parameter `{parameter}`",
            given=f"`{parameter}`",
            expected=f"one of {', '.join(known)}",
            fix="name a parameter that has a formula",
        )


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain dictionaries, lists, texts and numbers."""
    return {
        "formula": str(recipe.formula),
        "memory": memory_to_json(recipe.memory),
        "group_levels": {
            parameter: {name: list(levels) for name, levels in groups.items()}
            for parameter, groups in recipe.group_levels.items()
        },
    }


def recipe_from_json(plain: Mapping[str, Any]) -> Recipe:
    """Return the recipe that `recipe_to_json` wrote."""
    group_levels = {
        parameter: {name: tuple(levels) for name, levels in groups.items()}
        for parameter, groups in plain["group_levels"].items()
    }
    return Recipe(parse(plain["formula"]), memory_from_json(plain["memory"]), group_levels)
