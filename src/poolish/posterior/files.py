"""Fits in files: one netCDF each, written whole or not at all, verified when read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from poolish.design import recipe_from_json, recipe_to_json
from poolish.errors import FileError, as_path
from poolish.posterior.build import Posterior, rebuild_design
from poolish.posterior.record import record_from_json, record_to_json
from poolish.spec.serialize import spec_from_json, spec_to_json

FORMAT = "poolish-fit"
FORMAT_VERSION = 1
# The group of the file that holds the header; JSON longer than the 64 KiB that HDF5 allows an
# attribute is common (the levels of large factors), so it is a variable.
_HEADER = "poolish"
# What h5netcdf and xarray raise for damaged bytes.
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RuntimeError, AttributeError)


def save(posterior: Posterior, path: str | os.PathLike[str]) -> None:
    """Write a fit to a file; an older file of that name stays until the new one is verified.

    Parameters
    ----------
    posterior : Posterior
    path : str or path
        Conventionally `NAME.nc`.

    Raises
    ------
    FileError
        If the folder cannot be written to, or what was written does not read back the same.
    """
    target = as_path(path).resolve()
    tree = _tree_with_header(posterior)
    try:
        if target.exists() and not os.access(target, os.W_OK):  # moving over it would not ask
            raise PermissionError(f"`{target.name}` is read-only")
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            draft = Path(folder) / target.name
            tree.to_netcdf(draft, engine="h5netcdf")
            _flush(draft)
            _read_verified(draft)
            os.replace(draft, target)
            _flush(target.parent)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"cannot write `{path}`",
            given=str(error),
            expected="a file name in an existing folder that can be written to, with room for it",
            fix="choose another name or folder, or free some space; no file was changed",
        ) from error


def load(path: str | os.PathLike[str]) -> Posterior:
    """Return the fit that `save` wrote.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    FileError
        If there is no such file, it is not a saved fit, a newer Poolish wrote it, or it is
        damaged.
    """
    source = as_path(path)
    if not source.is_file():
        raise FileError(
            f"there is no file `{path}`",
            given=f"a path in `{source.resolve().parent}`",
            expected="a fit written by `fit.save`",
            fix="check the spelling and the folder",
        )
    tree, header = _read_verified(source)
    spec = spec_from_json(header["spec"])
    recipe = recipe_from_json(header["recipe"])
    record = record_from_json(header["record"])
    return Posterior(tree, spec, recipe, record, rebuild_design(tree, spec, recipe))


def _tree_with_header(posterior: Posterior) -> xr.DataTree:
    groups = {name: node.to_dataset() for name, node in posterior.tree.children.items()}
    header = {
        "spec": spec_to_json(posterior.spec),
        "recipe": recipe_to_json(posterior.recipe),
        "record": record_to_json(posterior.record),
        "checksums": _checksums(groups),
    }
    text = json.dumps(header)
    tree = xr.DataTree.from_dict({**groups, _HEADER: xr.Dataset({"header": ((), text)})})
    tree.attrs = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "header_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "formula": posterior.record.formula,
        "family": posterior.record.family,
        "engine": posterior.record.engine,
        "complete": int(posterior.record.is_complete),
    }
    return tree


def _read_verified(path: Path) -> tuple[xr.DataTree, dict[str, Any]]:
    """Return the tree of a file, without its header, and the header; both proved unchanged."""
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            attrs = dict(opened.attrs)
            if attrs.get("format") != FORMAT:
                raise _foreign(path, "a netCDF file that Poolish did not write")
            _check_version(path, int(attrs["format_version"]))
            groups = {name: node.to_dataset().load() for name, node in opened.children.items()}
        text = str(groups.pop(_HEADER)["header"].item())
        changed = _changed(groups, text, str(attrs["header_sha256"]))
    except FileError:
        raise
    except _UNREADABLE as error:
        raise _foreign(path, f"{type(error).__name__}: {error}") from error
    if changed:
        raise _damaged(path, changed)
    return xr.DataTree.from_dict(groups), json.loads(text)


def _changed(groups: dict[str, xr.Dataset], text: str, header_sha256: str) -> list[str]:
    """Return the names of what is not as it was written."""
    if hashlib.sha256(text.encode()).hexdigest() != header_sha256:
        return ["the header"]
    stored, found = json.loads(text)["checksums"], _checksums(groups)
    return sorted(name for name in stored | found if stored.get(name) != found.get(name))


def _checksums(groups: dict[str, xr.Dataset]) -> dict[str, str]:
    return {
        f"{group}/{name}": _checksum(variable)
        for group, dataset in groups.items()
        for name, variable in dataset.variables.items()
    }


def _checksum(variable: xr.Variable) -> str:
    values = np.asarray(variable.values)
    digest = hashlib.sha256(json.dumps([variable.dims, variable.shape]).encode())
    digest.update(json.dumps(_plain_attrs(variable), sort_keys=True).encode())
    if values.dtype.kind in "biuf":
        digest.update(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).data)
        digest.update(values.dtype.name.encode())
    else:
        digest.update(json.dumps([str(value) for value in values.ravel()]).encode())
    return digest.hexdigest()


def _plain_attrs(variable: xr.Variable) -> dict[Hashable, str | int]:
    """Return attributes as text and integers: NumPy scalars come back from a file."""
    return {key: v if isinstance(v, str) else int(v) for key, v in variable.attrs.items()}


def _flush(path: Path) -> None:
    """Wait until a file, or the entries of a folder, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_version(path: Path, version: int) -> None:
    if version > FORMAT_VERSION:
        raise FileError(
            f"`{path}` was written by a newer Poolish",
            given=f"a file of format version {version}",
            expected=f"format version {FORMAT_VERSION} or older",
            fix="update Poolish, or fit the model again with this version",
        )


def _foreign(path: Path, given: str) -> FileError:
    return FileError(
        f"`{path}` is not a saved fit, or is cut short",
        given=given,
        expected="a whole netCDF file written by `fit.save`",
        fix="check that the path is right and that the copy is complete, or fit again",
    )


def _damaged(path: Path, changed: list[str]) -> FileError:
    return FileError(
        f"`{path}` is damaged: {', '.join(changed[:3])} changed since it was saved",
        given=f"{len(changed)} checksum(s) that do not match",
        expected="every variable to match the SHA-256 stored with it",
        fix="take a backup copy of the file, or fit the model again",
    )
