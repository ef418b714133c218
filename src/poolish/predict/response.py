"""What is known about the response of the rows of a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from poolish.design import evaluate_response
from poolish.design.arrays import ResponseDesign
from poolish.formula import columns
from poolish.formula.terms import INTERCEPT, Formula, LinearFormula
from poolish.frame import Column, FactorColumn, NumericColumn, Table
from poolish.posterior import Posterior


def response_of_rows(posterior: Posterior, table: Table | None) -> ResponseDesign:
    """Return the response design of new rows, or of those that were fitted.

    New rows need the columns of `trials()`, `se()` and the like, but not the outcome: where it
    is absent, it is missing.
    """
    if table is None:
        return posterior.design.response
    formula = posterior.spec.formula
    outcome = replace(formula.response, additions=())
    bare = Formula(outcome, LinearFormula((INTERCEPT,)))
    fitted = posterior.table.columns
    absent: Mapping[str, Column] = {
        name: _missing(fitted[name], table.n_obs)
        for name in columns(bare)
        if name not in table.columns
    }
    filled = replace(table, columns={**table.columns, **absent})
    return evaluate_response(posterior.recipe, filled)


def _missing(column: Column, n_obs: int) -> Column:
    if isinstance(column, FactorColumn):
        return replace(column, codes=np.full(n_obs, -1))
    return NumericColumn(np.full(n_obs, np.nan))
