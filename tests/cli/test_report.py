from __future__ import annotations


def test_an_unknown_ending_is_named(sleep_file, poolish_run, tmp_path):
    outcome = poolish_run("report", sleep_file, "-o", tmp_path / "report.docx")

    assert outcome.code == 3
    assert "there is no report of the kind `.docx`" in outcome.err


def test_a_report_is_written(sleep_file, poolish_run, tmp_path):
    target = tmp_path / "report.md"

    outcome = poolish_run("report", sleep_file, "-o", target)

    assert outcome.code == 0
    assert target.read_text(encoding="utf-8").startswith("# Posterior report")
