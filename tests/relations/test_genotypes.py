from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from poolish.errors import RelationError, UnsupportedError
from poolish.relations.genotypes import open_genotypes


def test_blocks_cover_every_variant_once() -> None:
    counts = np.arange(10).reshape(2, 5) % 3

    blocks = list(open_genotypes(counts, ["a", "b"]).blocks(2))

    assert [block.shape[1] for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.hstack(blocks), counts)


def test_reading_does_not_change_the_array() -> None:
    counts = np.array([[0.0, -1.0], [1.0, 2.0]])

    list(open_genotypes(counts, ["a", "b"]).blocks(1))

    assert counts[0, 1] == -1.0


def test_a_plink_file_without_bed_reader_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bed_reader", None)

    with pytest.raises(UnsupportedError, match=r"install the extra `poolish\[genetics\]`"):
        open_genotypes("x", None)


def test_plink_files_written_by_hand_are_read(tmp_path: Path) -> None:
    # PLINK 1: three bytes of magic, then a byte for four samples from the lowest bits, each variant
    # on a byte of its own; 00 two copies of A1, 01 missing, 10 one copy, 11 none.
    codes = np.array([[0b00, 0b10, 0b11, 0b01, 0b10], [0b11, 0b11, 0b00, 0b10, 0b00]])
    packed = [
        sum(int(code) << (2 * i) for i, code in enumerate(row[start : start + 4]))
        for row in codes
        for start in (0, 4)
    ]
    (tmp_path / "few.bed").write_bytes(bytes([0x6C, 0x1B, 0x01, *packed]))
    (tmp_path / "few.bim").write_text("1 v0 0 10 A G\n1 v1 0 20 C T\n")
    (tmp_path / "few.fam").write_text("".join(f"f{i} p{i} 0 0 1 -9\n" for i in range(5)))

    found = open_genotypes(tmp_path / "few", None)

    assert found.labels == ("p0", "p1", "p2", "p3", "p4")
    copies = np.array([[2, 0], [1, 0], [0, 2], [np.nan, 1], [1, 2]])
    np.testing.assert_array_equal(np.hstack(list(found.blocks(1))), copies)


def test_a_third_allele_is_refused() -> None:
    # 0/2 is no two copies of anything.
    calls = np.array([[[0, 1], [1, 1]], [[0, 2], [0, 0]]], dtype=np.int8)
    dataset = xr.Dataset({"call_genotype": (("variants", "samples", "ploidy"), calls)})
    source = open_genotypes(dataset, ["a", "b"])

    with pytest.raises(RelationError, match="allele 2, first at variant 1"):
        list(source.blocks(1))


def test_the_index_of_a_table_has_the_ids() -> None:
    table = pd.DataFrame([[0, 1, 2], [2, -1, 0]], index=["b", "a"])

    found = open_genotypes(table, None)

    assert found.labels == ("b", "a")
    np.testing.assert_array_equal(next(found.blocks(3)), [[0, 1, 2], [2, np.nan, 0]])


def test_genotypes_in_letters_are_refused() -> None:
    source = open_genotypes(np.array([["A/A", "A/T"], ["T/T", "A/T"]]), ["a", "b"])

    with pytest.raises(RelationError, match="`genotypes` has entries that are no numbers"):
        list(source.blocks(2))
