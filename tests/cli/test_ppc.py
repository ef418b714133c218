from __future__ import annotations

import json

import poolish


def test_ppc_prints_the_statistics(poolish_run, sleep_file):
    outcome = poolish_run("ppc", sleep_file)

    assert outcome.code == 0
    assert outcome.out == f"{poolish.load(sleep_file).ppc('statistics')}\n"


def test_ppc_by_group_as_json_has_a_row_for_each(poolish_run, sleep_file):
    rows = json.loads(poolish_run("ppc", sleep_file, "--by", "Subject", "--json").out)

    assert len({row["Subject"] for row in rows}) == 18


def test_ppc_of_an_unknown_kind_leaves_with_code_3(poolish_run, sleep_file):
    outcome = poolish_run("ppc", sleep_file, "--kind", "violin")

    assert outcome.code == 3
    assert "one of density, rootogram, statistics, intervals" in outcome.err
