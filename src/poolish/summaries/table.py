"""A table as a result: a data frame that prints itself for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import pandas as pd

from poolish.summaries.numbers import Format, count_decimals, format_cell

_TEXT_FORMATS: tuple[Format, ...] = ("text",)
# Rows that are shown unasked, and of a longer table, the rows of each end.
_MOST_SHOWN, _END = 60, 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TableResult:
    """A table with a title and a caption; `print` gives all rows, `repr` the ends of a long one.

    Parameters
    ----------
    frame : pandas.DataFrame
        Full precision, tidy.
    title : str
    caption : str
        What the numbers are: kind and probability of the intervals, definitions.
    formats : Mapping of str to str
        For each column what it holds; `estimate` columns take their digits from `spread`.
    spread : str
        The column of standard deviations that digits follow.
    """

    frame: pd.DataFrame
    title: str
    caption: str = ""
    formats: Mapping[str, Format] = field(default_factory=dict)
    spread: str = "sd"

    def to_df(self) -> pd.DataFrame:
        """Return a copy of the table, unrounded."""
        return self.frame.copy()

    def to_markdown(self) -> str:
        """Return the table as Markdown, with digits that follow the spread."""
        header, body = list(self.frame.columns), self._cells(self.frame)
        lines = [f"**{_markdown(self.title)}**", ""]
        lines += [_pipes(header), _pipes(["---" if t else "---:" for t in self._is_text()])]
        lines += [_pipes(row) for row in body]
        return "\n".join([*lines, *(["", _markdown(self.caption)] if self.caption else [])])

    def __str__(self) -> str:
        return self._text(self._cells(self.frame), self.caption)

    def __repr__(self) -> str:
        return self._text(*self._shown())

    def _repr_html_(self) -> str:
        columns = list(self.frame.columns)
        cells, caption = self._shown()
        head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
        body = "".join(_html_row(row, self._is_text()) for row in cells)
        foot = f"<p>{escape(caption)}</p>" if caption else ""
        return (
            f"<table><caption>{escape(self.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"
        )

    def _text(self, cells: list[list[str]], caption: str) -> str:
        table = align([list(self.frame.columns), *cells], self._is_text())
        return "\n".join([self.title, *table, *([caption] if caption else [])])

    def _shown(self) -> tuple[list[list[str]], str]:
        """Return the cells of the rows shown unasked, and the caption, which says so."""
        n = len(self.frame)
        if n <= _MOST_SHOWN:
            return self._cells(self.frame), self.caption
        first, last = self.frame.head(_END), self.frame.tail(_END)
        gap = ["..."] * len(self.frame.columns)
        left_out = f"{n - 2 * _END:,} of {n:,} rows are not shown: `print` or `.to_df()`"
        caption = f"{self.caption}; {left_out}" if self.caption else left_out
        return [*self._cells(first), gap, *self._cells(last)], caption

    def _cells(self, frame: pd.DataFrame) -> list[list[str]]:
        return [self._row(row) for row in frame.to_dict("records")]

    def _row(self, row: Mapping[str, object]) -> list[str]:
        sd = row.get(self.spread)
        decimals = count_decimals(float(sd)) if isinstance(sd, float) else 2
        return [format_cell(value, self._format(name), decimals) for name, value in row.items()]

    def _format(self, column: str) -> Format:
        return self.formats.get(column, "text")

    def _is_text(self) -> list[bool]:
        return [self._format(name) in _TEXT_FORMATS for name in self.frame.columns]


def align(rows: list[list[str]], is_text: list[bool]) -> list[str]:
    """Return rows of cells as lines, text to the left and numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(is_text))]
    return [
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(row, widths, is_text, strict=True)
        ).rstrip()
        for row in rows
    ]


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(_markdown(str(cell)) for cell in cells) + " |"


def _html_row(cells: list[str], is_text: list[bool]) -> str:
    return "<tr>" + "".join(map(_html_cell, cells, is_text)) + "</tr>"


def _html_cell(cell: str, is_text: bool) -> str:
    style = "left" if is_text else "right"
    return f'<td style="text-align: {style}">{escape(cell)}</td>'
