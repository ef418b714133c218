from __future__ import annotations

import pandas as pd
import pytest

from poolish.errors import UnknownColumnError
from poolish.frame.long import to_long

WIDE = pd.DataFrame(
    {"id": ["a", "b"], "arm": ["x", "y"], "w0": [1.0, 2.0], "w4": [3.0, None], "w8": [5.0, 6.0]}
)


def test_every_visit_that_took_place_is_a_row():
    result = to_long(WIDE, id="id", time="week", value="y", columns={"w0": 0, "w4": 4, "w8": 8})

    rows = result.data[["id", "arm", "week", "y"]].to_numpy().tolist()
    assert rows == [
        ["a", "x", 0, 1.0],
        ["a", "x", 4, 3.0],
        ["a", "x", 8, 5.0],
        ["b", "y", 0, 2.0],
        ["b", "y", 8, 6.0],
    ]


def test_missing_visits_are_accounted_for():
    result = to_long(WIDE, id="id", time="visit", value="y", columns=["w0", "w4", "w8"])

    assert result.visits["missing"].tolist() == [0, 1]
    assert result.visits["which"].tolist() == ["", "w4"]
    assert repr(result) == "5 visits of 2 subjects, 1 of them complete; 1 visits missing"


def test_an_absent_visit_column_is_named():
    with pytest.raises(UnknownColumnError, match="`w12` is not a column"):
        to_long(WIDE, id="id", time="week", value="y", columns=["w0", "w12"])


def test_visits_are_found_by_their_names():
    wide = WIDE.rename(columns={"w8": "w12.5"}).assign(age=[30, 40])

    result = to_long(wide, id="id", time="week", value="y")

    assert sorted(set(result.data["week"])) == [0, 4, 12.5]
    assert "age" in result.data


@pytest.mark.parametrize("names", [["a", "b"], ["x1", "x2", "z1", "z2"]])
def test_visits_that_are_not_clear_are_asked_for(names):
    wide = pd.DataFrame({"id": ["a"], **{name: [1.0] for name in names}})

    with pytest.raises(UnknownColumnError, match="not clear which columns are the visits"):
        to_long(wide, id="id", time="week", value="y")


def test_those_who_missed_a_visit_are_listed():
    result = to_long(WIDE, id="id", time="week", value="y")

    assert "| b | 2 | 1 | w4 |" in result.to_markdown()
    assert "<td>w4</td>" in result._repr_html_()
    assert "<td>a</td>" not in result._repr_html_()
