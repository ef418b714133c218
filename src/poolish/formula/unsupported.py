"""The forms that are read but not fitted yet; a row deleted here is a form allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from poolish.errors import Source, UnsupportedError
from poolish.formula.terms import Call, Formula, Grouping
from poolish.formula.walk import linear_formulas, walk


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form that is not fitted.

    Parameters
    ----------
    form : str
        How it is written.
    find : callable
        Yields, for each use in a formula, its text and its place.
    expected, fix : str
        The nearest form that works, and how to write it.
    """

    form: str
    find: Callable[[Formula], Iterator[tuple[str, Source | None]]]
    expected: str
    fix: str


def refuse_unsupported(formula: Formula) -> None:
    """Raise if the formula holds a form that is not fitted; never fit another model instead.

    Raises
    ------
    UnsupportedError
        Naming the form, its place and the nearest form that works.
    """
    for refusal in REFUSALS:
        for typed, source in refusal.find(formula):
            raise UnsupportedError(
                f"`{refusal.form}` is not fitted yet",
                given=f"`{typed}`",
                expected=refusal.expected,
                fix=refusal.fix,
                source=source,
            )


def _groupings(formula: Formula) -> Iterator[Grouping]:
    for right in linear_formulas(formula):
        yield from (group.grouping for group in right.groups)


def _find_mm(formula: Formula) -> Iterator[tuple[str, Source | None]]:
    return ((str(g), g.source) for g in _groupings(formula) if g.is_multiple)


def _find_by(formula: Formula) -> Iterator[tuple[str, Source | None]]:
    return ((str(g), g.source) for g in _groupings(formula) if g.by is not None)


def _find_lag(formula: Formula) -> Iterator[tuple[str, Source | None]]:
    calls = (part for part in walk(formula) if isinstance(part, Call))
    return ((str(call), call.source) for call in calls if call.function == "lag")


REFUSALS = (
    Refusal(
        "mm(...)",
        _find_mm,
        "one column for each grouping, as in the crossed effects `(1 | g1) + (1 | g2)`",
        "write `(1 | g1) + (1 | g2)`, a different model: each column has effects of its own",
    ),
    Refusal(
        "gr(..., by=)",
        _find_by,
        "one covariance for all levels, or independent effects for each level of a factor",
        "write `(0 + z || g)`: an sd for each level of the factor z, uncorrelated",
    ),
    Refusal(
        "lag(...)",
        _find_lag,
        "columns of the data",
        'add the earlier value first: `data["x_1"] = data.groupby("g")["x"].shift(1)`',
    ),
)
