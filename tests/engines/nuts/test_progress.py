"""The progress bar."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from poolish.engines.nuts.progress import show_progress

CHAINS = [
    SimpleNamespace(finished_draws=100, total_draws=200, divergences=1),
    SimpleNamespace(finished_draws=200, total_draws=200, divergences=0),
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_nothing_is_written_when_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with show_progress(is_shown=True) as report:
        report(CHAINS)

    assert capfd.readouterr() == ("", "")


def test_terminal_shows_chains_draws_and_divergences(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")

    with show_progress(is_shown=True) as report:
        report(CHAINS)

    assert "1 of 2 chains done, 300 of 400 draws, 1 divergence " in terminal.getvalue()


def test_terminal_stays_clean_when_progress_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with show_progress(is_shown=False) as report:
        report(CHAINS)

    assert terminal.getvalue() == ""
