from __future__ import annotations

from pathlib import Path

import pytest

from poolish.errors import FileError, FormulaError
from poolish.studies.gallery import (
    checksum,
    find_model,
    is_model,
    read_data,
    read_model,
    read_models,
)
from poolish.studies.gallery_new import create_model

SPEC = """\
name = "toy"
title = "A toy"
formula = "y ~ 1 + (1 | g)"
{extra}
[data]
file = "data.csv"
sha256 = "{sha256}"
source = "made up"
"""


@pytest.fixture
def toy(tmp_path: Path):
    def write(extra: str = "", sha256: str | None = None, more: str = "") -> Path:
        folder = tmp_path / "toy"
        folder.mkdir()
        data = folder / "data.csv"
        data.write_text("y,g\n1,b\n2,a\n")
        text = SPEC.format(extra=extra, sha256=sha256 or checksum(data)) + more
        (folder / "model.toml").write_text(text)
        return folder

    return write


def test_a_model_is_read_with_its_defaults(toy):
    model = read_model(toy())

    assert model.name == "toy"
    assert model.family == "gaussian"
    assert model.priors == {}
    assert model.formula == "y ~ 1 + (1 | g)"


def test_a_model_may_be_named_by_its_file(toy):
    folder = toy()

    assert is_model(folder / "model.toml")
    assert read_model(folder / "model.toml") == read_model(folder)


def test_several_formulas_are_kept_apart(toy):
    folder = toy()
    spec = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(spec.replace('"y ~ 1 + (1 | g)"', '["y ~ 1", "sigma ~ g"]'))

    assert read_model(folder).formula == ("y ~ 1", "sigma ~ g")


def test_stated_levels_order_the_data(toy):
    folder = toy(more='[levels]\ng = ["b", "a"]\n')

    frame = read_data(read_model(folder))

    assert list(frame["g"].cat.categories) == ["b", "a"]


def test_data_that_were_changed_are_refused(toy):
    model = read_model(toy(sha256="0" * 64))

    with pytest.raises(FileError, match="is not the one that model `toy` was written for"):
        read_data(model)


@pytest.mark.parametrize(
    ("extra", "more", "problem"),
    [
        ('familly = "poisson"', "", "has `familly`"),
        ("", "[sample]\nsteps = 3\n", r"`\[sample\]` of .* has `steps`"),
    ],
)
def test_an_unknown_key_is_named(toy, extra, more, problem):
    folder = toy(extra=extra, more=more)

    with pytest.raises(FileError, match=problem):
        read_model(folder)


def test_an_absent_key_is_named(toy):
    folder = toy()
    spec = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(spec.replace('source = "made up"\n', ""))

    with pytest.raises(FileError, match=r"`\[data\]` of .* lacks `source`"):
        read_model(folder)


def test_text_that_is_no_toml_is_refused(toy):
    folder = toy(extra="family = poisson")

    with pytest.raises(FileError, match=r"is not valid TOML[\s\S]*line 4"):
        read_model(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"there is no file .*model\.toml"):
        read_model(tmp_path)


def test_a_model_is_found_by_name_or_folder(toy):
    folder = toy()

    assert find_model("toy", folder.parent) == read_model(folder)
    assert find_model(str(folder), Path("elsewhere")) == read_model(folder)


def test_a_name_that_is_no_model_lists_the_names(toy):
    folder = toy()

    with pytest.raises(FileError, match=r"there is no model `toi`[\s\S]*one of toy"):
        find_model("toi", folder.parent)


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(FileError, match="there is no model in folder"):
        read_models(tmp_path)


def test_a_new_model_can_be_read_and_its_data_too(tmp_path):
    data = tmp_path / "mine.csv"
    data.write_text('"a b",g\n1,x\n2,y\n')

    folder = create_model(tmp_path / "new", "`a b` ~ 1 + (1 | g)", data, family="gaussian")

    model = read_model(folder)
    assert model.name == "new"
    assert set(model.labels) == {"a b", "g"}
    assert len(read_data(model)) == 2


def test_a_new_model_does_not_take_a_folder_that_exists(toy):
    folder = toy()

    with pytest.raises(FileError, match=r"folder `.*toy` exists"):
        create_model(folder, "y ~ 1", folder / "data.csv", family="gaussian")


def test_a_new_model_with_a_bad_formula_leaves_no_folder(toy, tmp_path):
    data = toy() / "data.csv"

    with pytest.raises(FormulaError):
        create_model(tmp_path / "new", "y ~ (1 | ", data, family="gaussian")

    assert not (tmp_path / "new").exists()
