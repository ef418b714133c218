"""The explorer of a raw table: closed form, nothing is fitted."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from poolish.errors import DataError
from poolish.explore.page import Explorer
from poolish.explore.payload import Exploration
from poolish.explore.rows import Rows, build_effect, build_plane, estimate_groups
from poolish.explore.words import name_effects, name_group
from poolish.frame import NumericColumn, Table, as_factor, drop_missing, get_column, read_table
from poolish.plots.words import Labels, name_column


def explore_table(
    data: Any,  # noqa: ANN401 - any data frame library is welcome
    response: str,
    group: str,
    *,
    predictor: str | None = None,
    se: str | None = None,
    labels: Labels | None = None,
    title: str | None = None,
    missing: Literal["error", "drop"] = "error",
) -> Explorer:
    """Return the explorer of a table, without fitting a model.

    Group means, or lines when there is a predictor, are pooled by the normal-normal model with
    the residual standard deviation at its pooled estimate from within the groups.

    Parameters
    ----------
    data : data frame
        pandas, polars, Arrow, or a mapping of columns.
    response : str
        A numeric column.
    group : str
        The column that tells groups apart.
    predictor : str, optional
        A numeric column: each group has a line.
    se : str, optional
        A column of known standard errors, as in a meta-analysis.
    labels : Mapping, optional
        By column `label` and `unit`: `{"Days": {"label": "Sleep restriction", "unit": "days"}}`.
    title : str, optional
    missing : "error" or "drop"
        What to do with rows that miss a value.

    Raises
    ------
    UnknownColumnError, MissingValueError
        If a column does not exist or has missing values.
    DataError
        If a column is no number, groups do not vary within, or there is nothing to pool.

    Examples
    --------
    >>> explore_table({"y": [1.0, 2.0, 4.0, 3.0], "g": list("aabb")}, "y", "g")
    Explorer: 2 groups of g, means; `.save("explore.html")` writes the page
    """
    used = [name for name in (response, group, predictor, se) if name is not None]
    table, dropped = drop_missing(read_table(data), used, missing)
    rows = _build_rows(table, response, group, predictor=predictor, se=se)
    own, info = estimate_groups(rows)
    sigma = 1.0 if se is not None else _residual_sd(rows, group)
    names = ("Intercept", *(() if predictor is None else (predictor,)))
    words = name_effects(response, names, is_mean=predictor is None, labels=labels)
    effects = tuple(
        build_effect(name, own[:, k], info[:, k], sigma=sigma, words=words[k])
        for k, name in enumerate(names)
    )
    plane = None
    if predictor is not None:
        axes = {"x_axis": name_column(labels, predictor), "y_axis": name_column(labels, response)}
        plane = build_plane(rows, **axes)
    unit = name_group(labels, group)
    note = f"{table.n_obs} rows, {len(rows.levels)} groups of {group}; closed form, no model fitted"
    note += f"; {len(dropped)} rows with missing values left out" if dropped else ""
    return Explorer(
        Exploration(
            title=title or f"How much should each {unit} borrow from the others?",
            note=note,
            group=unit,
            groups=rows.levels,
            n=rows.n,
            sigma=sigma,
            is_known_error=se is not None,
            effects=effects,
            plane=plane,
        )
    )


def _build_rows(
    table: Table, response: str, group: str, *, predictor: str | None, se: str | None
) -> Rows:
    y = _numbers(table, response)
    Z = np.ones((len(y), 1))
    if predictor is not None:
        Z = np.column_stack([Z, _numbers(table, predictor)])
    weights = np.ones(len(y)) if se is None else _weights(table, se)
    factor = as_factor(get_column(table, group))
    present, codes = np.unique(factor.codes, return_inverse=True)
    return Rows(y, Z, weights, codes, tuple(factor.levels[code] for code in present))


def _numbers(table: Table, name: str) -> np.ndarray:
    column = get_column(table, name)
    if not isinstance(column, NumericColumn):
        raise DataError(
            f"column `{name}` is not numeric",
            given=f"text with values such as {', '.join(column.levels[:3])}",
            expected="numbers",
            fix="choose a numeric column, or convert it before",
        )
    return np.asarray(column.values, dtype=float)


def _weights(table: Table, se: str) -> np.ndarray:
    values = _numbers(table, se)
    if values.min() <= 0:
        raise DataError(
            f"column `{se}` has standard errors that are not positive",
            given=f"a smallest value of {values.min():g}",
            expected="standard errors above zero",
            fix="correct them, or leave those rows out",
        )
    return 1.0 / np.square(values)


def _residual_sd(rows: Rows, group: str) -> float:
    """Return the residual standard deviation of a mean, or a line, for each group."""
    squares, freedom = 0.0, 0
    for place in rows.by_group():
        Z, y = rows.Z[place], rows.y[place]
        estimate, _, rank, _ = np.linalg.lstsq(Z, y)
        squares += float(np.square(y - Z @ estimate).sum())
        freedom += len(y) - int(rank)
    if freedom == 0 or squares <= 1e-20 * np.square(rows.y).sum():
        raise DataError(
            f"the groups of `{group}` do not vary within, so their precision is unknown",
            given=f"{len(rows.y)} rows in {len(rows.levels)} groups, {freedom} degrees of freedom",
            expected="groups with rows that differ, more of them than coefficients",
            fix='give the column of known standard errors, `se="..."`, or rows of single '
            "observations instead of means",
        )
    return float(np.sqrt(squares / freedom))
