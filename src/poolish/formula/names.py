"""How names, numbers and texts are spelled."""

from __future__ import annotations

import re

# R's names: a letter, an underscore or a dot, then word characters and dots; `.5` is a number.
IDENTIFIER = r"(?:[^\W\d]|\.(?![0-9]))[\w.]*"


def spell_name(name: str) -> str:
    """Return a column name as a formula spells it, in backticks where it needs them."""
    is_plain = re.fullmatch(IDENTIFIER, name) is not None and not is_dots(name)
    return name if is_plain else f"`{name}`"


def spell_number(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def spell_text(value: str) -> str:
    """Return a quoted literal; a text never holds both kinds of quotes."""
    quote = "'" if '"' in value else '"'
    return f"{quote}{value}{quote}"


def is_dots(name: str) -> bool:
    """Return whether a name is only dots, as R's `.` for all other columns."""
    return not name.strip(".")
