from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
import typer

import poolish
from poolish.cli import fit as fit_command
from poolish.posterior.build import with_group
from poolish.studies.verify import Verification

FORMULA = "Yield ~ 1 + (1 | Batch)"


@pytest.fixture
def dyestuff(root):
    return root / "models" / "dyestuff2" / "data.csv"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_formula_and_a_csv_are_fitted_printed_and_saved(poolish_run, here, dyestuff):
    outcome = poolish_run("fit", FORMULA, dyestuff, "--seed", "1", "-q")

    assert outcome.code == 0
    assert outcome.out.startswith("Yield ~ 1 + (1 | Batch)")
    assert outcome.err == ""
    assert (here / "data.nc").is_file()


def test_results_go_to_stdout_and_the_rest_to_stderr(poolish_run, here, dyestuff):
    outcome = poolish_run("fit", FORMULA, dyestuff, "--seed", "1", "-o", "mine.nc")

    assert "sd(Intercept)" in outcome.out
    assert "saved: mine.nc" in outcome.err
    assert "saved" not in outcome.out


def test_the_same_seed_prints_the_same_numbers(poolish_run, here, dyestuff):
    runs = [
        poolish_run("fit", FORMULA, dyestuff, "--seed", "7", "-q", "--json", "-o", name)
        for name in ("a.nc", "b.nc")
    ]

    first, second = (json.loads(run.out)["parameters"] for run in runs)
    assert first == second


def test_json_holds_how_the_fit_was_made(poolish_run, here, dyestuff):
    outcome = poolish_run("fit", FORMULA, dyestuff, "--seed", "3", "--draws", "500", "--json", "-q")

    document = json.loads(outcome.out)
    assert document["formula"] == FORMULA
    assert document["seed"] == 3
    assert document["draws"] == 500
    assert document["file"] == "data.nc"
    assert document["verdict"] in ("sound", "use with care", "do not use")
    assert len(document["parameters"]) == 3


def test_a_model_folder_is_fitted_and_held_to_its_answers(poolish_run, here, root):
    outcome = poolish_run("fit", root / "models" / "dyestuff2", "--verify", "-q")

    assert outcome.code == 0
    assert "Verified: all" in outcome.out
    assert (here / "dyestuff2.nc").is_file()


def test_a_fit_that_misses_its_answers_leaves_with_4(poolish_run, here, root):
    options = ("--verify", "-q", "--prior", "sigma=normal(0, 1)")

    outcome = poolish_run("fit", root / "models" / "dyestuff2", *options)

    assert outcome.code == 4
    assert "Not verified" in outcome.out
    assert "joint MCSE apart" in outcome.out


def test_a_stated_prior_is_used(poolish_run, here, dyestuff):
    poolish_run("fit", FORMULA, dyestuff, "-q", "--prior", "sd_Batch = exponential(0.5)")

    spec = poolish.load(here / "data.nc").result.spec
    assert str(spec.main.groups[0].sd_priors[0]) == "exponential(0.5)"


def test_an_existing_file_is_refused_before_the_data_are_fitted(
    poolish_run, here, dyestuff, monkeypatch
):
    (here / "data.nc").write_text("precious")
    monkeypatch.setattr(poolish, "model", None, raising=False)

    outcome = poolish_run("fit", FORMULA, dyestuff)

    assert outcome.code == 3
    assert "file `data.nc` exists" in outcome.err
    assert "--force" in outcome.err
    assert (here / "data.nc").read_text() == "precious"


def test_force_writes_over_an_existing_file(poolish_run, here, dyestuff):
    (here / "data.nc").write_text("old")

    outcome = poolish_run("fit", FORMULA, dyestuff, "-q", "--force")

    assert outcome.code == 0
    assert poolish.load(here / "data.nc").result.record.formula == FORMULA


def test_a_folder_is_no_file_to_save_in(poolish_run, here, dyestuff):
    result = poolish_run("fit", "Yield ~ (1 | Batch)", dyestuff, "-o", here)

    assert result.code == 3
    assert f"`{here}` is a folder" in result.err
    assert "--force" not in result.err


def test_a_compressed_file_gives_its_bare_name(poolish_run, here, dyestuff):
    (here / "own.csv.gz").write_bytes(gzip.compress(dyestuff.read_bytes()))

    poolish_run("fit", "Yield ~ (1 | Batch)", "own.csv.gz", "--seed", 1)

    assert (here / "own.nc").exists()


