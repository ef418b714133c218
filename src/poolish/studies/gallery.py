"""The gallery: one folder per model, read from its `model.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from poolish.errors import FileError
from poolish.studies.csv_file import read_csv

SPEC_FILE = "model.toml"
EXPECTED_FILE = "expected.json"

type Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GalleryModel:
    """A model of the gallery, as its `model.toml` states it.

    Parameters
    ----------
    folder : Path
    name, title : str
    formula : str or tuple of str
    data_file : Path
    sha256, source : str
        Checksum of the data file, and where the data come from.
    family : str
    keywords : tuple of str
    labels : Mapping of str to Mapping
        Per column `label` and, where there is one, `unit`.
    levels : Mapping of str to tuple of str
        The levels of factor columns in order, where it is not the sorted one.
    ordered : tuple of str
        Factor columns whose levels are ordered.
    priors : Mapping of str to str
    sample : Mapping
        `engine`, `draws`, `chains`, `tune`, `seed`, `missing`: arguments of `po.fit`.
    explore : Mapping
        What the explorer opens with: `group`, `effect`.
    relations : Mapping of str to Mapping
        Files of known covariances by name; see `poolish.studies.gallery_relations`.
    """

    folder: Path
    name: str
    title: str
    formula: str | tuple[str, ...]
    data_file: Path
    sha256: str
    source: str
    family: str = "gaussian"
    keywords: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ordered: tuple[str, ...] = ()
    priors: Mapping[str, str] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    explore: Mapping[str, str] = field(default_factory=dict)
    relations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


# The keys of a model.toml by table, the required ones first.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "": ("name", "title", "formula", "data"),
    "data": ("file", "sha256", "source"),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "": ("family", "keywords", "labels", "levels", "priors", "sample", "explore", "relations"),
    "data": ("ordered",),
    "sample": ("engine", "draws", "chains", "tune", "seed", "missing"),
    "explore": ("group", "effect"),
}


def is_model(path: Path) -> bool:
    """Return whether `path` is a model folder or its `model.toml`."""
    return (path / SPEC_FILE).is_file() or (path.name.endswith(".toml") and path.is_file())


def read_model(path: Path) -> GalleryModel:
    """Return the model in a folder, or in a `model.toml`.

    Raises
    ------
    FileError
        If there is no `model.toml`, or it is not valid.
    """
    file = path if path.name.endswith(".toml") else path / SPEC_FILE
    spec = _read_toml(file)
    _check_keys(file, spec)
    formula, data = spec["formula"], spec["data"]
    return GalleryModel(
        folder=file.parent,
        name=spec["name"],
        title=spec["title"],
        formula=formula if isinstance(formula, str) else tuple(formula),
        data_file=file.parent / data["file"],
        sha256=data["sha256"],
        source=data["source"],
        family=spec.get("family", "gaussian"),
        keywords=tuple(spec.get("keywords", ())),
        labels=spec.get("labels", {}),
        levels={column: tuple(order) for column, order in spec.get("levels", {}).items()},
        ordered=tuple(data.get("ordered", ())),
        priors=spec.get("priors", {}),
        sample=spec.get("sample", {}),
        explore=spec.get("explore", {}),
        relations=spec.get("relations", {}),
    )


def read_models(root: Path) -> tuple[GalleryModel, ...]:
    """Return the models in a folder of models, by name.

    Raises
    ------
    FileError
        If the folder holds no model, or one of them is not valid.
    """
    folders = sorted(file.parent for file in root.glob(f"*/{SPEC_FILE}"))
    if not folders:
        raise FileError(
            f"there is no model in folder `{root}`",
            given=f"`{root}`, seen from `{Path.cwd()}`",
            expected=f"a folder that holds NAME/{SPEC_FILE}",
            fix="go to the folder above `models`, or name it with `--root`",
        )
    return tuple(read_model(folder) for folder in folders)


def find_model(name: str, root: Path) -> GalleryModel:
    """Return the model of a name, or in a folder.

    Raises
    ------
    FileError
        If there is none.
    """
    candidates = (Path(name), root / name)
    for path in candidates:
        if is_model(path):
            return read_model(path)
    known = ", ".join(sorted(file.parent.name for file in root.glob(f"*/{SPEC_FILE}")))
    raise FileError(
        f"there is no model `{name}`",
        given=f"neither `{candidates[0]}` nor `{candidates[1]}` holds a {SPEC_FILE}",
        expected=f"one of {known}" if known else f"a folder with a {SPEC_FILE}",
        fix="run `poolish models list` to see the names",
    )


def read_data(model: GalleryModel) -> pd.DataFrame:
    """Return the data of a model, after holding the file to its checksum.

    Raises
    ------
    FileError
        If the file is missing or is not the one that the model was written for.
    DataError
        If it is not a valid table.
    """
    frame = read_csv(model.data_file, levels=model.levels, ordered=model.ordered)
    check_file(model.data_file, model.sha256, model.name)
    return frame


def check_file(path: Path, sha256: str, name: str) -> None:
    """Raise `FileError` unless a file is the one that the model `name` was written for."""
    found = checksum(path)
    if found != sha256:
        raise FileError(
            f"file `{path}` is not the one that model `{name}` was written for",
            given=f"sha256 {found}",
            expected=f"sha256 {sha256}",
            fix="restore the file, or write its checksum into `model.toml`",
        )


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(
            f"there is no file `{file}`",
            given=f"`{file.parent}`, seen from `{Path.cwd()}`",
            expected=f"a model folder, with a {SPEC_FILE}",
            fix="run `poolish models list` to see the names",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise FileError(
            f"file `{file}` is not valid TOML",
            given=str(error),
            expected="a TOML document",
            fix="mend that line; text goes in quotes",
        ) from error


def _check_keys(file: Path, spec: Table) -> None:
    for name in ("", "data", "sample", "explore"):
        table = spec.get(name, {}) if name else spec
        required, optional = _REQUIRED.get(name, ()), _OPTIONAL[name]
        where = f"`[{name}]` of `{file}`" if name else f"`{file}`"
        missing = [key for key in required if key not in table]
        unknown = [key for key in table if key not in (*required, *optional)]
        if missing or unknown:
            raise FileError(
                f"{where} lacks `{missing[0]}`" if missing else f"{where} has `{unknown[0]}`",
                given=f"keys {', '.join(table) or 'none'}",
                expected=f"{', '.join((*required, *optional))} and nothing else",
                fix=f"add `{missing[0]}`" if missing else f"remove or correct `{unknown[0]}`",
            )
