"""Every error Poolish raises, and the one function that renders its four parts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a text the user typed: the text and the half-open span `[start, stop)`."""

    text: str
    start: int
    stop: int


def render_parts(problem: str, given: str, expected: str, fix: str, source: Source | None) -> str:
    """Return the error text: problem, source line with a caret, given, expected, fix."""
    caret = () if source is None else _caret_lines(source)
    parts = (f"  given:    {given}", f"  expected: {expected}", f"  fix:      {fix}")
    return "\n".join((problem, *caret, *parts))


def _caret_lines(source: Source) -> tuple[str, str]:
    start = min(source.start, len(source.text))
    width = max(1, min(source.stop, len(source.text)) - start)
    return f"  {source.text}", "  " + " " * start + "^" * width


class PoolishError(Exception):
    """Base class of every error that Poolish raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong: lower case, no full stop, names in backticks.
    given, expected, fix : str
        What was given, what was expected, and what to do about it.
    source : Source, optional
        The place in the user's text (a formula, a prior) that is at fault.
    """

    def __init__(
        self, problem: str, *, given: str, expected: str, fix: str, source: Source | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.given = given
        self.expected = expected
        self.fix = fix
        self.source = source

    def __str__(self) -> str:
        return render_parts(self.problem, self.given, self.expected, self.fix, self.source)


class FormulaError(PoolishError, ValueError):
    """The formula text cannot be read."""


class UnsupportedError(PoolishError, NotImplementedError):
    """The request is understood but not fitted; the nearest form that works is named."""


def load_extra(module: str, extra: str, *, need: str, instead: str) -> Any:  # noqa: ANN401
    """Return an optional package.

    Parameters
    ----------
    module : str
        `statsmodels.api`.
    extra : str
        The extra of Poolish that installs it.
    need : str
        What needs it, as the sentence begins: `PLINK files need`.
    instead : str
        What to do without it.

    Raises
    ------
    UnsupportedError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as failure:
        package = module.split(".")[0].replace("_", "-")
        raise UnsupportedError(
            f"{need} the package `{package}`, which is not installed",
            given=str(failure),
            expected=f"`{package}`, an extra of Poolish",
            fix=f"install the extra `poolish[{extra}]`, in the clone "
            f'`pip install ".[{extra}]"`, or {instead}',
        ) from failure


class UnknownColumnError(PoolishError, KeyError):
    """A name in the formula is not a column of the data."""


class DataError(PoolishError, ValueError):
    """The data do not fit the formula or the family."""


class MissingValueError(PoolishError, ValueError):
    """A column used by the formula has missing values."""


class PriorError(PoolishError, ValueError):
    """A prior cannot be read, or does not apply to the model."""


class FamilyError(PoolishError, ValueError):
    """An unknown family or link, or a response outside the family's support."""


class RelationError(PoolishError, ValueError):
    """A known covariance, precision or pedigree is not usable."""


class EngineError(PoolishError, ValueError):
    """The engine asked for cannot fit this model."""


class UnknownNameError(PoolishError, KeyError):
    """A group, effect, kind or option is not one of those that exist."""


class FileError(PoolishError, OSError):
    """A saved fit or model folder cannot be read or written."""


def as_path(path: str | PathLike[str]) -> Path:
    """Return a path that a file system can have.

    Raises
    ------
    FileError
        If it is no text, or has a zero byte.
    """
    text = fspath(path) if isinstance(path, str | PathLike) else None
    if not isinstance(text, str) or "\0" in text:
        raise FileError(
            "this is no path of a file",
            given=f"{path!r}",
            expected="text without zero bytes, or a `pathlib.Path`",
            fix='write, for example, `"fit.nc"`',
        )
    return Path(text)
