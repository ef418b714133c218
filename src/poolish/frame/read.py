"""Any data frame (pandas, polars, Arrow, dict of arrays) to typed columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from unicodedata import normalize

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from poolish.errors import DataError
from poolish.frame.columns import (
    Column,
    FactorColumn,
    LazyColumns,
    NumericColumn,
    Table,
    label_value,
    relabel,
)


def read_table(data: Any) -> Table:  # noqa: ANN401 - any data frame library is welcome
    """Return the data frame as typed columns.

    Text and unordered categories become factors, booleans 0/1. A column is read when it is first
    used, so columns of other kinds (dates, lists) are refused only if the formula needs them.

    Parameters
    ----------
    data : pandas, polars, pyarrow or other eager data frame, or dict of arrays

    Raises
    ------
    DataError
        If `data` is not a data frame, has no rows, or has two columns of one name.

    Examples
    --------
    >>> table = read_table({"x": [1.5, 2.0], "g": ["b", "a"]})
    >>> table.columns["g"]
    FactorColumn(codes=array([1, 0]), levels=('a', 'b'), is_ordered=False)
    """
    frame = _as_frame(data)
    composed = [normalize("NFC", str(name)) for name in frame.columns]  # as in formulas
    names = dict(zip(composed, frame.columns, strict=True))
    if len(names) < len(frame.columns):
        raise _duplicate_columns(composed)
    if len(frame) == 0:
        raise DataError(
            "`data` has no rows",
            given=f"0 rows, columns {', '.join(names) or '(none)'}",
            expected="at least one row",
            fix="check the file or the filter that made the data frame",
        )
    columns = LazyColumns(tuple(names), lambda name: _read_column(name, frame[names[name]]))
    return Table(columns, _row_labels(frame))


def _as_frame(data: Any) -> nw.DataFrame[Any]:  # noqa: ANN401
    native = _from_mapping(data) if isinstance(data, Mapping) else data
    try:
        return nw.from_native(native, eager_only=True)
    except DuplicateError as error:
        raise _duplicate_columns(str(name) for name in _native_names(native)) from error
    except TypeError as error:
        raise _not_a_frame(data) from error


def _from_mapping(data: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    import pandas as pd

    if not isinstance(data, dict) and type(data).__module__.startswith("xarray"):
        raise _not_a_frame(data)
    try:
        return pd.DataFrame(data)
    except ValueError as error:
        raise DataError(
            "the arrays in `data` do not make columns of equal length",
            given=", ".join(f"{name}: {np.shape(values)}" for name, values in data.items()),
            expected="one array of shape (rows,) per column",
            fix="cut or repeat the arrays to the same length",
        ) from error


def _native_names(native: Any) -> Sequence[Any]:  # noqa: ANN401
    return list(native.column_names if nw.dependencies.is_pyarrow_table(native) else native.columns)


def _not_a_frame(data: Any) -> DataError:  # noqa: ANN401
    kind = f"{type(data).__module__.split('.')[0]}.{type(data).__name__}"
    return DataError(
        "`data` is not a data frame",
        given=f"a value of type {kind}",
        expected="a pandas, polars or pyarrow table, or a dict of arrays",
        fix=_FRAME_FIXES.get(kind, "make a data frame of it first, one row per observation"),
    )


_FRAME_FIXES = {
    "xarray.Dataset": "pass `data.to_dataframe().reset_index()`",
    "xarray.DataArray": "pass `data.to_dataframe('name').reset_index()`",
    "polars.LazyFrame": "pass `data.collect()`",
    "builtins.str": "read the file first, for example with `pandas.read_csv`",
    "pandas.Series": "pass `data.to_frame()`",
    "polars.Series": "pass `data.to_frame()`",
    "numpy.ndarray": "name the columns: `pandas.DataFrame(data, columns=[...])`",
}


def _duplicate_columns(names: Iterable[str]) -> DataError:
    doubled = [name for name, count in Counter(names).items() if count > 1]
    doubled_text = ", ".join(f"`{name}`" for name in doubled)
    return DataError(
        f"`data` has more than one column called {doubled_text}",
        given=f"duplicate column names {doubled_text}",
        expected="every column to have its own name",
        fix="rename or remove the duplicates",
    )


def _row_labels(frame: nw.DataFrame[Any]) -> np.ndarray:
    index = nw.maybe_get_index(frame)
    return np.arange(len(frame)) if index is None else np.asarray(index)


# --- One column ---


def _read_column(name: str, series: nw.Series[Any]) -> Column:
    dtype = series.dtype
    if dtype == nw.Object:
        return _read_objects(name, series)
    if dtype.is_numeric() or dtype == nw.Boolean:
        return _read_numbers(series)
    if dtype == nw.String:
        return _read_text(series.to_numpy())
    if dtype == nw.Categorical or dtype == nw.Enum:
        return _read_categories(series)
    raise _unusable(name, str(dtype), dtype.is_temporal())


def _read_numbers(series: nw.Series[Any]) -> NumericColumn:
    is_integer = series.dtype.is_integer() or series.dtype == nw.Boolean
    if is_integer and series.null_count() == 0:
        values = series.to_numpy()
        return NumericColumn(values.astype(np.int64) if values.dtype == bool else values, True)
    values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=float)
    return NumericColumn(values, is_integer)


def _read_text(values: np.ndarray) -> FactorColumn:
    import pandas as pd

    codes, labels = pd.factorize(values, sort=True)
    return FactorColumn(codes, tuple(str(label) for label in labels), is_text=True)


def _read_categories(series: nw.Series[Any]) -> FactorColumn:
    native = series.to_native()
    if nw.dependencies.is_pandas_series(native):
        labels = tuple(label_value(value) for value in native.cat.categories)
        return FactorColumn(
            native.cat.codes.to_numpy().astype(np.intp), labels, bool(native.cat.ordered)
        )
    found = replace(_read_text(series.cast(nw.String).to_numpy()), is_text=False)
    if not isinstance(series.dtype, nw.Enum):  # polars, Arrow: without an order of its own
        return found
    return relabel(found, tuple(series.dtype.categories))


def _read_objects(name: str, series: nw.Series[Any]) -> Column:
    values = series.to_numpy()
    kinds = {type(value) for value in values if value is not None and value == value}
    if kinds and all(issubclass(kind, str) for kind in kinds):
        return _read_text(values)
    if all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        return _read_numbers(series)
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    is_time = all(issubclass(kind, date) for kind in kinds)
    raise _unusable(name, f"mixed objects ({found})", is_time)


def _unusable(name: str, kind: str, is_time: bool) -> DataError:
    fix = (
        f"make a number of it with `t = pd.to_datetime(data['{name}'])` and "
        f"`(t - t.min()).dt.days`, or text with `data['{name}'].astype(str)`, where each is a "
        f"group of its own, in `factor({name})` a level"
        if is_time
        else f"convert `{name}` to numbers or to text"
    )
    return DataError(
        f"column `{name}` can be neither a number nor a factor",
        given=f"values of type {kind}",
        expected="numbers, booleans, text or categories",
        fix=fix,
    )
