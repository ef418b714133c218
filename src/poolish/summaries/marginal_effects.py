"""Predictions, comparisons and slopes, for a typical group, averaged over groups, or observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from poolish.errors import UnknownColumnError, UnknownNameError
from poolish.formula import columns_within
from poolish.formula.terms import Formula
from poolish.frame import Column, FactorColumn, NumericColumn, Table, as_factor
from poolish.posterior import Posterior
from poolish.predict import predict
from poolish.predict.levels import level_indicators
from poolish.predict.policies import Policy
from poolish.predict.response import divide_rows
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

type Condition = Mapping[str, object]

# What an effect is an effect on: a typical group, the mean over groups, the fitted groups.
MEANINGS: dict[str, Policy] = {
    "conditional": "zero",
    "marginal": "integrate",
    "observed": "observed",
}
# Relative to the sd of the predictor: the error of a central difference is of order step squared.
_STEP = 1e-4
_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")


def tabulate_predictions(
    posterior: Posterior,
    *,
    condition: Condition | None = None,
    by: str | None = None,
    average: bool = False,
    meaning: str | None = None,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return means of the response (per trial), for each of three meanings of the groups.

    Of an ordinal or categorical response: the probability of each level.

    Parameters
    ----------
    posterior : Posterior
    condition : Mapping, optional
        Values of predictors, `{"Days": [0, 5, 9]}`: one row each combination, the other predictors
        at their mean or most frequent level, trials and exposure at one. The fitted rows when
        left out.
    by : str, optional
        Average over the rows of each value of this column.
    average : bool
        Average over all rows.
    meaning : str, optional
        `conditional` (a typical group), `marginal` (the mean over the population of groups) or
        `observed` (the fitted groups; for fitted rows only). All that apply when left out.
    ci_prob : float

    Raises
    ------
    UnknownNameError
        If there is no such meaning.
    UnknownColumnError
        If the model does not use a column.
    """
    table = posterior.table if condition is None else _grid(posterior, condition)
    shown = tuple(condition or ())

    def evaluate(each: Posterior, policy: Policy) -> np.ndarray:
        return _means(each, table, policy)

    meanings = _meanings(posterior, meaning, has_groups=condition is None)
    frame = _describe(posterior, table, evaluate, meanings, by, average, shown, ci_prob)
    return TableResult(frame, "Predictions", _caption(ci_prob), _FORMATS)


