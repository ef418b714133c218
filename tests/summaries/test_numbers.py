"""Digits follow the spread."""

from __future__ import annotations

import numpy as np
import pytest

from poolish.summaries.numbers import count_decimals, format_interval, format_number


@pytest.mark.parametrize(
    ("sd", "decimals"),
    [(7.3, 1), (0.27, 2), (31.0, 0), (1.0, 1), (0.996, 1), (9.96, 0), (0.0123, 3), (1500, 0),
     (1e-12, 8), (0.0, 2), (np.nan, 2), (np.inf, 2)],
)  # fmt: skip
def test_two_digits_of_the_sd_are_shown(sd, decimals):
    assert count_decimals(sd) == decimals


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(251.61, 1, "251.6"), (12345.678, 0, "12,346"), (-0.004, 2, "0.00"), (np.nan, 1, "n/a"),
     (np.inf, 1, "inf"), (-7.25, 0, "-7")],
)  # fmt: skip
def test_numbers_are_written(value, decimals, text):
    assert format_number(value, decimals) == text


def test_intervals_are_written_in_words():
    assert format_interval(-0.456, 0.6, 2) == "-0.46 to 0.60"
