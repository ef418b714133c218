"""A table as a result: a data frame that prints itself for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import pandas as pd

from poolish.summaries.numbers import Format, count_decimals, format_cell

_TEXT_FORMATS: tuple[Format, ...] = ("text",)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TableResult:
    """A table with a title and a caption.

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
        header, body = list(self.frame.columns), self._cells()
        lines = [f"**{_markdown(self.title)}**", ""]
        lines += [_pipes(header), _pipes(["---" if t else "---:" for t in self._is_text()])]
        lines += [_pipes(row) for row in body]
        return "\n".join([*lines, *(["", _markdown(self.caption)] if self.caption else [])])

    def __repr__(self) -> str:
        table = align([list(self.frame.columns), *self._cells()], self._is_text())
        return "\n".join([self.title, *table, *([self.caption] if self.caption else [])])

    def _repr_html_(self) -> str:
        columns = list(self.frame.columns)
        head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
        body = "".join(_html_row(row, self._is_text()) for row in self._cells())
        foot = f"<p>{escape(self.caption)}</p>" if self.caption else ""
        return (
            f"<table><caption>{escape(self.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"
        )

    def _cells(self) -> list[list[str]]:
        return [self._row(row) for row in self.frame.to_dict("records")]

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
