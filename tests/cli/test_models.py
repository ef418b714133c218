from __future__ import annotations

import json

import pytest

from poolish.studies.gallery import read_models


@pytest.fixture
def at_root(root, monkeypatch):
    monkeypatch.chdir(root)
    return root


def test_list_names_every_model(poolish_run, at_root):
    outcome = poolish_run("models", "list")

    names = [line.split()[0] for line in outcome.out.splitlines()]
    assert names == [model.name for model in read_models(at_root / "models")]


def test_list_as_json_has_the_formulas(poolish_run, at_root):
    rows = json.loads(poolish_run("models", "list", "--json").out)

    by_name = {row["name"]: row for row in rows}
    assert by_name["dyestuff"]["formula"] == "Yield ~ 1 + (1 | Batch)"


def test_list_somewhere_else_says_where_it_looked(poolish_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    outcome = poolish_run("models", "list")

    assert outcome.code == 3
    assert "there is no model in folder `models`" in outcome.err


def test_show_prints_the_model_and_its_page(poolish_run, at_root):
    outcome = poolish_run("models", "show", "eight_schools")

    assert outcome.code == 0
    assert "y | se(sigma) ~ 1 + (1 | school)" in outcome.out
    assert "half_cauchy(0, 5)" in outcome.out
    assert "**Exercise.**" in outcome.out


def test_show_as_json(poolish_run, at_root):
    document = json.loads(poolish_run("models", "show", "sleepstudy", "--json").out)

    assert document["labels"]["Reaction"] == {"label": "Reaction time", "unit": "ms"}


def test_show_of_no_model_lists_the_names(poolish_run, at_root):
    outcome = poolish_run("models", "show", "sleep")

    assert outcome.code == 3
    assert "sleepstudy" in outcome.err


def test_a_new_model_can_be_fitted_at_once(poolish_run, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = root / "models" / "dyestuff2" / "data.csv"

    made = poolish_run("models", "new", "mine", "Yield ~ 1 + (1 | Batch)", data)
    fitted = poolish_run("fit", "models/mine", "-q")

    assert (made.code, fitted.code) == (0, 0)
    assert (tmp_path / "mine.nc").is_file()


def test_expected_answers_are_written_with_how_they_were_made(
    poolish_run, root, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = root / "models" / "dyestuff2" / "data.csv"
    poolish_run("models", "new", "mine", "Yield ~ 1 + (1 | Batch)", data)

    poolish_run("models", "expect", "mine", "--engine", "exact", "--draws", "2000")
    verified = poolish_run("fit", "models/mine", "--verify", "-q")

    answers = json.loads((tmp_path / "models" / "mine" / "expected.json").read_text())
    assert answers["how"].startswith("poolish models expect mine --engine exact --draws 2000")
    assert "numpy" in answers["versions"]
    assert "Verified" in verified.out


def test_the_page_is_written_where_the_models_are(poolish_run, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = root / "models" / "dyestuff2" / "data.csv"
    poolish_run("models", "new", "mine", "Yield ~ 1 + (1 | Batch)", data)

    poolish_run("models", "page")

    page = (tmp_path / "models" / "README.md").read_text()
    assert "[mine](mine/README.md)" in page
    assert r"`Yield ~ 1 + (1 \| Batch)`" in page