def tabulate_comparisons(
    posterior: Posterior,
    variable: str,
    *,
    step: float = 1.0,
    condition: Condition | None = None,
    by: str | None = None,
    average: bool | None = None,
    meaning: str | None = None,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return how the mean response changes when one predictor does, all else as observed.

    Parameters
    ----------
    posterior : Posterior
    variable : str
        A numeric column moves by `step`; a factor goes from its first level to each other one.
    step : float
    condition, by, average, meaning, ci_prob
        As for `tabulate_predictions`; averaged over the fitted rows unless there is a condition,
        or `average=False`.
    """
    table, shown, is_average = _rows(posterior, condition, average)
    column = _find(table, variable)
    parts = []
    for label, low, high in _pairs(column, step):
        ends = [_replaced(table, variable, end) for end in (low, high)]

        def evaluate(each: Posterior, policy: Policy, ends: list[Table] = ends) -> np.ndarray:
            return _means(each, ends[1], policy) - _means(each, ends[0], policy)

        meanings = _meanings(posterior, meaning, has_groups=condition is None)
        frame = _describe(posterior, table, evaluate, meanings, by, is_average, shown, ci_prob)
        frame.insert(0, "comparison", f"{variable}: {label}")
        parts.append(frame)
    title = "Comparisons of the mean response"
    return TableResult(pd.concat(parts, ignore_index=True), title, _caption(ci_prob), _FORMATS)


def tabulate_slopes(
    posterior: Posterior,
    variable: str,
    *,
    condition: Condition | None = None,
    by: str | None = None,
    average: bool | None = None,
    meaning: str | None = None,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return the derivative of the mean response in a numeric predictor.

    Parameters
    ----------
    posterior : Posterior
    variable : str
    condition, by, average, meaning, ci_prob
        As for `tabulate_comparisons`.

    Raises
    ------
    UnknownNameError
        If the column is not numeric.
    """
    table, shown, is_average = _rows(posterior, condition, average)
    column = _find(table, variable)
    if not isinstance(column, NumericColumn):
        raise UnknownNameError(
            f"`{variable}` has levels, and no slope",
            given=f'slopes of "{variable}"',
            expected="a numeric column",
            fix=f'ask for `fit.comparisons("{variable}")`',
        )
    values = np.asarray(column.values, dtype=float)
    half = _STEP * (_sd(posterior.table, variable) or 1.0)
    low, high = (_replaced(table, variable, NumericColumn(values + move)) for move in (-half, half))

    def evaluate(each: Posterior, policy: Policy) -> np.ndarray:
        gap = _means(each, high, policy) - _means(each, low, policy)
        return np.asarray(gap / (2 * half))

    meanings = _meanings(posterior, meaning, has_groups=condition is None)
    frame = _describe(posterior, table, evaluate, meanings, by, is_average, shown, ci_prob)
    frame.insert(0, "slope", variable)
    return TableResult(frame, "Slopes of the mean response", _caption(ci_prob), _FORMATS)


def _rows(
    posterior: Posterior, condition: Condition | None, average: bool | None
) -> tuple[Table, tuple[str, ...], bool]:
    """Return the rows of an answer, the columns that name them, and whether it is their average."""
    if condition is None:
        return posterior.table, (), average is not False
    return _grid(posterior, condition), tuple(condition), average is True


def _sd(table: Table, name: str) -> float:
    column = table.columns[name]
    return float(np.std(column.values)) if isinstance(column, NumericColumn) else 0.0


def _means(posterior: Posterior, table: Table, policy: Policy) -> np.ndarray:
    """Return means per trial and unit of exposure: rows of more trials do not count as higher."""
    values = predict(posterior, table, kind="mean", groups=policy).values
    return np.asarray(values / divide_rows(posterior, table))


def _describe(
    posterior: Posterior,
    table: Table,
    evaluate: Callable[[Posterior, Policy], np.ndarray],
    meanings: tuple[str, ...],
    by: str | None,
    average: bool,
    shown: tuple[str, ...],
    ci_prob: float,
) -> pd.DataFrame:
    """Return what is asked for by meaning, and by level of an outcome that has levels."""
    parts = []
    for meaning in meanings:
        for level, each in (level_indicators(posterior) or {"": posterior}).items():
            draws = evaluate(each, MEANINGS[meaning])
            labels, pooled = _pool(table, draws, by, average, shown)
            described = describe_draws(pooled, ci_prob=ci_prob)
            which = {"level": level, "meaning": meaning} if level else {"meaning": meaning}
            parts.append(labels.assign(**which, estimate=described.pop("mean"), **described))
    return pd.concat(parts, ignore_index=True)


def _pool(
    table: Table, draws: np.ndarray, by: str | None, average: bool, shown: tuple[str, ...]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return labels of the rows of an answer, and its draws averaged over rows as asked for."""
    if by is not None:
        factor = as_factor(_find(table, by))
        codes = [k for k in range(len(factor.levels)) if (factor.codes == k).any()]
        means = [draws[..., factor.codes == code].mean(axis=2) for code in codes]
        return pd.DataFrame({by: [factor.levels[k] for k in codes]}), np.stack(means, axis=2)
    if average:
        return pd.DataFrame({"rows": ["average"]}), draws.mean(axis=2, keepdims=True)
    columns = {name: _shown(table.columns[name]) for name in shown}
    return pd.DataFrame(columns or {"obs": list(table.rows)}), draws


def _shown(column: Column) -> list[object]:
    if isinstance(column, NumericColumn):
        return list(column.values)
    return [column.levels[code] for code in column.codes]


def _meanings(
    posterior: Posterior, meaning: str | None, *, has_groups: bool = True
) -> tuple[str, ...]:
    """Return the meaning asked for, or all that apply.

    Only fitted rows have observed groups, and effects that formulas share are not integrated.
    """
    if meaning is None:
        groups = [group for p in posterior.spec.predictors.values() for group in p.groups]
        is_shared = any(share is not None for group in groups for share in group.share)
        absent = {*(() if has_groups else ("observed",)), *(("marginal",) if is_shared else ())}
        return tuple(name for name in MEANINGS if name not in absent)
    if meaning not in MEANINGS:
        raise UnknownNameError(
            f"there is no meaning `{meaning}` of an effect",
            given=f'meaning="{meaning}"',
            expected="`conditional` (a typical group), `marginal` (the mean over groups) or "
            "`observed` (the fitted groups)",
            fix='write, for example, `meaning="marginal"`',
        )
    return (meaning,)


def _find(table: Table, name: str) -> Column:
    if name not in table.columns:
        raise UnknownColumnError(
            f"the model does not use column `{name}`",
            given=f"column `{name}`",
            expected=f"one of {', '.join(table.columns)}",
            fix="choose a column of the formula",
        )
    return table.columns[name]


def _replaced(table: Table, name: str, column: Column) -> Table:
    return replace(table, columns={**table.columns, name: column})


def _pairs(column: Column, step: float) -> Iterator[tuple[str, Column, Column]]:
    """Yield the label of a change, and the column before and after."""
    if isinstance(column, NumericColumn):
        values = np.asarray(column.values, dtype=float)
        yield f"+{step:g}", NumericColumn(values), NumericColumn(values + step)
        return
    first = replace(column, codes=np.zeros_like(column.codes))
    for code, level in enumerate(column.levels[1:], start=1):
        moved = replace(column, codes=np.full_like(column.codes, code))
        yield f"{level} - {column.levels[0]}", first, moved


def _grid(posterior: Posterior, condition: Condition) -> Table:
    """Return a table of all combinations of the values given, the other columns held typical.

    Outcomes are those of one trial, over one unit of exposure.
    """
    table = posterior.table
    given = {name: list(np.atleast_1d(np.asarray(v))) for name, v in condition.items()}
    combinations = list(product(*given.values()))
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        columns[name] = _typical(column, len(combinations))
    for name, value in _single_unit(posterior.spec.formula):
        columns[name] = NumericColumn(np.full(len(combinations), value))
    for place, name in enumerate(given):
        values = [combination[place] for combination in combinations]
        columns[name] = _of_values(_find(table, name), values)
    return Table(columns, np.arange(len(combinations)))


def _single_unit(formula: Formula) -> Iterator[tuple[str, float]]:
    """Yield columns of trials and exposure, with values that make one: of `s + f`, one and zero."""
    for kind, call in formula.response.additions:
        if kind in ("trials", "rate"):
            names = columns_within(call)
            yield from zip(names, (1.0, *[0.0] * len(names)), strict=False)


def _typical(column: Column, n_rows: int) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(np.full(n_rows, float(np.mean(column.values))))
    most = int(np.bincount(column.codes[column.codes >= 0]).argmax())
    return replace(column, codes=np.full(n_rows, most))


def _of_values(column: Column, values: list[object]) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(np.array(values, dtype=float))
    place = {level: code for code, level in enumerate(column.levels)}
    codes = [place.get(str(value), -1) for value in values]
    return FactorColumn(np.array(codes), column.levels, column.is_ordered)


def _caption(ci_prob: float) -> str:
    return (
        f"{ci_prob:.0%} equal-tailed intervals; conditional: a typical group, marginal: mean over "
        "the population of groups, observed: the fitted groups"
    )
