"""Contrast matrices: how the levels of a factor become columns, as R's `contr.*`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from poolish.design.polynomials import learn_polynomial, polynomial_basis
from poolish.errors import FormulaError, Source, UnknownNameError
from poolish.formula.terms import Call, Expression, Name, Number, Text


@dataclass(frozen=True, slots=True)
class Contrast:
    """A coding: `treatment`, `sum`, `helmert` or `poly`, and the reference level of treatment."""

    kind: str
    reference: int = 0


def contrast_columns(contrast: Contrast, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the columns of the coding by label, each of shape (level,).

    Treatment and sum columns are labelled by the level they compare, Helmert columns by the level
    that is compared with the mean of those before it, polynomials `L`, `Q`, `C`, `^4`, ...
    """
    return _CODINGS[contrast.kind](levels, contrast.reference)


def dummy_columns(levels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return one 0/1 column per level, by label."""
    return dict(zip(levels, np.eye(len(levels)), strict=True))


def _treatment(levels: tuple[str, ...], reference: int) -> dict[str, np.ndarray]:
    dummies = dummy_columns(levels)
    return {label: column for label, column in dummies.items() if label != levels[reference]}


def _sum(levels: tuple[str, ...], reference: int) -> dict[str, np.ndarray]:
    minus_last = np.zeros(len(levels))
    minus_last[-1] = -1.0
    dummies = dummy_columns(levels)
    return {label: dummies[label] + minus_last for label in levels[:-1]}


def _helmert(levels: tuple[str, ...], reference: int) -> dict[str, np.ndarray]:
    place = np.arange(len(levels))
    return {
        label: np.where(place < code, -1.0, np.where(place == code, float(code), 0.0))
        for code, label in enumerate(levels)
        if code > 0
    }


def _poly(levels: tuple[str, ...], reference: int) -> dict[str, np.ndarray]:
    scores = np.arange(1.0, len(levels) + 1)
    basis = polynomial_basis(learn_polynomial(scores, len(levels) - 1), scores)
    labels = ["L", "Q", "C", *(f"^{power}" for power in range(4, len(levels)))]
    return dict(zip(labels, basis.T, strict=False))


_CODINGS: Mapping[str, Callable[[tuple[str, ...], int], dict[str, np.ndarray]]] = {
    "treatment": _treatment,
    "sum": _sum,
    "helmert": _helmert,
    "poly": _poly,
}


def default_contrast(is_ordered: bool) -> Contrast:
    """Return treatment contrasts, or polynomials for an ordered factor."""
    return Contrast("poly" if is_ordered else "treatment")


def parse_contrast(call: Call, levels: tuple[str, ...], is_ordered: bool) -> Contrast:
    """Return the coding that `C(f, ...)` or `factor(f, ref=...)` asks for.

    Raises
    ------
    FormulaError
        If the second argument is no known coding.
    UnknownNameError
        If the reference is no level of the factor.
    """
    asked = call.arguments[1:]
    if not asked and not call.keywords:
        return default_contrast(is_ordered)
    if call.function == "factor" or not asked:
        kind, given = "treatment", tuple(("ref", level) for level in asked)
    else:
        kind, given = _kind(asked[0], call), _call_options(asked[0])
    options = (*given, *call.keywords)
    references = [_reference(key, value, levels, call) for key, value in options]
    return Contrast(kind, references[0] if references else 0)


def _kind(asked: Expression, call: Call) -> str:
    kind = _spelled(asked).removeprefix("contr.")
    if kind in _CODINGS:
        return kind
    raise FormulaError(
        f"`{call}` asks for a coding that does not exist",
        given=f"`{asked}`",
        expected=f"one of {', '.join(_CODINGS)}",
        fix=f'write `C({call.arguments[0]}, sum)` or `C({call.arguments[0]}, treatment("level"))`',
        source=asked.source or call.source,
    )


def _spelled(asked: Expression) -> str:
    match asked:
        case Name(kind) | Text(kind) | Call(kind):
            return kind
        case _:
            return str(asked)


def _call_options(asked: Expression) -> tuple[tuple[str, Expression], ...]:
    if not isinstance(asked, Call):
        return ()
    return (*(("ref", argument) for argument in asked.arguments), *asked.keywords)


def _reference(key: str, value: Expression, levels: tuple[str, ...], call: Call) -> int:
    """Return the position of the reference: `base=` counts from 1 as in R, else a label."""
    if key not in ("ref", "base"):
        raise FormulaError(
            f"`{call}` has an option `{key}` that does not exist",
            given=f"`{key}`",
            expected="`ref=` (a level) or `base=` (its position, from 1)",
            fix=f'write `treatment(ref="{levels[0]}")`',
            source=call.source,
        )
    label = _label(value)
    if key == "base" and label.isdigit() and 0 < int(label) <= len(levels):
        return int(label) - 1
    if label in levels:
        return levels.index(label)
    raise _unknown_level(label, levels, call, value.source)


def _label(value: Expression) -> str:
    if isinstance(value, Number):
        return f"{value.value:g}"
    return value.value if isinstance(value, Text) else str(value)


def _unknown_level(
    label: str, levels: tuple[str, ...], call: Call, source: Source | None
) -> UnknownNameError:
    return UnknownNameError(
        f"the reference `{label}` is not a level of `{call.arguments[0]}`",
        given=f"`{label}`",
        expected=f"one of {', '.join(levels)}",
        fix=f'write `treatment("{levels[0]}")`',
        source=source or call.source,
    )
