"""Spelling that reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolish.formula.spelling import spell_name, spell_number, spell_sum, spell_text


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("x", "x"),
        ("a.b", "a.b"),
        (".x", ".x"),
        ("_x", "_x"),
        ("été", "été"),
        ("my col", "`my col`"),
        ("1st", "`1st`"),
        (".1", "`.1`"),
        (".", "`.`"),
        ("...", "`...`"),
        ("a-b", "`a-b`"),
    ],
)
def test_a_name_stands_in_backticks_where_it_must(name, spelled):
    assert spell_name(name) == spelled


@pytest.mark.parametrize(
    ("value", "spelled"), [(1, "1"), (0.1, "0.1"), (1000.0, "1000"), (2.5e-30, "2.5e-30")]
)
def test_a_number_is_spelled_shortly(value, spelled):
    assert spell_number(value) == spelled


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_exactly(value):
    assert float(spell_number(value)) == value


def test_a_text_with_double_quotes_stands_in_single_ones():
    assert spell_text('a"b') == "'a\"b'"
    assert spell_text("a'b") == '"a\'b"'


@pytest.mark.parametrize(
    ("products", "spelled"),
    [
        ([], "0"),
        ([()], "1"),
        ([(), ("a",), ("b",), ("a", "b")], "1 + a + b + a:b"),
        ([(), ("g",), ("f", "g")], "1 + f:g + g"),
        ([("b", "c"), ("a", "b")], "0 + a:b:c + b:c + a:b - a:b:c"),
    ],
)
def test_a_sum_keeps_the_order_of_variables(products, spelled):
    assert spell_sum(products) == spelled
