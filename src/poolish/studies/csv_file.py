"""A CSV file to a data frame, with errors that name the file, the column and the line."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO, cast

import pandas as pd

from poolish.errors import DataError, FileError

_SEPARATORS = {".tsv": "\t", ".tab": "\t"}
# A text column with at least this share of numbers is a numeric column with a slip in it.
_MOSTLY_NUMERIC = 0.8


def read_csv(
    path: Path,
    *,
    levels: Mapping[str, Sequence[str]] | None = None,
    ordered: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the table in a CSV file; each row is labelled with its line number in the file.

    Parameters
    ----------
    path : Path
        Separated by commas, or by semicolons where the header has no comma (numbers may then have
        decimal commas), with a header, in UTF-8; `.tsv` and `.tab` files are tab-separated. A name
        that ends in `.gz` is compressed. A first column without a name is left out: R and pandas
        write row labels so.
    levels : Mapping of str to sequence of str, optional
        The levels of factor columns, in order; the first is the reference.
    ordered : sequence of str
        Those of them that are ordered factors.

    Raises
    ------
    FileError
        If the file cannot be read as text.
    DataError
        If it is not a table, a header name is missing or double, or a cell is not one of the
        stated levels.
    """
    separator = _find_separator(path)
    _check_header(path, _read_header(path, separator))
    frame = _read_rows(path, separator)
    _warn_of_slips(path, frame)
    for column, order in (levels or {}).items():
        frame[column] = _factor(path, frame, column, order, is_ordered=column in ordered)
    return frame


def _find_separator(path: Path) -> str:
    bare = path.with_suffix("") if _is_compressed(path) else path
    if bare.suffix.lower() in _SEPARATORS:
        return _SEPARATORS[bare.suffix.lower()]
    is_whole = len(_read_header(path, ",")) == 1
    return ";" if is_whole and len(_read_header(path, ";")) > 1 else ","


def _is_compressed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _open(path: Path) -> TextIO:
    open_text = gzip.open if _is_compressed(path) else open
    return cast(TextIO, open_text(path, "rt", encoding="utf-8-sig", newline=""))


def _read_header(path: Path, separator: str) -> list[str]:
    try:
        with _open(path) as file:
            return next(csv.reader(file, delimiter=separator), [])
    except FileNotFoundError as error:
        raise FileError(
            f"there is no file `{path}`",
            given=f"`{path}`, seen from `{Path.cwd()}`",
            expected="the path of a CSV file",
            fix="check the spelling and the folder",
        ) from error
    except UnicodeDecodeError as error:
        raise _not_text(path, error) from error
    except OSError as error:
        raise FileError(
            f"file `{path}` cannot be opened",
            given=str(error),
            expected="a CSV file that can be read",
            fix="check that it is a file and that you may read it",
        ) from error


def _not_text(path: Path, error: UnicodeDecodeError) -> FileError:
    return FileError(
        f"file `{path}` is not text in UTF-8",
        given=f"byte 0x{error.object[error.start]:02x} at position {error.start}",
        expected="a CSV file in UTF-8",
        fix="save it as CSV with encoding UTF-8",
    )


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not header:
        raise DataError(
            f"file `{path}` is empty",
            given="no header line",
            expected="column names in the first line, then one line per observation",
            fix="check that this is the right file",
        )
    if len(header) == 1 and any(mark in header[0] for mark in "\t|"):
        raise DataError(
            f"file `{path}` is not separated by commas",
            given=f"header `{header[0]}`",
            expected="column names separated by commas or semicolons (by tabs in a `.tsv` file)",
            fix="save it as comma-separated CSV",
        )
    named = header[1:] if _has_row_labels(header) else header
    blank = [str(position) for position, name in enumerate(named, 1) if not name.strip()]
    double = [name for name, count in Counter(header).items() if count > 1 and name.strip()]
    if blank or double:
        raise DataError(
            f"file `{path}`, line 1: every column needs a name of its own",
            given=(
                f"column {', '.join(blank)} without a name"
                if blank
                else f"more than one column `{double[0]}`"
            ),
            expected="one distinct name per column",
            fix="name or remove the column",
        )


def _has_row_labels(header: Sequence[str]) -> bool:
    """Return whether the first column has no name: the row labels that R and pandas write."""
    return len(header) > 1 and not header[0].strip()


def _read_rows(path: Path, separator: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", index_col=False)
    except UnicodeDecodeError as error:
        raise _not_text(path, error) from error
    except pd.errors.ParserError as error:
        raise DataError(
            f"file `{path}` is not a table: its lines have different numbers of cells",
            given=_tidy_parser_message(str(error)),
            expected="as many cells in every line as column names in the first",
            fix="mend that line; put quotes around a cell that holds a comma",
        ) from error
    if frame.empty:
        raise DataError(
            f"file `{path}` has no rows",
            given=f"columns {', '.join(frame.columns)} and nothing below them",
            expected="one line per observation",
            fix="check that this is the right file",
        )
    if _has_row_labels(_read_header(path, separator)):
        frame = frame.iloc[:, 1:]
    frame.index = pd.RangeIndex(2, 2 + len(frame), name="line")
    return frame if separator == "," else frame.apply(_read_decimal_commas)


def _read_decimal_commas(column: pd.Series) -> pd.Series:
    """Return a column as numbers if each cell is one, written with a decimal comma."""
    cells = column.dropna()
    if cells.empty or pd.api.types.is_numeric_dtype(cells):
        return column
    if not cells.astype(str).str.fullmatch(r"[+-]?\d*,?\d+(?:[eE][+-]?\d+)?").all():
        return column
    return column.str.replace(",", ".", regex=False).astype(float)


def _tidy_parser_message(text: str) -> str:
    match = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if match is None:
        return text.strip()
    expected, line, seen = match.groups()
    return f"line {line} has {seen} cells, the header {expected}"


def _warn_of_slips(path: Path, frame: pd.DataFrame) -> None:
    """Warn of a text column that is numeric but for a few cells, and name the first."""
    for name in frame.columns:
        cells = frame[name].dropna()
        if cells.empty or pd.api.types.is_numeric_dtype(cells):
            continue
        is_number = pd.to_numeric(cells, errors="coerce").notna()
        if _MOSTLY_NUMERIC <= is_number.mean() < 1.0:
            line = is_number.idxmin()
            warnings.warn(
                f"file `{path}`, column `{name}`, line {line}: `{cells[line]}` is not a number, "
                "so the whole column is read as text; mend the cell, or leave it empty if missing",
                stacklevel=4,
            )


def _factor(
    path: Path, frame: pd.DataFrame, column: str, levels: Sequence[str], *, is_ordered: bool
) -> pd.Categorical:
    if column not in frame.columns:
        raise DataError(
            f"`levels` names a column `{column}` that file `{path}` does not have",
            given=f"columns {', '.join(frame.columns)}",
            expected="levels of columns that exist",
            fix="correct the name in `[levels]`",
        )
    cells = frame[column].map(str, na_action="ignore")
    strange = cells[cells.notna() & ~cells.isin(levels)]
    if not strange.empty:
        raise DataError(
            f"file `{path}`, column `{column}`, line {strange.index[0]}: "
            f"`{strange.iloc[0]}` is not one of the stated levels",
            given=f"{len(strange)} such cells",
            expected=f"one of {', '.join(levels)}",
            fix="mend the cell, or add the level to `[levels]`",
        )
    return pd.Categorical(cells, categories=list(levels), ordered=is_ordered)
