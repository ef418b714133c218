from __future__ import annotations

import json

import poolish as po


def test_compare_names_the_better_of_two_files(poolish_run, sleep_file, sleepstudy, tmp_path):
    smaller = po.fit("Reaction ~ Days", sleepstudy, seed=1, progress=False)
    smaller.save(tmp_path / "smaller.nc")

    outcome = poolish_run("compare", sleep_file, tmp_path / "smaller.nc", "--json")

    document = json.loads(outcome.out)
    assert outcome.code == 0
    assert [row["model"] for row in document["models"]] == ["sleepstudy", "smaller"]
    assert "predicts better" in document["sentence"]


def test_compare_of_one_file_leaves_with_code_3(poolish_run, sleep_file):
    assert poolish_run("compare", sleep_file).code == 3
