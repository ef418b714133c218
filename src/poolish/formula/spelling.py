"""How names, numbers, texts and sums of terms are spelled."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

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


type _Product = tuple[Hashable, ...]


def spell_product(variables: _Product) -> str:
    """Return `a:b`, or `1` for no variables."""
    return ":".join(map(str, variables)) or "1"


def spell_sum(products: Sequence[_Product]) -> str:
    """Return `1 + x`, or `0 + x` when the empty product, the intercept, is not there.

    Reading orders the variables of a product as the text first names them, so `g + f:g`, which
    `f * g - f` leaves, is spelled `f:g + g`; a product that only sets the order is removed again.
    """
    factors = [product for product in products if product]
    setting = () if _keeps_order(factors) else _find_order(factors)
    added = dict.fromkeys((setting, *factors) if setting else factors)
    removed = f" - {spell_product(setting)}" if setting and setting not in factors else ""
    intercept = "1" if () in products else "0"
    return " + ".join((intercept, *map(spell_product, added))) + removed


def _keeps_order(products: Sequence[_Product]) -> bool:
    variables = dict.fromkeys(variable for product in products for variable in product)
    rank = {variable: position for position, variable in enumerate(variables)}
    return all(rank[a] < rank[b] for product in products for a, b in pairwise(product))


def _find_order(products: Sequence[_Product]) -> _Product:
    """Return an order of the variables that every product agrees with."""
    sorter: TopologicalSorter[Hashable] = TopologicalSorter()
    for product in products:
        for before, after in pairwise(product):
            sorter.add(after, before)
    return tuple(sorter.static_order())
