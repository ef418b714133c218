"""Quantile residuals: whether the outcomes are where the model says they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from poolish.plots.picture import WIDTH, Picture
from poolish.plots.predictive import Replicates, quantile_residuals, replicate_rows
from poolish.plots.style import FINDING, PARTIAL, QUIET
from poolish.plots.words import Labels
from poolish.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A finding needs a smaller chance than this: with a handful of tests, 5 % would cry wolf.
FINDING_P = 0.01
_N_BINS = 8
_LOPSIDED = 20.0


def picture_residuals(
    posterior: Posterior,
    *,
    seed: int = 0,
    replicates: Replicates | None = None,
    labels: Labels,
) -> Picture:
    """Return the picture of the quantile residuals: against the uniform, and along the mean.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        For the replicates.
    replicates : Replicates, optional
        Those of `seed`, where they are made already.
    labels : Mapping
    """
    found = replicates or replicate_rows(posterior, seed=seed)
    frame = tabulate_residuals(posterior, found, seed=seed)
    p = uniform_p(frame)
    n_bins, n_out = len(_bins(frame)), int(_bins(frame)["is_out"].sum())
    is_fine = p >= FINDING_P and n_out == 0
    return Picture(
        frame=frame,
        title="Residuals are where they should be" if is_fine else say_finding(p, n_out),
        caption="Quantile residuals (Dunn & Smyth 1996), each row predicted from the others: "
        f"uniform when the model is right. Kolmogorov-Smirnov p = {p:.2g}, a finding below "
        f"{FINDING_P}."
        + (f" {len(frame):,} of {posterior.design.n_obs:,} rows."
           if len(frame) < posterior.design.n_obs else ""),
        alt=f"Quantile residuals of {len(frame)} rows: Kolmogorov-Smirnov p = {p:.2g} against the "
        f"uniform; {n_out} of {n_bins} bins along the expected mean deviate.",
        draw=partial(_draw, frame),
        size=(WIDTH, 3.9),
        grid=(1, 2),
    )  # fmt: skip


def tabulate_residuals(posterior: Posterior, found: Replicates, *, seed: int = 0) -> pd.DataFrame:
    """Return one row an observation: `row`, `expected`, `residual` in (0, 1)."""
    labels = np.asarray(posterior.tree["observed_data"].coords["obs"].values)[found.rows]
    return pd.DataFrame(
        {
            "row": labels,
            "expected": found.expected / found.divisor,
            "residual": quantile_residuals(found, seed=seed),
        }
    )


def uniform_p(frame: pd.DataFrame) -> float:
    """Return the p-value of the Kolmogorov-Smirnov test of the residuals."""
    return float(stats.kstest(frame["residual"], "uniform").pvalue)


def say_finding(p: float, n_out: int) -> str:
    """Return what the residuals show."""
    if p < FINDING_P:
        return f"Outcomes are not spread as the model says (p = {p:.1g})"
    return f"Residuals drift along the expected mean ({n_out} bins deviate)"


def draw_uniform(ax: Axes, frame: pd.DataFrame) -> None:
    """Draw the residuals against the quantiles of the uniform distribution."""
    sorted_ = np.sort(frame["residual"])
    n = len(sorted_)
    expected = (np.arange(1, n + 1) - 0.5) / n
    is_fine = uniform_p(frame) >= FINDING_P
    band = _order_band(n)
    ax.fill_between(expected, *band, color=QUIET, alpha=0.25, linewidth=0)
    ax.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1)
    ax.plot(expected, sorted_, "o" if is_fine else "x", markersize=3.5,
            color=PARTIAL if is_fine else FINDING)  # fmt: skip
    ax.set(xlabel="Uniform quantile", ylabel="Quantile residual")
    if not is_fine:
        _say_deviates(ax)


def _say_deviates(ax: Axes) -> None:
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    ax.annotate(
        "deviates", (0.05, 0.9), xycoords="axes fraction", color=FINDING, zorder=6, bbox=ground
    )


def draw_along(ax: Axes, frame: pd.DataFrame) -> None:
    """Draw the residuals along the expected mean, with the mean of each bin."""
    ax.axhline(0.5, color="black", linestyle="--", linewidth=1)
    ax.plot(frame["expected"], frame["residual"], "o", color=PARTIAL, markersize=3, alpha=0.35)
    bins = _bins(frame)
    # Round marks are fine, crosses deviate.
    for is_out, mark, color in ((False, "o", "black"), (True, "X", FINDING)):
        part = bins[bins["is_out"] == is_out]
        ax.errorbar(part["x"], part["mean"], yerr=part["half"], fmt=mark, color=color,
                    markersize=6, capsize=3, linewidth=1.2)  # fmt: skip
    if bins["is_out"].any():
        _say_deviates(ax)
    if _is_lopsided(frame["expected"]):
        ax.set_xscale("log")
    ax.set(xlabel="Expected mean", ylabel="Quantile residual", ylim=(-0.03, 1.03))


def _is_lopsided(expected: pd.Series) -> bool:
    """Return whether positive means reach so far up that most would stand on one spot."""
    return bool(expected.min() > 0 and expected.max() > _LOPSIDED * expected.median())


def _draw(frame: pd.DataFrame, axes: Sequence[Axes]) -> None:
    draw_uniform(axes[0], frame)
    axes[0].set_title("Good: points within the band", fontsize=9, loc="left")
    draw_along(axes[1], frame)
    axes[1].set_title("Good: bin means at one half", fontsize=9, loc="left")


def _order_band(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pointwise 99 % band of sorted uniform values: beta order statistics."""
    k = np.arange(1, n + 1)
    tails = (FINDING_P / 2, 1 - FINDING_P / 2)
    return stats.beta.ppf(tails[0], k, n + 1 - k), stats.beta.ppf(tails[1], k, n + 1 - k)


def _bins(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean residual of bins along the expected mean, and whether it is off one half."""
    n_bins = max(1, min(_N_BINS, len(frame) // 10))
    order = np.argsort(frame["expected"].to_numpy(), kind="stable")
    parts = np.array_split(order, n_bins)
    # The mean of n uniform values is close to normal with variance 1 / (12 n).
    z = stats.norm.isf(FINDING_P / 2 / n_bins)
    rows = [
        (
            float(frame["expected"].to_numpy()[part].mean()),
            float(frame["residual"].to_numpy()[part].mean()),
            float(z / np.sqrt(12 * len(part))),
        )
        for part in parts
    ]
    bins = pd.DataFrame(rows, columns=["x", "mean", "half"])
    return bins.assign(is_out=(bins["mean"] - 0.5).abs() > bins["half"])
