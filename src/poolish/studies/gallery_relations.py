"""Known covariances of a gallery model, from files beside its data."""

from __future__ import annotations

from poolish.errors import FileError
from poolish.relations import Pedigree
from poolish.studies.csv_file import read_csv
from poolish.studies.gallery import GalleryModel, check_file

_KEYS = ("pedigree", "sha256", "id", "sire", "dam")


def read_relations(model: GalleryModel) -> dict[str, Pedigree]:
    """Return the known covariances of a model by name: a pedigree each.

    In `model.toml`, for the `ped` of `kin(id, ped)`::

        [relations.ped]
        pedigree = "pedigree.csv"
        sha256 = "..."
        id = "id"
        sire = "sire"
        dam = "dam"

    Raises
    ------
    FileError
        If a table lacks a key or has another one, or its file is missing or has changed.
    RelationError
        If the file is not a valid pedigree.
    """
    return {name: _read_pedigree(model, name) for name in model.relations}


def _read_pedigree(model: GalleryModel, name: str) -> Pedigree:
    stated = model.relations[name]
    if set(stated) != set(_KEYS):
        raise FileError(
            f"`[relations.{name}]` of model `{model.name}` is not a pedigree",
            given=f"keys {', '.join(stated) or 'none'}",
            expected=", ".join(_KEYS),
            fix="name the file, its checksum and its columns of ids, sires and dams",
        )
    path = model.folder / stated["pedigree"]
    frame = read_csv(path)
    check_file(path, stated["sha256"], model.name)
    return Pedigree.from_frame(frame, id=stated["id"], sire=stated["sire"], dam=stated["dam"])
