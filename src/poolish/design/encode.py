"""Terms to columns: codings and interactions as R's `model.matrix` makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from poolish.design.contrasts import contrast_columns, dummy_columns
from poolish.design.evaluate import Factor, Value, evaluate
from poolish.design.states import Levels, Memory
from poolish.errors import DataError
from poolish.formula.terms import Call, Expression, Name, Term
from poolish.frame import Table

type Columns = Mapping[str, Callable[[], np.ndarray]]


MAX_COLUMNS = 5_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """Columns and their labels. `values` has shape (obs, column)."""

    labels: tuple[str, ...]
    values: np.ndarray


def encode(terms: Sequence[Term], table: Table, memory: Memory) -> Encoded:
    """Return the columns of the terms, in R's order and coding.

    Raises
    ------
    DataError
        If a factor has a single level, two columns get the same label, or a term makes more than
        `MAX_COLUMNS` columns.
    """
    variables = dict.fromkeys(variable for term in terms for variable in term.variables)
    values = {variable: evaluate(variable, table, memory) for variable in variables}
    codings = full_dummies(terms, memory)
    _check_size(terms, values)
    parts = [
        [_variable_columns(v, values[v], full) for v, full in zip(t.variables, fulls, strict=True)]
        for t, fulls in zip(terms, codings, strict=True)
    ]
    labels = tuple(label for part in parts for label in _labels(part))
    _check_labels(labels)
    result = np.empty((table.n_obs, len(labels)))
    for place, column in enumerate(column for part in parts for column in _products(part)):
        result[:, place] = column
    return Encoded(labels, result)


def full_dummies(terms: Sequence[Term], memory: Memory) -> list[tuple[bool, ...]]:
    """Return, for each variable of each term, whether a factor gets a column for every level.

    As in R, a factor is coded by contrasts when what is left of the term without it is part of an
    earlier term, else by dummies. Without an intercept the first factor that is a term by itself
    gets dummies. (R also gives dummies to `f` in `0 + x + x:f`, and then drops the column that is
    one too many; here it keeps its contrasts, which span the same space.)
    """
    earlier: list[frozenset[Expression]] = []
    needs_dummies = Term(()) not in terms
    result = []
    for term in terms:
        fulls = []
        for variable in term.variables:
            margin = frozenset(term.variables) - {variable}
            is_full = bool(margin) and not any(margin <= other for other in earlier)
            if not margin and needs_dummies and is_factor(variable, memory):
                is_full, needs_dummies = True, False
            fulls.append(is_full)
        earlier.append(frozenset(term.variables))
        result.append(tuple(fulls))
    return result


def is_factor(variable: Expression, memory: Memory) -> bool:
    """Return whether a variable of a term is categorical."""
    return isinstance(memory.get(str(variable)), Levels)


def variable_label(variable: Expression) -> str:
    """Return the label of a variable in coefficient names; a column `Intercept` is set apart."""
    text = variable.name if isinstance(variable, Name) else str(variable)
    return "Intercept_" if text == "Intercept" else text


def _variable_columns(variable: Expression, value: Value, is_full: bool) -> Columns:
    label = variable_label(variable)
    if isinstance(value, Factor):
        return _factor_columns(variable, label, value, is_full)
    if value.ndim < 2:
        return {label: lambda: value}
    return {f"{label}[{j + 1}]": _picker(value.T, j) for j in range(value.shape[1])}


def _factor_columns(variable: Expression, label: str, factor: Factor, is_full: bool) -> Columns:
    if len(factor.levels) < 2 and not is_full:
        raise _single_level(variable, factor)
    coding = (
        dummy_columns(factor.levels)
        if is_full
        else contrast_columns(factor.contrast, factor.levels)
    )
    return {f"{label}[{name}]": _picker(column, factor.codes) for name, column in coding.items()}


def _picker(values: np.ndarray, index: np.ndarray | int) -> Callable[[], np.ndarray]:
    return lambda: np.asarray(values[index])


def _labels(part: Sequence[Columns]) -> Iterator[str]:
    if not part:
        yield "Intercept"
        return
    for labels in product(*reversed(part)):
        yield ":".join(reversed(labels))


def _products(part: Sequence[Columns]) -> Iterator[np.ndarray]:
    """Return the products of one column per variable, the first variable running fastest."""
    if not part:
        yield np.asarray(1.0)
        return
    for makers in product(*(columns.values() for columns in reversed(part))):
        column = makers[-1]()
        for make in reversed(makers[:-1]):
            column = column * make()
        yield column


def _check_size(terms: Sequence[Term], values: Mapping[Expression, Value]) -> None:
    for term in terms:
        found = (values[variable] for variable in term.variables)
        levels = [len(value.levels) for value in found if isinstance(value, Factor)]
        if prod(levels) > MAX_COLUMNS:
            raise DataError(
                f"term `{term}` makes a coefficient for each of {prod(levels):,} levels",
                given=f"a factor of {max(levels):,} levels",
                expected=f"at most {MAX_COLUMNS:,} columns from one term",
                fix=f"write it as a group, `(1 | {term})`, or convert the column to numbers",
                source=term.source,
            )


def _check_labels(labels: tuple[str, ...]) -> None:
    if len(set(labels)) == len(labels):
        return
    doubled = sorted({label for label in labels if labels.count(label) > 1})
    raise DataError(
        f"two coefficients would both be called `{doubled[0]}`",
        given=f"columns or levels that make the label `{doubled[0]}` twice",
        expected="every coefficient to have its own name",
        fix="rename the column or the level",
    )


def _single_level(variable: Expression, factor: Factor) -> DataError:
    name = variable.arguments[0] if isinstance(variable, Call) else variable
    return DataError(
        f"factor `{name}` has only the level `{', '.join(factor.levels)}`",
        given=f"{len(factor.codes)} rows, all the same",
        expected="at least two levels, so that there is something to compare",
        fix=f"remove `{variable}` from the formula",
        source=variable.source,
    )
