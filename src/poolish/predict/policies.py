"""Which group effects a prediction is about: four named meanings, and never another silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from poolish.errors import UnknownNameError
from poolish.spec.model import ModelSpec

type Policy = Literal["observed", "new", "zero", "integrate"]
type Groups = Policy | Mapping[str, Policy]

POLICIES: dict[Policy, str] = {
    "observed": "the groups that were fitted, with their own effects",
    "new": "groups not seen before, drawn from the population distribution",
    "zero": "a typical group: every group effect is zero",
    "integrate": "the mean over the population distribution of groups",
}


def parse_policies(spec: ModelSpec, groups: Groups) -> dict[str, Policy]:
    """Return what is asked for each group of a model.

    Parameters
    ----------
    spec : ModelSpec
    groups : str or Mapping of str to str
        One meaning for all groups, or one for each by name.

    Raises
    ------
    UnknownNameError
        If a meaning or a group does not exist, or the mapping leaves a group out.
    """
    names = group_names(spec)
    chosen = dict(groups) if isinstance(groups, Mapping) else dict.fromkeys(names, groups)
    for policy in (groups,) if isinstance(groups, str) else chosen.values():
        _check_policy(policy)
    _check_names(chosen, names)
    return chosen


def group_names(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of a model's groups, each once."""
    names = (group.name for p in spec.predictors.values() for group in p.groups)
    return tuple(dict.fromkeys(names))


def only_group(spec: ModelSpec, name: str | None) -> str:
    """Return a group's name, or that of the only group of a model.

    Raises
    ------
    UnknownNameError
        If no name is given, and the model has several groups or none.
    """
    names = group_names(spec)
    if name is not None:
        return name
    if len(names) == 1:
        return names[0]
    raise UnknownNameError(
        "this model has several groups" if names else "this model has no groups",
        given="no group",
        expected=f"one of {', '.join(names)}" if names else "a model with a group term, `(1 | g)`",
        fix=f'write, for example, "{names[0]}"' if names else "add a group term to the formula",
    )


def _check_policy(policy: str) -> None:
    if policy not in POLICIES:
        raise UnknownNameError(
            f"there is no meaning `{policy}` for the groups of a prediction",
            given=f'groups="{policy}"',
            expected="; ".join(f"`{name}` ({meaning})" for name, meaning in POLICIES.items()),
            fix='write, for example, `groups="zero"`',
        )


def _check_names(chosen: Mapping[str, Policy], names: tuple[str, ...]) -> None:
    wrong = [name for name in chosen if name not in names]
    absent = [name for name in names if name not in chosen]
    if wrong or absent:
        problem = (
            f"`{wrong[0]}` is not a group of this model"
            if wrong
            else f"`groups` says nothing about group `{absent[0]}`"
        )
        raise UnknownNameError(
            problem,
            given=f"groups for {', '.join(chosen) or '(none)'}",
            expected=f"one meaning for each of {', '.join(names) or '(none)'}",
            fix="name every group of the formula once, or give one meaning for all",
        )
