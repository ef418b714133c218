from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poolish.errors import RelationError
from poolish.relations import read_gemma, read_grm

K = np.array([[1.0, 0.25, 0.5], [0.25, 1.5, 0.125], [0.5, 0.125, 0.75]])


def write_grm(folder: Path, ids: str = "F1 a\nF1 b\nF2 c\n") -> Path:
    """GCTA's format: the lower triangle row by row in single precision, and the ids."""
    prefix = folder / "people"
    K[np.tril_indices(3)].astype("<f4").tofile(f"{prefix}.grm.bin")
    np.full(6, 1200).astype("<f4").tofile(f"{prefix}.grm.N.bin")
    Path(f"{prefix}.grm.id").write_text(ids)
    return prefix


def test_a_grm_is_read_with_its_ids(tmp_path: Path) -> None:
    relation = read_grm(write_grm(tmp_path))

    assert relation.labels == ("a", "b", "c")
    np.testing.assert_array_equal(relation.covariance, K)
    assert relation.n_variants == 1200
    assert relation.scaling == "as in the file; mean diagonal 1.08333"


def test_a_grm_without_counts_has_no_number_of_variants(tmp_path: Path) -> None:
    prefix = write_grm(tmp_path)
    Path(f"{prefix}.grm.N.bin").unlink()

    assert read_grm(prefix).n_variants is None


def test_a_gemma_matrix_is_read(tmp_path: Path) -> None:
    file = tmp_path / "out.cXX.txt"
    np.savetxt(file, K, delimiter="\t", fmt="%.10g")

    relation = read_gemma(file, ["a", "b", "c"])

    assert relation.labels == ("a", "b", "c")
    np.testing.assert_array_equal(relation.covariance, K)


def test_a_grm_of_another_size_is_refused(tmp_path: Path) -> None:
    prefix = write_grm(tmp_path, ids="F1 a\nF1 b\n")

    with pytest.raises(RelationError, match="6 entries for 2 individuals"):
        read_grm(prefix)


def test_a_missing_grm_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RelationError, match=r"there is no file `.*none\.grm\.id`"):
        read_grm(tmp_path / "none")


def test_a_missing_gemma_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RelationError, match=r"there is no file `.*none\.txt`"):
        read_gemma(tmp_path / "none.txt", ["a"])


def test_ids_that_do_not_fit_a_gemma_matrix_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "out.cXX.txt"
    np.savetxt(file, K)

    with pytest.raises(RelationError, match=r"the shape of `out\.cXX\.txt` does not fit its ids"):
        read_gemma(file, ["a", "b"])
