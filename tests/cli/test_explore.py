"""`poolish explore`."""

from __future__ import annotations

import poolish


def test_a_saved_fit_becomes_a_page(poolish_run, sleep_file, tmp_path):
    path = tmp_path / "sleep.html"

    outcome = poolish_run("explore", sleep_file, "-o", path, "--group", "Subject")

    assert outcome.code == 0
    assert str(path) in outcome.out
    assert path.read_text(encoding="utf-8") == poolish.load(sleep_file).explore().html


def test_the_demonstration_needs_no_data(poolish_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    outcome = poolish_run("explore", "--demo")

    assert outcome.code == 0
    assert "<!DOCTYPE html>" in (tmp_path / "explore.html").read_text(encoding="utf-8")


def test_a_fit_or_the_demonstration_is_asked_for(poolish_run, sleep_file):
    assert poolish_run("explore").code == 2
    assert poolish_run("explore", sleep_file, "--demo").code == 2


def test_an_unknown_group_is_bad_input(poolish_run, sleep_file, tmp_path):
    outcome = poolish_run("explore", sleep_file, "-o", tmp_path / "x.html", "--group", "Days")

    assert outcome.code == 3
    assert "Subject" in outcome.err
