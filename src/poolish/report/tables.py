"""Tables of results as tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from poolish.report.blocks import Table
from poolish.summaries.numbers import count_decimals, format_cell
from poolish.summaries.table import TableResult


def as_table(
    result: TableResult,
    *,
    columns: Mapping[str, str] | None = None,
    rows: Sequence[int] | None = None,
    title: str | None = None,
    caption: str | None = None,
) -> Table:
    """Return a result as text, with digits that follow the spread.

    Parameters
    ----------
    result : TableResult
    columns : Mapping of str to str, optional
        The columns to show, by what they are called; all when left out.
    rows : sequence of int, optional
        The rows to show; all when left out.
    title, caption : str, optional
        Those of the result when left out.
    """
    names = columns or {str(name): str(name) for name in result.frame.columns}
    frame = result.frame if rows is None else result.frame.iloc[list(rows)]
    formats = [result.formats.get(name, "text") for name in names]
    cells = tuple(_row(result, row, list(names)) for row in frame.to_dict("records"))
    return Table(
        title=result.title if title is None else title,
        head=tuple(names.values()),
        rows=cells,
        is_number=tuple(kind != "text" for kind in formats),
        caption=result.caption if caption is None else caption,
    )


def plain_table(frame: pd.DataFrame, title: str, caption: str = "") -> Table:
    """Return a table whose cells are text already."""
    rows = tuple(tuple(str(cell) for cell in row) for row in frame.itertuples(index=False))
    head = tuple(str(name) for name in frame.columns)
    return Table(title, head, rows, (False,) * len(head), caption)


def _row(result: TableResult, row: Mapping[str, object], names: list[str]) -> tuple[str, ...]:
    sd = row.get(result.spread)
    decimals = count_decimals(float(sd)) if isinstance(sd, float) else 2
    return tuple(
        format_cell(row[name], result.formats.get(name, "text"), decimals) for name in names
    )
