from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from poolish.cli.main import run


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def poolish_run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process; give exit code, stdout and stderr."""

    def run_it(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return run_it


@pytest.fixture
def sleep_csv(root):
    return root / "models" / "sleepstudy" / "data.csv"
