"""What a report is made of: sections of blocks, whatever the format they are written in."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.report.mathematics import Node


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A line, or some, to be typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text: `head`, `rows`, which columns are numbers, and a caption."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_number: tuple[bool, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in a file: `kind` is `svg` or `png`."""

    kind: str
    content: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Formulae:
    """Lines of mathematics."""

    lines: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The box: `level` is `sound`, `use with care` or `do not use`; then what was looked at."""

    level: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A page within the page, with the content policy that it needs."""

    html: str
    title: str
    policy: str


type Block = Text | Items | Code | Table | Figure | Formulae | Verdict | Frame


@dataclass(frozen=True, slots=True)
class Section:
    """A section: `id` for links, title, blocks."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: title, a line under it, sections in order."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
