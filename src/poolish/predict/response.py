"""What is known about the response of the rows of a prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poolish.design import evaluate_response
from poolish.design.arrays import ResponseDesign
from poolish.frame import Table
from poolish.posterior import Posterior


def response_of_rows(posterior: Posterior, table: Table | None) -> ResponseDesign:
    """Return the response design of new rows, or of those that were fitted.

    New rows need the columns of `trials()`, `se()` and the like, but not the outcome.
    """
    if table is None:
        return posterior.design.response
    known = evaluate_response(posterior.recipe, table, observed=False)
    return replace(known, levels=posterior.design.response.levels)


def divide_by(response: ResponseDesign) -> np.ndarray:
    """Return what the outcome is divided by: trials, exposure, or one."""
    divisor = np.ones(len(response.y))
    for values in (response.trials, response.rate):
        divisor = divisor if values is None else divisor * values
    return divisor


def divide_rows(posterior: Posterior, table: Table) -> np.ndarray:
    """Return the same for rows that are made up."""
    return divide_by(response_of_rows(posterior, table))
