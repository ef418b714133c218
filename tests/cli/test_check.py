from __future__ import annotations

import json

from tests.made_fits import make_posterior

import poolish
from poolish.posterior import save


def test_check_prints_the_steps(poolish_run, sleep_file):
    outcome = poolish_run("check", sleep_file)

    assert outcome.code == 0
    assert outcome.out == f"{poolish.load(sleep_file).check()}\n"


def test_check_leaves_with_code_4_when_the_fit_is_not_to_be_used(poolish_run, sleepstudy, tmp_path):
    # Four chains of 25 draws from the prior: far too few.
    save(make_posterior("Reaction ~ Days + (Days | Subject)", sleepstudy), tmp_path / "few.nc")

    outcome = poolish_run("check", tmp_path / "few.nc", "--json")

    document = json.loads(outcome.out)
    assert outcome.code == 4
    assert document["verdict"] == "do not use"
    assert document["steps"]
