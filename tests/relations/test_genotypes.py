from __future__ import annotations

import sys

import numpy as np
import pytest

from poolish.errors import UnsupportedError
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
