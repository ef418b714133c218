"""The entry point: the commands, and what an error becomes."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Annotated

import typer

from poolish import __version__
from poolish.cli import (
    check,
    compare,
    explore,
    fit,
    groups,
    models,
    plot,
    pooling,
    ppc,
    predict,
    priors,
    ranks,
    report,
    summary,
    variance,
)
from poolish.cli.options import BAD_INPUT
from poolish.errors import PoolishError

app = typer.Typer(
    name="poolish",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Each with a line to copy, shown at the end of its help.
_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (fit.fit, 'poolish fit "score ~ hours + (1 | class)" own.csv --seed 1'),
    (summary.summary, "poolish summary own.nc --prob 0.9"),
    (check.check, "poolish check own.nc"),
    (ppc.ppc, "poolish ppc own.nc --kind intervals"),
    (variance.variance, "poolish variance own.nc --json"),
    (pooling.pooling, "poolish pooling own.nc class"),
    (ranks.ranks, "poolish ranks own.nc class --higher-is better --top 3"),
    (predict.predict, "poolish predict own.nc new.csv --groups new"),
    (compare.compare, "poolish compare own.nc slopes.nc"),
    (plot.plot, "poolish plot own.nc --kind caterpillar -o classes.png"),
    (report.report, "poolish report own.nc -o report.html"),
    (explore.explore, "poolish explore own.nc -o explore.html"),
    (priors.priors, 'poolish priors "score ~ hours + (1 | class)" own.csv'),
    (groups.groups, 'poolish groups "score ~ hours + (1 | class)" own.csv'),
)
for command, example in _COMMANDS:
    app.command(command.__name__, epilog=f"Example: {example}")(command)
app.add_typer(models.app, name="models")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"poolish {__version__}")
        raise typer.Exit


@app.callback()
def _poolish(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Bayesian mixed models from a formula.

    Results go to standard output, progress and warnings to standard error.

    Exit codes: 0 fine, 1 unexpected, 2 wrong usage, 3 bad data or model,
    4 fitted but not to be used, 130 interrupted.
    """


def run(arguments: Sequence[str]) -> None:
    """Run the command line `arguments`; leaves by `SystemExit` with the exit code."""
    command = typer.main.get_command(app)
    is_verbose = any(argument in ("-v", "--verbose") for argument in arguments)
    try:
        with warnings.catch_warnings():
            # What libraries say to programmers (deprecations and the like) is not for users.
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            command(args=list(arguments), prog_name="poolish")
    except PoolishError as error:
        if is_verbose:
            traceback.print_exc()
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(BAD_INPUT)


def main() -> None:
    """Run the command line of this process."""
    if not any(argument in ("-v", "--verbose") for argument in sys.argv):
        sys.excepthook = _show_unexpected
    run(sys.argv[1:])


def _show_warning(message: Warning | str, *details: object, **options: object) -> None:
    typer.echo(f"warning: {message}", err=True)


def _show_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    # The interpreter leaves with exit code 1 after the hook.
    typer.echo(f"unexpected {kind.__name__}: {error}", err=True)
    typer.echo(
        "  this is a fault of Poolish: run again with -v and report what it prints", err=True
    )
