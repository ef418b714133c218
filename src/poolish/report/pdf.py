"""A report as PDF, by the `typst` wheel (`pip install poolish[pdf]`)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from poolish.errors import FileError, load_extra
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
from poolish.report.mathematics import to_tree

_TEMPLATE = """
#let report = json("report.json")
// Built from values: no name of a column is ever read as code.
#let formula(node) = {
  if node.kind == "letter" { math.italic(node.text) }
  if node.kind == "word" { math.upright(text(font: "Libertinus Serif", node.text)) }
  if node.kind == "sign" { math.class(node.class, node.text) }
  if node.kind == "row" { node.parts.map(formula).join() }
  if node.kind == "sub" { math.attach(formula(node.parts.at(0)), b: formula(node.parts.at(1))) }
}
// A picture as wide as the text allows, or as high as leaves room for a heading.
#let figure-of(part) = layout(size => {
  let whole = image(part.file, alt: part.alt, width: 0.85 * size.width)
  if measure(whole).height <= 0.85 * size.height { whole } else {
    image(part.file, alt: part.alt, height: 0.85 * size.height)
  }
})
// Words in backticks are names.
#let spans(words) = words.split("`").enumerate().map(((k, part)) => {
  if calc.odd(k) { raw(part) } else { part }
}).join()
#set document(title: report.title)
#set page(paper: "a4", margin: 2cm, numbering: "1")
#set text(size: 10pt)
#set par(justify: false)
#show heading.where(level: 1): set block(above: 1.6em, below: 0.8em)
#text(size: 18pt, weight: "bold", report.title)

#text(fill: luma(80), report.subtitle)
#for section in report.sections {
  heading(level: 1, section.title)
  for part in section.blocks {
    if part.kind == "text" { par(spans(part.text)) }
    if part.kind == "items" { list(..part.items.map(spans)) }
    if part.kind == "formulae" {
      for line in part.lines { par(hanging-indent: 2em, math.equation(formula(line))) }
    }
    if part.kind == "code" { block(fill: luma(240), inset: 6pt, width: 100%, raw(part.text)) }
    if part.kind == "verdict" {
      block(fill: luma(240), inset: 8pt, width: 100%, stroke: (left: 3pt + black), {
        strong(part.level)
        for item in part.items { par({ strong(item.at(0)); ": "; spans(item.at(1)) }) }
      })
    }
    if part.kind == "table" {
      block(sticky: true, strong(part.title))
      set text(size: 7.5pt)
      table(
        columns: part.head.len(),
        align: (x, y) => if part.numbers.at(x) { right } else { left },
        stroke: (x, y) => (bottom: 0.4pt + luma(200)),
        inset: 3pt,
        table.header(..part.head.map(cell => strong(cell))),
        ..part.rows.flatten().map(cell => [#cell]),
      )
      text(fill: luma(80), spans(part.caption))
    }
    if part.kind == "figure" { figure-of(part) }
  }
}
"""


def write_pdf(report: Report, target: Path) -> None:
    """Write a report as PDF; the explorer stays in the HTML report.

    Raises
    ------
    UnsupportedError
        If `typst` is not installed.
    FileError
        If the file cannot be written.
    """
    typst = load_extra("typst", "pdf", need="a PDF needs", instead='write "report.html"')
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "report.json").write_text(json.dumps(_document(report, root)), encoding="utf-8")
        (root / "report.typ").write_text(_TEMPLATE, encoding="utf-8")
        # A fixed time, so that the same report has the same bytes.
        content = typst.compile(str(root / "report.typ"), timestamp=int(_EPOCH.timestamp()))
    try:
        target.write_bytes(content)
    except OSError as error:
        raise FileError(
            f"cannot write `{target}`",
            given=str(error),
            expected="an existing folder that can be written to",
            fix="make the folder, or choose another one",
        ) from error


_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _document(report: Report, root: Path) -> dict[str, Any]:
    sections = []
    for section in report.sections:
        blocks = [
            _RENDER[type(block)](block, root / f"{section.id}_{k}")
            for k, block in enumerate(section.blocks)
        ]
        sections.append({"title": section.title, "blocks": blocks})
    return {"title": report.title, "subtitle": report.subtitle, "sections": sections}


def _figure(figure: Figure, path: Path) -> dict[str, Any]:
    file = path.with_suffix(f".{figure.kind}")
    file.write_bytes(figure.content)
    return {"kind": "figure", "file": file.name, "alt": figure.alt}


def _table(table: Table, path: Path) -> dict[str, Any]:
    return {"kind": "table", "title": table.title, "head": table.head, "rows": table.rows,
            "numbers": table.is_number, "caption": table.caption}  # fmt: skip


_RENDER: dict[type, Callable[[Any, Path], dict[str, Any]]] = {
    Text: lambda block, path: {"kind": "text", "text": block.text},
    Items: lambda block, path: {"kind": "items", "items": block.items},
    Code: lambda block, path: {"kind": "code", "text": block.text},
    Table: _table,
    Figure: _figure,
    Formulae: lambda block, path: {"kind": "formulae", "lines": list(map(to_tree, block.lines))},
    Verdict: lambda block, path: {"kind": "verdict", "level": block.level, "items": block.items},
    Frame: lambda block, path: {"kind": "text",
                                "text": f"The explorer, {block.title}, is in the HTML report."},
}  # fmt: skip
