"""Saved fits: the same when read, written whole or not at all, damage found."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_fits import make_posterior

from poolish.errors import FileError
from poolish.posterior import load, save


@pytest.fixture
def saved(brms_sleep, tmp_path) -> Path:
    path = tmp_path / "sleep.nc"
    save(brms_sleep, path)
    return path


def test_loaded_fit_is_the_saved_one(brms_sleep, saved):
    loaded = load(saved)

    assert loaded.tree.identical(brms_sleep.tree)
    assert loaded.record == brms_sleep.record
    assert loaded.recipe == brms_sleep.recipe
    assert loaded.spec.formula == brms_sleep.spec.formula
    assert loaded.spec.predictors == brms_sleep.spec.predictors
    np.testing.assert_array_equal(loaded.design.main.X, brms_sleep.design.main.X)


labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)


@settings(max_examples=8, deadline=None)
@given(
    levels=st.lists(labels.map(str.strip).filter(bool), min_size=2, max_size=6, unique=True),
    numbers=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6, unique=True),
)
def test_any_fit_survives_the_file(tmp_path_factory, levels, numbers):
    frame = pd.DataFrame({"y": numbers, "g": [levels[i % len(levels)] for i in range(6)]})
    stats = {"diverging": np.arange(100).reshape(4, 25) % 7 == 0, "khat": np.float64(0.1)}
    posterior = make_posterior("y ~ 1 + (1 | g)", frame, stats=stats)
    path = tmp_path_factory.mktemp("any") / "fit.nc"

    save(posterior, path)
    loaded = load(path)

    assert loaded.tree.identical(posterior.tree)
    assert loaded.recipe == posterior.recipe
    assert loaded.spec.main.groups == posterior.spec.main.groups


def test_file_is_netcdf_that_xarray_reads(saved):
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        assert tree["posterior/r_Subject"].sizes["Subject"] == 18
        assert tree.attrs["formula"] == "Reaction ~ 1 + Days + (1 + Days | Subject)"
        assert tree.attrs["complete"] == 1


def test_saving_replaces_the_old_file(saved, sleepstudy):
    other = make_posterior("Reaction ~ Days + (1 | Subject)", sleepstudy)

    save(other, saved)

    assert load(saved).record.formula == "Reaction ~ 1 + Days + (1 | Subject)"
    assert os.listdir(saved.parent) == ["sleep.nc"]


def test_old_file_survives_a_write_that_fails(saved, brms_sleep, monkeypatch):
    before = saved.read_bytes()

    def break_off(self, path, **options):
        Path(path).write_bytes(before[: len(before) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", break_off)

    with pytest.raises(FileError, match=r"(?s)cannot write.*No space left"):
        save(brms_sleep, saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["sleep.nc"]


def test_old_file_survives_a_write_that_does_not_read_back(saved, brms_sleep, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(
        xr.DataTree, "to_netcdf", lambda self, path, **options: path.write_bytes(before[:5000])
    )

    with pytest.raises(FileError, match="is not a saved fit, or is cut short"):
        save(brms_sleep, saved)
    assert saved.read_bytes() == before


def test_missing_folder_is_an_error(brms_sleep, tmp_path):
    with pytest.raises(FileError, match=r"cannot write `.*nowhere/fit\.nc`"):
        save(brms_sleep, tmp_path / "nowhere" / "fit.nc")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileError, match=r"there is no file `.*absent\.nc`"):
        load(tmp_path / "absent.nc")


@pytest.mark.parametrize("content", [b"", b"Reaction,Days\n1,2\n", b"\x89HDF\r\n\x1a\n"])
def test_foreign_bytes_are_an_error(tmp_path, content):
    path = tmp_path / "fit.nc"
    path.write_bytes(content)

    with pytest.raises(FileError, match="is not a saved fit, or is cut short"):
        load(path)


def test_netcdf_of_another_program_is_an_error(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"x": ("t", [1.0])}).to_netcdf(path, engine="h5netcdf")

    with pytest.raises(FileError, match="that Poolish did not write"):
        load(path)


def test_truncated_file_is_an_error(saved):
    content = saved.read_bytes()
    saved.write_bytes(content[: len(content) // 2])

    with pytest.raises(FileError, match="is not a saved fit, or is cut short"):
        load(saved)


# h5netcdf says so while it drops a file that it could not open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_flipped_bit_is_an_error_or_changes_nothing(tmp_path):
    path, rng = tmp_path / "fit.nc", np.random.default_rng(5)
    posterior = make_posterior("y ~ 1 + (1 | g)", {"y": np.arange(6.0), "g": list("aabbcc")})
    save(posterior, path)
    content, n_found = path.read_bytes(), 0
    for place in rng.integers(len(content), size=40):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert load(path).tree.identical(posterior.tree)
        except FileError:
            n_found += 1

    assert n_found > 0


@pytest.mark.parametrize("name", ["folder.nc", "a" * 300])
def test_a_name_that_cannot_be_a_file_is_an_error(brms_sleep, tmp_path, name):
    (tmp_path / "folder.nc").mkdir()

    with pytest.raises(FileError, match="cannot write"):
        save(brms_sleep, tmp_path / name)


def test_a_read_only_file_is_not_replaced(saved, brms_sleep, monkeypatch):
    """`os.access` stands in for the permissions, which do not bind the superuser."""
    before = saved.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != saved)

    with pytest.raises(FileError, match="is read-only"):
        save(brms_sleep, saved)

    assert saved.read_bytes() == before


def test_changed_draw_is_found_and_named(saved):
    with h5py.File(saved, "r+") as file:
        file["posterior/sigma"][0, 0] += 1e-9

    with pytest.raises(FileError, match="is damaged: posterior/sigma changed"):
        load(saved)


def test_removed_variable_is_found_and_named(saved):
    with h5py.File(saved, "r+") as file:
        del file["posterior/sigma"]

    with pytest.raises(FileError, match="is damaged: posterior/sigma changed"):
        load(saved)


def test_changed_header_is_found(saved):
    with h5py.File(saved, "r+") as file:
        file["poolish/header"][()] = file["poolish/header"][()].replace(b"Days", b"Nays")

    with pytest.raises(FileError, match="is damaged: the header changed"):
        load(saved)


def test_newer_format_is_an_error(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["format_version"] = 99

    with pytest.raises(FileError, match="was written by a newer Poolish"):
        load(saved)
