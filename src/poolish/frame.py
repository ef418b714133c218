"""Any data frame (pandas, polars, Arrow, dict of arrays) to typed columns; missing values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A numeric column; booleans are 0/1, missing is NaN. `values` has shape (obs,)."""

    values: np.ndarray
    is_integer: bool = False


@dataclass(frozen=True, slots=True)
class FactorColumn:
    """A categorical column: codes into labels, -1 for missing. `codes` has shape (obs,)."""

    codes: np.ndarray
    levels: tuple[str, ...]
    is_ordered: bool = False


type Column = NumericColumn | FactorColumn


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of equal length; `rows` are the labels of the rows as the user sees them."""

    columns: Mapping[str, Column]
    rows: np.ndarray

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return len(self.rows)
