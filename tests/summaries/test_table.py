"""Tables print themselves, escape what users typed, and keep full precision."""

from __future__ import annotations

import pandas as pd
import pytest

from poolish.summaries.table import TableResult


@pytest.fixture
def table() -> TableResult:
    frame = pd.DataFrame(
        {"level": ["a|b", "<i>c</i>"], "mean": [1.23456, -20.0], "sd": [0.1, 12.0], "n": [1200, 3]}
    )
    formats = {"mean": "estimate", "sd": "estimate", "n": "count"}
    return TableResult(frame, "Groups & more", "95% intervals", formats)


def test_text_aligns_numbers_with_digits_that_follow_the_spread(table):
    assert repr(table).splitlines() == [
        "Groups & more",
        "level     mean    sd      n",
        "a|b       1.23  0.10  1,200",
        "<i>c</i>   -20    12      3",
        "95% intervals",
    ]


def test_html_is_escaped(table):
    html = table._repr_html_()

    assert "&lt;i&gt;c&lt;/i&gt;" in html
    assert "<caption>Groups &amp; more</caption>" in html
    assert "<i>" not in html


def test_markdown_keeps_its_columns(table):
    lines = table.to_markdown().splitlines()

    assert lines[2:5] == [
        "| level | mean | sd | n |",
        "| --- | ---: | ---: | ---: |",
        "| a\\|b | 1.23 | 0.10 | 1,200 |",
    ]
    assert "&lt;i>c&lt;/i>" in lines[5]
    assert lines[-1] == "95% intervals"


def test_frame_is_a_copy_at_full_precision(table):
    copy = table.to_df()

    copy.loc[0, "mean"] = 0.0

    assert table.to_df()["mean"][0] == 1.23456


def test_a_long_table_shows_its_ends_and_prints_all_of_its_rows():
    table = TableResult(pd.DataFrame({"level": [f"g{i}" for i in range(1000)]}), "Groups")

    shown = repr(table).splitlines()

    assert shown[2] == "g0" and shown[21:24] == ["g19", "...", "g980"]
    assert shown[-1] == "960 of 1,000 rows are not shown: `print` or `.to_df()`"
    assert len(str(table).splitlines()) == 1002
    assert table._repr_html_().count("<tr>") == 42
    assert "960 of 1,000 rows" in table._repr_html_()
