"""Numbers as text: digits follow the posterior standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

type Format = Literal["text", "estimate", "count", "rhat", "share", "range"]

ABSENT = "n/a"
# At most this many decimals, however small the spread.
_MOST_DECIMALS = 8


def count_decimals(sd: float) -> int:
    """Return the decimals that show two significant digits of a standard deviation.

    Examples
    --------
    >>> count_decimals(7.3), count_decimals(0.27), count_decimals(31.0)
    (1, 2, 0)
    """
    if not np.isfinite(sd) or sd <= 0:
        return 2
    # Rounded first: 0.996 shows as 1.0, not 1.00.
    rounded = float(f"{sd:.1e}")
    return int(np.clip(1 - np.floor(np.log10(rounded)), 0, _MOST_DECIMALS))


def format_number(value: float, decimals: int) -> str:
    """Return a number with that many decimals, thousands separated.

    Examples
    --------
    >>> format_number(1234.56, 1), format_number(-0.04, 1), format_number(float("nan"), 1)
    ('1,234.6', '0.0', 'n/a')
    """
    if not np.isfinite(value):
        return ABSENT if np.isnan(value) else str(value)
    # Adding zero turns -0.0 into 0.0.
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"


def format_interval(lower: float, upper: float, decimals: int) -> str:
    """Return an interval in words.

    Examples
    --------
    >>> format_interval(237.02, 266.13, 1)
    '237.0 to 266.1'
    """
    return f"{format_number(lower, decimals)} to {format_number(upper, decimals)}"


def format_cell(value: object, kind: Format, decimals: int) -> str:
    """Return one cell of a table as text.

    Parameters
    ----------
    value : object
    kind : str
        What the column holds.
    decimals : int
        For estimates: what the spread of this row asks for.
    """
    return _CELLS[kind](value, decimals)


def _text(value: object, decimals: int) -> str:
    is_absent = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if is_absent else str(value)


_CELLS: dict[Format, Callable[[Any, int], str]] = {
    "text": _text,
    "estimate": lambda value, decimals: format_number(float(value), decimals),
    "count": lambda value, decimals: format_number(float(value), 0),
    "rhat": lambda value, decimals: format_number(float(value), 3),
    "share": lambda value, decimals: format_number(float(value), 2),
    "range": lambda value, decimals: f"{float(value):.3g}",
}
