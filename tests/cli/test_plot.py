from __future__ import annotations

import json

import pytest


def test_a_picture_is_written_and_its_finding_printed(sleep_file, poolish_run, tmp_path):
    target = tmp_path / "days.png"

    result = poolish_run("plot", sleep_file, "--kind", "pooling", "--effect", "Days", "-o", target)

    assert result.code == 0
    assert "average pooling" in result.out
    assert target.read_bytes().startswith(b"\x89PNG")


def test_the_data_of_a_picture_are_printed_as_json(sleep_file, poolish_run):
    result = poolish_run("plot", sleep_file, "--kind", "caterpillar", "--json")

    document = json.loads(result.out)
    assert len(document["data"]) == 18
    assert "clearly differ" in document["title"]


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (("--kind", "pie"), 3, "there is no picture `pie`"),
        (("--kind", "variance", "--by", "Days"), 2, "picture `variance` has no option --by"),
        (("--kind", "variance", "--select", "308"), 2, "picture `variance` has no option --select"),
        (("-o", "picture.xyz"), 3, "the picture cannot be written"),
        (("-o", "picture"), 3, "fix: write, for example, `-o picture.png`"),
        (("-o", "."), 3, "given: a folder"),
    ],
)
def test_wrong_requests_are_named(sleep_file, poolish_run, arguments, code, message):
    result = poolish_run("plot", sleep_file, *arguments)

    assert result.code == code
    assert message in " ".join(result.err.replace("│", " ").split())


def test_few_rows_hold_the_level_asked_for(sleep_file, poolish_run):
    few = poolish_run("plot", sleep_file, "--json", "--at-most", 3, "--select", "335")

    levels = [row["level"] for row in json.loads(few.out)["data"]]
    assert len(levels) == 4 and "335" in levels and levels[-1] == "a new Subject"
