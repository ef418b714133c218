"""The functions of `po` that make a page: loaded when one is asked for."""

from __future__ import annotations

from poolish.explore.from_table import explore_table

explore = explore_table
