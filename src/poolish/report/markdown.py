"""A report as Markdown: pictures within it, so that it stays one file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from poolish.report.blocks import (
    Code,
    Figure,
    Formulae,
    Frame,
    Items,
    Report,
    Table,
    Text,
    Verdict,
)
from poolish.report.mathematics import to_latex

_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]|#$"} | {"<": "&lt;", ">": "&gt;"})


def render_markdown(report: Report) -> str:
    """Return a report as Markdown."""
    lines = [f"# {escape(report.title)}", escape(report.subtitle)]
    for section in report.sections:
        lines.append(f"## {section.title}")
        lines += [_RENDER[type(block)](block) for block in section.blocks]
    return "\n\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that Markdown leaves as it is.

    Examples
    --------
    >>> escape("a <i>")
    'a &lt;i&gt;'
    """
    return " ".join(text.split()).translate(_SPECIAL)


def _table(table: Table) -> str:
    lines = [f"**{escape(table.title)}**", "", _pipes(table.head)]
    lines.append(_pipes(tuple("---:" if right else "---" for right in table.is_number)))
    lines += [_pipes(tuple(map(escape, row))) for row in table.rows]
    return "\n".join([*lines, "", escape(table.caption)]).rstrip()


def _pipes(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _figure(figure: Figure) -> str:
    content = base64.b64encode(figure.content).decode()
    return f"![{escape(figure.alt)}](data:{_TYPES[figure.kind]};base64,{content})"


def _verdict(verdict: Verdict) -> str:
    head = f"**{escape(verdict.level)}**"
    return "\n".join([head, "", *(f"- {name}: {escape(text)}" for name, text in verdict.items)])


def _code(code: Code) -> str:
    # Indented: no text can end the block.
    return "\n".join(f"    {line}" for line in code.text.splitlines())


_RENDER: dict[type, Callable[[Any], str]] = {
    Text: lambda block: escape(block.text),
    Items: lambda block: "\n".join(f"- {escape(item)}" for item in block.items),
    Code: _code,
    Table: _table,
    Figure: _figure,
    Formulae: lambda block: "\n\n".join(f"$${to_latex(line)}$$" for line in block.lines),
    Verdict: _verdict,
    Frame: lambda block: f"(The explorer, *{escape(block.title)}*, is in the HTML report.)",
}
