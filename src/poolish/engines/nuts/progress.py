"""The progress bar: chains, draws, divergences, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

type Report = Callable[[Sequence[Any]], None]


def _ignore(chains: Sequence[Any]) -> None:
    """Report nothing."""


@contextmanager
def show_progress(*, is_shown: bool) -> Iterator[Report]:
    """Yield a function that takes nutpie's list of chain states and updates a bar on stderr.

    Parameters
    ----------
    is_shown : bool
        Nothing is written when False, or when stderr is not a terminal.
    """
    if not is_shown or not sys.stderr.isatty():
        yield _ignore
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("compiling the model", total=None, counts="")

        def report(chains: Sequence[Any]) -> None:
            draws = sum(chain.finished_draws for chain in chains)
            total = sum(chain.total_draws for chain in chains)
            bar.update(
                task,
                description="sampling",
                total=total,
                completed=draws,
                counts=describe_chains(chains),
            )

        yield report


def describe_chains(chains: Sequence[Any]) -> str:
    """Return the state of the chains in words.

    Examples
    --------
    >>> from types import SimpleNamespace as Chain
    >>> done = Chain(finished_draws=2000, total_draws=2000, divergences=0)
    >>> half = Chain(finished_draws=900, total_draws=2000, divergences=3)
    >>> describe_chains([done, half])
    '1 of 2 chains done, 2,900 of 4,000 draws, 3 divergences'
    """
    n_done = sum(chain.finished_draws >= chain.total_draws for chain in chains)
    draws = sum(chain.finished_draws for chain in chains)
    total = sum(chain.total_draws for chain in chains)
    divergences = sum(chain.divergences for chain in chains)
    return (
        f"{n_done} of {len(chains)} chains done, {draws:,} of {total:,} draws, "
        f"{divergences} divergence{'' if divergences == 1 else 's'}"
    )
