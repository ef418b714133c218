from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from poolish.errors import DataError, FileError
from poolish.studies.csv_file import read_csv


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def test_rows_are_labelled_with_their_line_in_the_file(write):
    frame = read_csv(write("y,g\n1,a\n2,b\n"))

    assert list(frame.index) == [2, 3]
    assert list(frame["y"]) == [1, 2]


def test_a_byte_order_mark_is_not_part_of_the_first_name(write):
    frame = read_csv(write(b"\xef\xbb\xbfy,g\n1,a\n"))

    assert list(frame.columns) == ["y", "g"]


@pytest.mark.parametrize("text", [",y,g\n0,1,a\n1,2,b\n", '"";"y";"g"\n"1";1;"a"\n"2";2;"b"\n'])
def test_row_labels_without_a_name_are_left_out(write, text):
    frame = read_csv(write(text))

    assert frame.to_dict("list") == {"y": [1, 2], "g": ["a", "b"]}


def test_tab_separated_files_are_read_by_their_suffix(write):
    frame = read_csv(write("y\tg\n1\ta\n", "data.tsv"))

    assert list(frame.columns) == ["y", "g"]


def test_semicolons_and_decimal_commas_are_read(write):
    frame = read_csv(write("y;g;size\n1,5;a,b;2\n-0,25;c;3\n"))

    assert list(frame["y"]) == [1.5, -0.25]
    assert list(frame["g"]) == ["a,b", "c"]
    assert list(frame["size"]) == [2, 3]


def test_a_name_with_a_semicolon_needs_no_second_column(write):
    assert list(read_csv(write("a;b,g\n1,x\n")).columns) == ["a;b", "g"]


def test_a_compressed_file_is_read_by_its_suffix(write):
    frame = read_csv(write(gzip.compress(b"y\tg\n1\ta\n"), "data.tsv.gz"))

    assert frame.to_dict("list") == {"y": [1], "g": ["a"]}


def test_stated_levels_give_the_order_and_ordering(write):
    path = write("dose\nlow\nhigh\nlow\n")

    frame = read_csv(path, levels={"dose": ("low", "high")}, ordered=("dose",))

    assert list(frame["dose"].cat.categories) == ["low", "high"]
    assert frame["dose"].cat.ordered


def test_stated_levels_of_numbers_are_matched_as_text(write):
    frame = read_csv(write("id\n2\n1\n"), levels={"id": ("2", "1")})

    assert list(frame["id"].cat.codes) == [0, 1]


def test_missing_cells_of_a_factor_stay_missing(write):
    frame = read_csv(write("y,g\n1,a\n2,NA\n"), levels={"g": ("a",)})

    assert list(frame["g"].isna()) == [False, True]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("y,g\n", "has no rows"),
        ("y|g\n1|a\n", "is not separated by commas"),
        ("y,,g\n1,2,a\n", "column 2 without a name"),
        ("y,g,y\n1,a,2\n", "more than one column `y`"),
        ("y,g\n1,a\n2,b,c\n", "line 3 has 3 cells, the header 2"),
    ],
)
def test_a_file_that_is_no_table_is_refused(write, content, problem):
    path = write(content)

    with pytest.raises(DataError, match=problem) as caught:
        read_csv(path)

    assert str(path) in str(caught.value)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileError, match=r"there is no file `.*absent\.csv`"):
        read_csv(tmp_path / "absent.csv")


def test_a_folder_cannot_be_opened(tmp_path):
    with pytest.raises(FileError, match="cannot be opened"):
        read_csv(tmp_path)


def test_a_file_in_another_encoding_names_the_byte(write):
    with pytest.raises(FileError, match="byte 0xe9"):
        read_csv(write("y,g\n1,é\n".encode("latin-1")))


def test_a_slip_in_a_numeric_column_is_warned_of_with_its_line(write):
    path = write("y\n" + "1\n" * 9 + '"2,5"\n')

    with pytest.warns(UserWarning, match="column `y`, line 11: `2,5` is not a number"):
        read_csv(path)


def test_text_columns_are_read_without_a_word(write):
    frame = read_csv(write("id,y\n1a,1\n2,2\n"))

    assert not pd.api.types.is_numeric_dtype(frame["id"])


def test_a_cell_outside_the_stated_levels_is_named(write):
    path = write("g\na\nc\n")

    with pytest.raises(DataError, match="column `g`, line 3: `c` is not one of the stated levels"):
        read_csv(path, levels={"g": ("a", "b")})


def test_levels_of_a_column_that_is_absent_are_refused(write):
    with pytest.raises(DataError, match="`levels` names a column `h`"):
        read_csv(write("g\na\n"), levels={"h": ("a",)})
