"""How the distribution of outcomes is drawn, observed and replicated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from poolish.plots.marks import shorten
from poolish.plots.predictive import Replicates
from poolish.plots.style import COMPLETE, PARTIAL
from poolish.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More values than this are a curve of cumulative shares.
_MOST_BARS = 16
# Beyond the data by this share of their range, replicates are left outside.
_REACH = 0.5


@dataclass(frozen=True, slots=True)
class Shape:
    """A way to draw distributions.

    Parameters
    ----------
    what : str
        What is drawn, for the caption.
    axis : str
        Title of the vertical axis.
    draw : callable
        `draw(ax, frame)`, a frame of `tabulate_replicates`.
    arviz : str
        The kind of `az.plot_ppc_dist` that draws the same; empty where it has none.
    of_replicates : str
        What is drawn of `n` replicates.
    is_bars : bool
        Whether the values are the places of bars.
    """

    what: str
    axis: str
    draw: Callable[[Axes, pd.DataFrame], None]
    arviz: str = ""
    of_replicates: str = "{n} data sets"
    is_bars: bool = False

    def frame_axes(self, ax: Axes, frame: pd.DataFrame) -> None:
        """Name the vertical axis, and end the other one not far beyond the observed data."""
        ax.set_ylabel(self.axis)
        ax.set_ylim(bottom=0.0)
        if self.is_bars:
            return
        y, observed = frame["y"], frame.loc[frame["sample"] == -1, "y"]
        reach = _REACH * max(float(np.ptp(observed)), np.finfo(float).tiny)
        low, high = max(y.min(), observed.min() - reach), min(y.max(), observed.max() + reach)
        ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))


def choose_shape(posterior: Posterior, found: Replicates) -> Shape:
    """Return how the outcomes of a fit are drawn."""
    if found.is_censored:
        return Shape("Share without the event, by Kaplan and Meier", "Share without the event",
                     _draw_survival)  # fmt: skip
    if not posterior.spec.family.is_discrete:
        return Shape("Densities", "Density", _draw_densities, "kde")
    values = np.arange(
        min(found.y.min(), 0.0), max(found.y.max(), np.quantile(found.y_rep, 0.999)) + 1
    )
    if len(values) > _MOST_BARS:
        return Shape("Cumulative shares", "Cumulative share", _draw_steps, "ecdf")
    levels = posterior.design.response.levels
    names = [shorten(level, 12) for level in levels] or [f"{v:g}" for v in values]
    return Shape(
        "Share of each value",
        "Share of the rows",
        partial(_draw_bars, values=values, names=names),
        of_replicates="mean and 95% interval of {n} data sets",
        is_bars=True,
    )


def tabulate_replicates(found: Replicates, chosen: np.ndarray) -> pd.DataFrame:
    """Return `sample` (-1 the observed data), `row`, `y`, `is_event`, of the data sets drawn.

    `is_event` is false where only a lower limit of `y` is known.
    """
    values = np.concatenate([found.y[None], found.y_rep[chosen]])
    is_event = np.concatenate([found.is_event[None], np.ones_like(values[1:], bool)])
    samples = np.concatenate([[-1], chosen])
    return pd.DataFrame(
        {
            "sample": np.repeat(samples, values.shape[1]),
            "row": np.tile(found.rows, len(values)),
            "y": values.ravel(),
            "is_event": is_event.ravel(),
        }
    )


def survival(y: np.ndarray, is_event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of events and the share without the event after each.

    References
    ----------
    Kaplan & Meier (1958), J. American Statistical Association 53(282), 457-481.
    doi:10.1080/01621459.1958.10501452
    """
    times, n_events = np.unique(y[is_event], return_counts=True)
    n_at_risk = (y[None, :] >= times[:, None]).sum(axis=1)
    return times, np.cumprod(1.0 - n_events / n_at_risk)


def _samples(frame: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """Yield each data set with its look."""
    for sample, part in frame.groupby("sample", sort=False):
        look: dict[str, Any] = {"color": PARTIAL, "alpha": 0.25, "linewidth": 0.8}
        if sample == -1:
            look = {"color": COMPLETE, "linewidth": 2.0, "zorder": 5}
        yield part, look


def _draw_densities(ax: Axes, frame: pd.DataFrame) -> None:
    grid = np.linspace(frame["y"].min(), frame["y"].max(), 400)
    for part, look in _samples(frame):
        if np.ptp(part["y"]):
            ax.plot(grid, stats.gaussian_kde(part["y"])(grid), **look)


def _draw_steps(ax: Axes, frame: pd.DataFrame) -> None:
    for part, look in _samples(frame):
        ax.step(np.sort(part["y"]), np.arange(1, len(part) + 1) / len(part), where="post", **look)


def _draw_survival(ax: Axes, frame: pd.DataFrame) -> None:
    for part, look in _samples(frame):
        times, share = survival(part["y"].to_numpy(), part["is_event"].to_numpy())
        ax.step(np.append(0.0, times), np.append(1.0, share), where="post", **look)


def _draw_bars(ax: Axes, frame: pd.DataFrame, *, values: np.ndarray, names: list[str]) -> None:
    shares = np.stack(
        [[(part["y"] == value).mean() for value in values] for _, part in frame.groupby("sample")]
    )
    lower, upper = np.quantile(shares[1:], (0.025, 0.975), axis=0)
    ax.bar(values, shares[0], width=0.7, facecolor="none", edgecolor=COMPLETE, linewidth=1.6)
    ax.vlines(values, lower, upper, color=PARTIAL, linewidth=3)
    ax.plot(values, shares[1:].mean(axis=0), "o", color=PARTIAL, markersize=6)
    ax.set_xticks(values, names)
    ax.grid(visible=False, axis="x")
