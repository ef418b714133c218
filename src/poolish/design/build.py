"""Formula and table to arrays, on the fitting data and on new data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Literal

import numpy as np

from poolish.design.arrays import Design, PredictorDesign, ResponseDesign
from poolish.design.encode import encode
from poolish.design.evaluate import evaluate_numbers
from poolish.design.groups import build_group, evaluate_group, plan_groups
from poolish.design.learn import learn, names_in
from poolish.design.rank import check_columns
from poolish.design.recipe import Recipe
from poolish.design.response import (
    check_varies,
    evaluate_response_terms,
    response_expressions,
    response_names,
)
from poolish.design.states import Memory
from poolish.errors import UnknownNameError
from poolish.formula import refuse_unsupported, relation_names
from poolish.formula.terms import Expression, Formula, LinearFormula, Name
from poolish.frame import Table, drop_missing, get_column
from poolish.relations.relation import Relation


def prepare_table(
    formula: Formula, table: Table, missing: Literal["error", "drop"] = "error"
) -> tuple[Table, tuple[object, ...]]:
    """Return the rows that are complete in the formula's columns, and the labels of the others.

    Like `drop_missing`, but an unknown column is shown in the formula, and the upper end of
    `cens(status, y2)` may be missing in rows that are no interval.
    """
    linear = chain.from_iterable(_linear_names(f) for f in _linear_formulas(formula).values())
    return _complete(table, chain(response_names(formula.response), linear), missing)


def build_design(
    formula: Formula, table: Table, relations: Mapping[str, Relation]
) -> tuple[Design, Recipe]:
    """Return the arrays of a model, and the recipe that makes them from new data.

    Parameters
    ----------
    formula : Formula
    table : Table
        Without missing values in the columns of the formula.
    relations : Mapping of str to Relation
        The known covariances the formula names.

    Raises
    ------
    UnknownColumnError, MissingValueError, DataError, FormulaError, RelationError
        If the table does not fit the formula; each names the column, rows and the fix.
    UnsupportedError
        If the formula has a form that is read but not fitted.
    UnknownNameError
        If the formula names a relation that was not given, or one was given that it does not name.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> from poolish.frame import read_table
    >>> table = read_table({"y": [1.0, 2.0, 4.0], "f": ["a", "b", "b"], "g": [7, 7, 9]})
    >>> design, recipe = build_design(parse("y ~ f + (1 | g)"), table, {})
    >>> design.main.coefs, design.main.groups[0].levels
    (('Intercept', 'f[b]'), ('7', '9'))
    >>> new = read_table({"f": ["b"], "g": [8]})
    >>> evaluate_predictor(recipe, "mu", new, groups=True).groups[0].codes
    array([-1])
    """
    refuse_unsupported(formula)
    table, _ = prepare_table(formula, table)
    linear = _linear_formulas(formula)
    memory = learn(_expressions(formula), table)
    response = evaluate_response_terms(formula.response, table, memory, observed=True)
    check_varies(response, table)
    predictors = {
        parameter: _build_predictor(right, table, memory, relations)
        for parameter, right in linear.items()
    }
    _check_used(formula, relations)
    group_levels = {
        parameter: {group.name: group.levels for group in predictor.groups}
        for parameter, predictor in predictors.items()
    }
    return Design(response, predictors), Recipe(formula, memory, group_levels)


def _check_used(formula: Formula, relations: Mapping[str, Relation]) -> None:
    used = relation_names(formula)
    unused = next((name for name in relations if name not in used), None)
    if unused is not None:
        raise UnknownNameError(
            f"the relation `{unused}` is given, but no term of the formula has it",
            given=f"{formula}",
            expected=f"a group term with `{unused}`, such as `(1 | kin(id, {unused}))`",
            fix=f"write `kin(id, {unused})` for the factor `id` whose levels are related, or do "
            f"not pass `{unused}`",
        )


def evaluate_predictor(
    recipe: Recipe, parameter: str, table: Table, *, groups: bool
) -> PredictorDesign:
    """Return the arrays of one linear predictor on new data.

    Parameters
    ----------
    recipe : Recipe
    parameter : str
        `mu`, or a parameter with its own formula.
    table : Table
    groups : bool
        Whether to evaluate the group effects: levels that were not there at fitting time get
        code -1. Without, the columns of the groups need not be there.

    Notes
    -----
    A known covariance is not part of the recipe: `relation` is None in the groups.
    """
    linear = recipe.linear(parameter)
    names = _linear_names(linear) if groups else _population_names(linear)
    table, _ = _complete(table, names, "error")
    population = encode(linear.terms, table, recipe.memory)
    levels = recipe.group_levels.get(parameter, {})
    found = (
        evaluate_group(plan, table, recipe.memory, levels[plan.name])
        for plan in (plan_groups(linear.groups) if groups else ())
    )
    return PredictorDesign(
        population.values,
        population.labels,
        linear.has_intercept,
        _offset(linear, table, recipe.memory),
        tuple(found),
    )


def evaluate_response(recipe: Recipe, table: Table, *, observed: bool = True) -> ResponseDesign:
    """Return the response on new data; with `observed=False` only what is known beforehand.

    Without the outcome (`y` is then NaN, censoring None), trials, standard errors, weights,
    denominators and bounds of truncation are still evaluated.
    """
    response = recipe.formula.response
    value = {name.name for name in names_in(response.value)} if not observed else set()
    names = (name for name in response_names(response) if name.name not in value)
    table, _ = _complete(table, names, "error")
    return evaluate_response_terms(response, table, recipe.memory, observed=observed)


def _build_predictor(
    linear: LinearFormula, table: Table, memory: Memory, relations: Mapping[str, Relation]
) -> PredictorDesign:
    groups = tuple(
        build_group(plan, table, memory, relations) for plan in plan_groups(linear.groups)
    )
    population = encode(linear.terms, table, memory)
    check_columns(population, has_intercept=linear.has_intercept)
    offset = _offset(linear, table, memory)
    return PredictorDesign(
        population.values, population.labels, linear.has_intercept, offset, groups
    )


def _offset(linear: LinearFormula, table: Table, memory: Memory) -> np.ndarray:
    offset = np.zeros(table.n_obs)
    for expression in linear.offsets:
        offset += evaluate_numbers(expression, table, memory)
    return offset


def _linear_formulas(formula: Formula) -> dict[str, LinearFormula]:
    return {"mu": formula.main, **dict(formula.parameters)}


def _complete(
    table: Table, names: Iterator[Name], missing: Literal["error", "drop"]
) -> tuple[Table, tuple[object, ...]]:
    used = {name.name: name for name in names}
    for name in used.values():
        get_column(table, name.name, name.source)
    return drop_missing(table, list(used), missing)


# --- What a formula reads ---


def _population(linear: LinearFormula) -> Iterator[Expression]:
    yield from (variable for term in linear.terms for variable in term.variables)
    yield from linear.offsets


def _effects(linear: LinearFormula) -> Iterator[Expression]:
    terms = (term for group in linear.groups for term in group.effects)
    yield from (variable for term in terms for variable in term.variables)


def _population_names(linear: LinearFormula) -> Iterator[Name]:
    return chain.from_iterable(map(names_in, _population(linear)))


def _linear_names(linear: LinearFormula) -> Iterator[Name]:
    yield from _population_names(linear)
    yield from chain.from_iterable(map(names_in, _effects(linear)))
    for group in linear.groups:
        yield from group.grouping.variables


def _expressions(formula: Formula) -> Iterator[Expression]:
    yield from response_expressions(formula.response)
    for linear in _linear_formulas(formula).values():
        yield from _population(linear)
        yield from _effects(linear)
