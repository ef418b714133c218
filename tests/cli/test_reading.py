"""The commands that read a saved fit, or a model before it is fitted."""

from __future__ import annotations

import json

import pytest

import poolish


def test_summary_prints_the_fit(poolish_run, sleep_file, sleep_fit):
    outcome = poolish_run("summary", sleep_file)

    assert outcome.code == 0
    assert outcome.out == f"{poolish.load(sleep_file)}\n"


@pytest.mark.parametrize("command", ["variance", "pooling", "ranks"])
def test_a_table_is_printed_as_the_result_prints_itself(poolish_run, sleep_file, command):
    arguments = () if command == "variance" else ("Subject",)

    outcome = poolish_run(command, sleep_file, *arguments)

    result = getattr(poolish.load(sleep_file), command)(*arguments)
    assert outcome.code == 0
    assert outcome.out == f"{result}\n"


@pytest.mark.parametrize("command", ["variance", "pooling", "ranks"])
def test_json_holds_every_row_of_the_table(poolish_run, sleep_file, command):
    arguments = () if command == "variance" else ("Subject",)

    rows = json.loads(poolish_run(command, sleep_file, *arguments, "--json").out)

    frame = getattr(poolish.load(sleep_file), command)(*arguments).to_df()
    assert len(rows) == len(frame)
    for column in frame.columns:
        assert column in rows[0]


def test_the_summary_as_json_has_the_posterior_means(poolish_run, sleep_file, sleep_fit):
    document = json.loads(poolish_run("summary", sleep_file, "--json", "--prob", "0.8").out)

    means = [row["mean"] for row in document["parameters"]]
    slope = float(sleep_fit.posterior["b"].sel(coef="Days").mean())
    assert document["ci_prob"] == 0.8
    assert any(mean == pytest.approx(slope, rel=1e-6) for mean in means)


def test_an_unknown_group_names_those_that_exist(poolish_run, sleep_file):
    outcome = poolish_run("pooling", sleep_file, "subject")

    assert outcome.code == 3
    assert "Subject" in outcome.err


def test_a_file_that_is_no_fit_is_refused(poolish_run, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("nothing")

    outcome = poolish_run("summary", path)

    assert outcome.code == 3
    assert "fit.nc" in outcome.err


def test_priors_of_a_formula_and_a_model_folder_are_printed(poolish_run, root, monkeypatch):
    monkeypatch.chdir(root)

    by_folder = poolish_run("priors", "models/eight_schools")
    by_file = poolish_run("priors", "models/eight_schools/model.toml")
    by_formula = poolish_run(
        "priors",
        "y | se(sigma) ~ 1 + (1 | school)",
        "models/eight_schools/data.csv",
        "--prior",
        "b[Intercept]=normal(0, 20)",
        "--prior",
        "sd_school=half_cauchy(0, 5)",
    )

    assert by_folder.code == 0
    assert "normal(0, 20)" in by_folder.out
    assert by_folder.out == by_file.out == by_formula.out


def test_priors_as_json(poolish_run, root):
    rows = json.loads(poolish_run("priors", root / "models" / "sleepstudy", "--json").out)

    assert any("half_student_t" in str(row) for row in rows)


def test_a_prior_for_nothing_is_refused(poolish_run, root):
    folder = root / "models" / "sleepstudy"

    outcome = poolish_run("priors", folder, "--prior", "b[Dayz]=normal(0, 1)")

    assert outcome.code == 3
    assert "b[Days]" in outcome.err


def test_ranks_take_effect_direction_and_case_mix(poolish_run, sleep_file):
    arguments = ("--effect", "Days", "--higher-is", "worse", "--top", "2")

    by_slope = poolish_run("ranks", sleep_file, "Subject", *arguments)
    adjusted = poolish_run("ranks", sleep_file, "Subject", "--adjusted")

    assert by_slope.code == adjusted.code == 0
    assert by_slope.out.startswith("Ranks of Subject by Days\n")
    assert "top and bottom are of 2" in by_slope.out
    assert adjusted.out.startswith("Ranks of Subject by mean outcome")


def test_predictions_of_new_rows_are_printed(poolish_run, sleep_file, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("Days,Subject\n0,308\n5,999\n")

    unseen = poolish_run("predict", sleep_file, path)
    fitted = poolish_run("predict", sleep_file, path, "--groups", "zero")
    rows = json.loads(poolish_run("predict", sleep_file, "--json").out)

    assert unseen.code == 3 and "999" in unseen.err
    assert fitted.code == 0 and "groups: zero" in fitted.out
    assert len(rows) == 180


def test_shares_are_stated_where_they_are_asked_for(poolish_run, sleep_file):
    outcome = poolish_run("variance", sleep_file, "--at", "Days=0,5")
    wrong = poolish_run("variance", sleep_file, "--at", "Days")

    assert outcome.code == 0 and "at Days = 5" in outcome.out
    assert wrong.code == 2 and "EFFECT=VALUES" in wrong.err


def test_groups_are_described_before_a_fit(poolish_run, root):
    path = root / "models" / "sleepstudy" / "data.csv"

    outcome = poolish_run("groups", "Reaction ~ Days + (Days | Subject)", path)
    document = json.loads(
        poolish_run("groups", "Reaction ~ Days + (Days | Subject)", path, "--json").out
    )

    assert outcome.code == 0
    assert "Every group effect of the formula can be estimated." in outcome.out
    assert document["groups"][0]["levels"] == 18
    assert document["steps"] == []


@pytest.mark.parametrize("command", ["pooling", "ranks"])
def test_the_only_group_needs_no_name(poolish_run, sleep_file, command):
    named = poolish_run(command, sleep_file, "Subject")

    assert poolish_run(command, sleep_file).out == named.out
    assert named.code == 0
