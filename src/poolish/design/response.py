"""The left side of a formula: the outcome and what is known about each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.design.censoring import read_censoring
from poolish.design.encode import variable_label
from poolish.design.evaluate import Factor, evaluate, evaluate_column
from poolish.design.learn import names_in
from poolish.design.states import Memory
from poolish.errors import DataError, FormulaError
from poolish.formula.terms import Call, Expression, Name, Response
from poolish.frame import Table, describe_rows


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the values of an addition must satisfy, and what to do where they do not."""

    holds: Callable[[np.ndarray], np.ndarray]
    expected: str
    fix: str


REQUIREMENTS: Mapping[str, Requirement] = {
    "trials": Requirement(
        lambda n: (n >= 1) & (n == np.round(n)),
        "a whole number of trials, 1 or more, in every row",
        "correct these rows, or leave out those without trials",
    ),
    "se": Requirement(
        lambda se: se > 0,
        "a standard error above 0 in every row",
        "correct these rows, or leave them out",
    ),
    "weights": Requirement(
        lambda w: w > 0,
        "a weight above 0 in every row",
        "leave out the rows with weight 0, and correct negative weights",
    ),
    "rate": Requirement(
        lambda d: d > 0,
        "a denominator above 0 in every row",
        "correct these rows, or leave them out",
    ),
}

OPTIONS: Mapping[str, tuple[str, ...]] = {"trunc": ("lb", "ub"), "cens": ("status", "y2")}


def response_expressions(response: Response) -> Iterator[Expression]:
    """Return the outcome and the numbers beside it: all that is evaluated but `cens()`."""
    yield response.value
    for key, call in response.additions:
        if key != "cens":
            yield from bind_addition(key, call).values()


def response_names(response: Response) -> Iterator[Name]:
    """Return the columns of the response that must be complete: all but `y2` of `cens()`."""
    yield from names_in(response.value)
    for key, call in response.additions:
        for option, argument in bind_addition(key, call).items():
            if option != "y2":
                yield from names_in(argument)


def bind_addition(key: str, call: Call) -> dict[str, Expression]:
    """Return the arguments of an addition by option name.

    Raises
    ------
    FormulaError
        If there are too many arguments or one has an unknown name.
    """
    names = OPTIONS.get(key, ("value",))
    bound = {**dict(zip(names, call.arguments, strict=False)), **dict(call.keywords)}
    n_given = len(call.arguments) + len(call.keywords)
    if n_given and n_given == len(bound) and set(bound) <= set(names):
        return bound
    raise FormulaError(
        f"`{call}` has arguments that `{key}()` does not take",
        given=f"`{call}`",
        expected=f"`{key}({', '.join(OPTIONS.get(key, ('column',)))})`",
        fix=f"change the arguments of `{key}`",
        source=call.source,
    )


def evaluate_response_terms(
    response: Response, table: Table, memory: Memory, *, observed: bool
) -> ResponseDesign:
    """Return the outcome and its additions; with `observed=False` the outcome is NaN."""
    name = variable_label(response.value)
    y, levels = _outcome(response, table, memory) if observed else (_unknown(table), ())
    additions = dict(response.additions)
    numbers = {
        key: _checked(key, additions[key], table, memory)
        for key in REQUIREMENTS
        if key in additions
    }
    bounds = _bounds(additions, table, memory)
    censoring, upper = (
        read_censoring(bind_addition("cens", additions["cens"]), y, table, memory)
        if observed and "cens" in additions
        else (None, None)
    )
    return ResponseDesign(
        name,
        y,
        **numbers,
        censoring=censoring,
        upper=upper,
        **bounds,
        levels=levels,
        rows=table.rows,
    )


def check_varies(response: ResponseDesign, table: Table) -> None:
    """Raise DataError if the outcome is the same everywhere and is no count or category."""
    y = response.y
    if len(y) > 1 and (y == y[0]).all() and not (y[0] >= 0 and y[0] == np.round(y[0])):
        raise DataError(
            f"the response `{response.name}` has the same value in every row",
            given=f"{y[0]:g} in all {table.n_obs} rows",
            expected="a response that varies",
            fix="choose another response",
        )


def _outcome(
    response: Response, table: Table, memory: Memory
) -> tuple[np.ndarray, tuple[str, ...]]:
    value = evaluate(response.value, table, memory)
    if isinstance(value, Factor):
        return value.codes.astype(float), value.levels
    if value.shape != (table.n_obs,):
        raise FormulaError(
            f"the response `{response.value}` is not one number per row",
            given=f"`{response.value}`",
            expected="one column, or a function of columns",
            fix="name the column of the outcome left of `~`",
            source=response.source,
        )
    return np.array(value, dtype=float), ()


def _unknown(table: Table) -> np.ndarray:
    return np.full(table.n_obs, np.nan)


def _checked(key: str, call: Call, table: Table, memory: Memory) -> np.ndarray:
    values = np.array(evaluate_column(bind_addition(key, call)["value"], table, memory))
    requirement = REQUIREMENTS[key]
    is_bad = ~requirement.holds(values)
    if not is_bad.any():
        return values
    raise DataError(
        f"`{call}` has values that are not possible",
        given=f"{values[is_bad][0]:g} and the like in {describe_rows(table, is_bad)}",
        expected=requirement.expected,
        fix=requirement.fix,
        source=call.source,
    )


def _bounds(
    additions: Mapping[str, Call], table: Table, memory: Memory
) -> dict[str, np.ndarray | None]:
    if "trunc" not in additions:
        return {}
    bound = bind_addition("trunc", additions["trunc"])
    lower, upper = (
        np.array(evaluate_column(bound[key], table, memory)) if key in bound else None
        for key in ("lb", "ub")
    )
    if lower is not None and upper is not None and (lower >= upper).any():
        raise DataError(
            f"`{additions['trunc']}` has a lower bound that is not below the upper one",
            given=describe_rows(table, lower >= upper),
            expected="lb < ub in every row",
            fix="swap or correct the bounds",
            source=additions["trunc"].source,
        )
    return {"lower_bound": lower, "upper_bound": upper}
