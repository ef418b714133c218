from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poolish.errors import FileError
from poolish.studies.gallery import GalleryModel, checksum
from poolish.studies.gallery_relations import read_relations


@pytest.fixture
def model(tmp_path: Path) -> GalleryModel:
    file = tmp_path / "pedigree.csv"
    file.write_text("animal,father,mother\nkid,a,b\na,,\nb,,\n")
    stated = {
        "pedigree": "pedigree.csv",
        "sha256": checksum(file),
        "id": "animal",
        "sire": "father",
        "dam": "mother",
    }
    return GalleryModel(
        folder=tmp_path,
        name="toy",
        title="A toy",
        formula="y ~ 1 + (1 | kin(animal, ped))",
        data_file=tmp_path / "data.csv",
        sha256="",
        source="made up",
        relations={"ped": stated},
    )


def test_a_pedigree_is_read_by_its_columns(model: GalleryModel) -> None:
    pedigree = read_relations(model)["ped"]

    A = pedigree.relationship().sel(individual="kid", individual_bis="a")
    assert float(A) == 0.5


def test_a_changed_pedigree_is_an_error(model: GalleryModel) -> None:
    (model.folder / "pedigree.csv").write_text("animal,father,mother\nkid,a,\na,,\n")

    with pytest.raises(FileError, match="is not the one that model `toy` was written for"):
        read_relations(model)


def test_a_table_without_a_column_of_dams_is_an_error(model: GalleryModel) -> None:
    stated = {key: value for key, value in model.relations["ped"].items() if key != "dam"}

    with pytest.raises(FileError, match=r"`\[relations\.ped\]` of model `toy` is not a pedigree"):
        read_relations(replace(model, relations={"ped": stated}))
