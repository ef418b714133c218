"""The outcome on the axis of a picture: per trial, per unit of exposure, or by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolish.plots.words import Labels, name_column
from poolish.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def name_outcome(posterior: Posterior, labels: Labels) -> str:
    """Return the title of the outcome's axis."""
    response = posterior.design.response
    name, levels = name_column(labels, response.name), response.levels
    if response.trials is not None:
        return f"{name}, proportion of trials"
    if posterior.spec.family.name == "bernoulli":
        return f"{name}, probability" + (f" of {levels[1]}" if levels else "")
    if response.rate is not None:
        return f"{name}, per unit of exposure"
    if posterior.spec.family.response_kind != "ordinal":
        return name
    named = "" if _first_number(levels) is not None else f", 1 = {levels[0]}, {len(levels)} = " + (
        levels[-1]
    )  # fmt: skip
    return f"{name}, mean level{named}"


def first_level(posterior: Posterior) -> int:
    """Return the number of the first level: as typed where levels are 1, 2, 3, ..., else 1.

    Outcomes that are codes count from 0; on an axis they count from here.
    """
    if posterior.spec.family.response_kind != "ordinal":
        return 0
    first = _first_number(posterior.design.response.levels)
    return 1 if first is None else first


def number_levels(axis: Axis, first: int) -> None:
    """Write numbers on an axis of codes that count from `first`."""
    if first:
        axis.set_major_formatter(lambda value, _: f"{value + first:g}")


def _first_number(levels: tuple[str, ...]) -> int | None:
    """Return the first of levels that are consecutive whole numbers.

    Examples
    --------
    >>> _first_number(("0", "1", "2")), _first_number(("mild", "severe"))
    (0, None)
    """
    if not levels[0].isdigit():
        return None
    first = int(levels[0])
    return first if levels == tuple(map(str, range(first, first + len(levels)))) else None
