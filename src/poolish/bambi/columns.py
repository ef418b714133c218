"""Terms of the two sides are the same when their columns are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poolish.bambi.counterparts import Part, refuse
from poolish.design.arrays import GroupDesign, PredictorDesign


def find_group(name: str, arrays: PredictorDesign) -> GroupDesign:
    """Return the group effects of bambi's term `name`, such as `x|g`."""
    factor = name.split("|", 1)[1].strip().replace(" ", "")
    found = [group for group in arrays.groups if group.name == factor]
    if not found:
        raise refuse(
            f"bambi's group term `{name}` is not carried over",
            given=f"`{name}`",
            fix="group by a column or by an interaction of columns",
        )
    return found[0]


def columns_of(values: Part) -> np.ndarray:
    """Return a term's columns, shape (obs, column)."""
    array = np.asarray(values, dtype=float)
    return array[:, None] if array.ndim == 1 else array


def match_column(column: np.ndarray, X: np.ndarray, labels: Sequence[str], term: str) -> str:
    """Return the label of the column of X that is this one."""
    for label, values in zip(labels, X.T, strict=True):
        if np.allclose(values, column, rtol=1e-9, atol=1e-12):
            return label
    raise refuse(
        f"bambi's term `{term}` is coded in another way here",
        given=f"columns of `{term}` that are none of {', '.join(labels)}",
        fix="compute the columns in the data frame and use them as they are",
    )
