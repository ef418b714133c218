"""The outcome on the axis of a picture: per trial and per unit of exposure."""

from __future__ import annotations

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.frame import Table
from poolish.plots.words import Labels, name_column
from poolish.posterior import Posterior
from poolish.predict.response import response_of_rows


def divide_by(response: ResponseDesign) -> np.ndarray:
    """Return what the outcome is divided by: trials, exposure, or one."""
    divisor = np.ones(len(response.y))
    for values in (response.trials, response.rate):
        divisor = divisor if values is None else divisor * values
    return divisor


def divide_rows(posterior: Posterior, table: Table) -> np.ndarray:
    """Return the same for rows that are made up."""
    known = response_of_rows(posterior, table)
    divisor = np.ones(table.n_obs)
    for values in (known.trials, known.rate):
        divisor = divisor if values is None else divisor * values
    return divisor


def name_outcome(posterior: Posterior, labels: Labels) -> str:
    """Return the title of the outcome's axis."""
    response = posterior.design.response
    name = name_column(labels, response.name)
    if response.trials is not None:
        return f"{name}, proportion of trials"
    if posterior.spec.family.name == "bernoulli":
        return f"{name}, probability"
    if response.rate is not None:
        return f"{name}, per unit of exposure"
    return f"{name}, code of the level" if response.levels else name
