from __future__ import annotations

import subprocess
import sys

import pytest

import poolish
from poolish.cli import main


def test_help_lists_the_commands(poolish_run):
    outcome = poolish_run("--help")

    assert outcome.code == 0
    for command in ("fit", "summary", "variance", "pooling", "priors", "models"):
        assert command in outcome.out


def test_the_version_is_printed(poolish_run):
    assert poolish_run("--version").out == f"poolish {poolish.__version__}\n"


def test_the_module_runs_without_the_script():
    command = [sys.executable, "-m", "poolish", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(
        "poolish "
    )


def test_an_unknown_command_is_wrong_usage(poolish_run):
    outcome = poolish_run("fitt")

    assert outcome.code == 2
    assert "fitt" in outcome.err


def test_an_error_of_ours_is_text_on_stderr_without_traceback(poolish_run):
    outcome = poolish_run("summary", "absent.nc")

    assert outcome.code == 3
    assert outcome.err.startswith("FileError: ")
    assert "fix:" in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def test_verbose_adds_the_traceback(poolish_run):
    assert "Traceback" in poolish_run("summary", "absent.nc", "-v").err


def test_an_interrupt_leaves_with_130(poolish_run, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(poolish, "load", interrupt, raising=False)

    assert poolish_run("summary", "any.nc").code == 130


def test_a_warning_is_one_line_on_stderr(poolish_run, tmp_path):
    data = tmp_path / "slip.csv"
    data.write_text("y,x,g\n" + "1,1,a\n2,3,b\n4,2,c\n5,2,a\n" * 4 + '1,"2,5",a\n')

    outcome = poolish_run("priors", "y ~ 1 + (1 | g)", data)

    assert outcome.code == 0
    assert outcome.err.startswith("warning: file")
    assert len(outcome.err.splitlines()) == 1


UNEXPECTED = """
import sys
from poolish.cli import main, priors
def fail(*arguments, **options): raise RuntimeError("a fault")
priors.read_source = fail
sys.argv = ["poolish", "priors", "y ~ x", *{more}]
main.main()
"""


@pytest.mark.parametrize(("more", "shows_traceback"), [((), False), (("-v",), True)])
def test_an_unexpected_error_leaves_with_1(more, shows_traceback):
    code = UNEXPECTED.format(more=more)

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.returncode == 1
    assert "a fault" in result.stderr
    assert ("Traceback" in result.stderr) == shows_traceback


def test_no_color_leaves_no_escape_codes(poolish_run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in poolish_run("--help").out


def test_every_command_has_help(poolish_run):
    names = [command.name for command in main.app.registered_commands]

    for name in names:
        outcome = poolish_run(name, "--help")
        assert outcome.code == 0
        assert "-v" in outcome.out or "--verbose" in outcome.out
        assert f"Example: poolish {name} " in outcome.out
