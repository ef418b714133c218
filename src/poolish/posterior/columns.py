"""The columns of the model frame as an xarray dataset, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable

import numpy as np
import xarray as xr

from poolish.frame import Column, FactorColumn, NumericColumn, Table
from poolish.posterior.coords import index_coords
from poolish.posterior.variables import tree_name

# --- A factor column `f` becomes its codes, `f`, and its labels, `f_levels`. ---


def table_to_dataset(table: Table, names: Iterable[str]) -> xr.Dataset:
    """Return the named columns of a table as they were typed, over the dimension `obs`."""
    data: dict[str, xr.Variable] = {}
    labels = {"obs": _row_labels(table.rows)}
    for name in names:
        _put_column(data, labels, name, table.columns[name])
    return xr.Dataset(data, coords=index_coords(labels))


def dataset_to_table(dataset: xr.Dataset) -> Table:
    """Return the table that `table_to_dataset` made a dataset from."""
    columns = {
        variable.attrs["column"]: _column(dataset, name)
        for name, variable in dataset.variables.items()
        if "column" in variable.attrs
    }
    return Table(columns, np.asarray(dataset.coords["obs"].values))


def hash_table(table: Table, names: Iterable[str]) -> str:
    """Return the SHA-256 of the named columns: names, values and labels, in order."""
    digest = hashlib.sha256()
    for name in names:
        values, levels = _content(table.columns[name])
        digest.update(json.dumps([name, len(values), levels]).encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _content(column: Column) -> tuple[np.ndarray, tuple[str, ...]]:
    if isinstance(column, NumericColumn):
        return column.values.astype("<f8"), ()
    return column.codes.astype("<i8"), column.levels


def _put_column(
    data: dict[str, xr.Variable], labels: dict[str, np.ndarray], name: str, column: Column
) -> None:
    key = _free_name(tree_name(name), (*data, *labels))
    if isinstance(column, NumericColumn):
        attrs = {"column": name, "kind": "numeric", "is_integer": int(column.is_integer)}
        data[key] = xr.Variable("obs", column.values, attrs)
        return
    levels = _free_name(f"{key}_levels", (*data, *labels))
    attrs = {"column": name, "kind": "factor", "levels": levels}
    attrs["is_ordered"] = int(column.is_ordered)
    data[key] = xr.Variable("obs", column.codes, attrs)
    labels[levels] = np.array(column.levels, dtype=np.str_)


def _column(dataset: xr.Dataset, name: Hashable) -> Column:
    variable = dataset.variables[name]
    if variable.attrs["kind"] == "numeric":
        return NumericColumn(np.asarray(variable.values), bool(variable.attrs["is_integer"]))
    labels = dataset.variables[variable.attrs["levels"]].values
    levels = tuple(str(label) for label in labels)
    return FactorColumn(np.asarray(variable.values), levels, bool(variable.attrs["is_ordered"]))


def _free_name(name: str, taken: Iterable[str]) -> str:
    while name == "obs" or name in taken:
        name += "_"
    return name


def _row_labels(rows: np.ndarray) -> np.ndarray:
    """Return row labels as integers or text, the two kinds that a file keeps unchanged."""
    values = np.asarray(rows)
    return values if values.dtype.kind in "iu" else np.array([str(v) for v in values], np.str_)
