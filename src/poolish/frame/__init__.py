"""Any data frame to typed columns; missing values."""

from poolish.frame.columns import (
    Column,
    FactorColumn,
    NumericColumn,
    Table,
    as_factor,
    label_value,
    relabel,
)
from poolish.frame.read import read_table
from poolish.frame.rows import describe_rows, drop_missing, get_column, take_rows

__all__ = [
    "Column",
    "FactorColumn",
    "NumericColumn",
    "Table",
    "as_factor",
    "describe_rows",
    "drop_missing",
    "get_column",
    "label_value",
    "read_table",
    "relabel",
    "take_rows",
]