def test_a_folder_that_is_absent_is_refused_early(poolish_run, here, dyestuff):
    outcome = poolish_run("fit", FORMULA, dyestuff, "-o", "absent/fit.nc")

    assert outcome.code == 3
    assert "cannot be saved in folder `absent`" in outcome.err


def test_strict_refuses_a_fit_that_is_not_to_be_used(sleep_fit):
    few = sleep_fit.posterior.isel(draw=slice(0, 10))
    bad = poolish.Fit(with_group(sleep_fit.result, "posterior", few))

    fit_command.leave(bad, None, is_strict=False)
    with pytest.raises(typer.Exit) as stop:
        fit_command.leave(bad, None, is_strict=True)

    assert bad.diagnosis.verdict == "do not use"
    assert stop.value.exit_code == 4


def test_an_interrupted_fit_keeps_the_older_file(sleep_fit, tmp_path):
    record = replace(sleep_fit.result.record, is_complete=False)
    partial = poolish.Fit(replace(sleep_fit.result, record=record))
    older = tmp_path / "fit.nc"

    assert fit_command.place_of(partial, older) == older

    older.touch()
    assert fit_command.place_of(sleep_fit, older) == older
    assert fit_command.place_of(partial, older) == tmp_path / "fit.partial.nc"


def test_an_interrupted_fit_leaves_with_130(sleep_fit):
    record = replace(sleep_fit.result.record, is_complete=False)
    partial = poolish.Fit(replace(sleep_fit.result, record=record))

    with pytest.raises(typer.Exit) as stop:
        fit_command.leave(partial, Verification(0, ()), is_strict=False)

    assert stop.value.exit_code == 130


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("y ~ x",), "needs data"),
        (("models/dyestuff", "data.csv"), "is not a formula"),
        (("y ~ x", "data.csv", "--prior", "sigma"), "is not NAME=PRIOR"),
        # The least that `Model.fit` takes is 4 draws, 1 chain, 0 of `tune`, and seed 0.
        (("y ~ x", "data.csv", "--draws", "3"), "--draws"),
        (("y ~ x", "data.csv", "--chains", "0"), "--chains"),
        (("y ~ x", "data.csv", "--tune", "-1"), "--tune"),
        (("y ~ x", "data.csv", "--seed", "-1"), "--seed"),
    ],
)
def test_wrong_usage_leaves_with_2(poolish_run, arguments, problem):
    outcome = poolish_run("fit", *arguments)

    assert outcome.code == 2
    assert problem in outcome.err


def test_the_least_that_can_be_asked_for_is_fitted(poolish_run, here, dyestuff):
    least = ("--draws", "4", "--chains", "1", "--tune", "0", "--seed", "0")

    assert poolish_run("fit", FORMULA, dyestuff, "-q", *least).code == 0


def test_verify_needs_a_model_folder(poolish_run, here, dyestuff):
    outcome = poolish_run("fit", FORMULA, dyestuff, "--verify")

    assert outcome.code == 2
    assert "needs a model folder" in outcome.err


@pytest.mark.parametrize(
    ("formula", "content", "problems"),
    [
        ("y ~ zz + (1 | g)", "y,g\n1,a\n2,b\n", ("UnknownColumnError", "zz", "y, g")),
        ("y ~ 1 + (1 | g", "y,g\n1,a\n2,b\n", ("FormulaError", "^")),
        ("y ~ 1 + (1 | g)", "y,g\n1,a\n,b\n", ("MissingValueError", "`y`", "3")),
    ],
)
def test_bad_data_and_formulas_leave_with_3(poolish_run, here, formula, content, problems):
    (here / "bad.csv").write_text(content)

    outcome = poolish_run("fit", formula, "bad.csv")

    assert outcome.code == 3
    for problem in problems:
        assert problem in outcome.err
    assert not (here / "bad.nc").exists()


def test_missing_rows_may_be_dropped(poolish_run, here):
    rows = "\n".join(f"{value},{group}" for group in "abcd" for value in (1.0, 2.5, 3.0))
    (here / "holes.csv").write_text(f"y,g\n{rows}\n,a\n")

    outcome = poolish_run("fit", "y ~ 1 + (1 | g)", "holes.csv", "--missing", "drop", "-q")

    assert outcome.code == 0
    assert "12 observations" in outcome.out
