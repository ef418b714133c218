"""Reading tokens one by one."""

import pytest

from poolish.errors import FormulaError
from poolish.formula.cursor import Cursor


def test_a_cursor_never_moves_past_the_end():
    cursor = Cursor("x")

    taken = [cursor.take().typed for _ in range(3)]

    assert taken == ["x", "", ""]
    assert cursor.following is cursor.token


def test_a_span_reaches_to_the_token_read_last():
    cursor = Cursor("a + bc + d")
    start = cursor.token.source
    for _ in range(3):
        cursor.take()

    assert cursor.span(start).stop == 6


def test_only_a_plain_name_starts_a_call():
    assert Cursor("log(x)").is_at_call()
    assert not Cursor("`log`(x)").is_at_call()
    assert not Cursor("log").is_at_call()


def test_expecting_another_operator_is_an_error():
    with pytest.raises(FormulaError, match="`x` cannot follow the start"):
        Cursor("x").expect("~")
