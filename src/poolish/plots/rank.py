"""Whether the chains agree: ranks of their draws among all draws."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from poolish.plots.marks import hide_unused, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import QUIET
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.moments import measure_sampling
from poolish.summaries.scalars import collect_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AT_MOST = 6
_N_COLUMNS = 3
# In standard errors: some point of a good line of 61 leaves it about once in twenty.
_BAND = 3.0


def picture_rank(posterior: Posterior, *, at_most: int = AT_MOST, labels: Labels) -> Picture:
    """Return the ranks of the chains for the parameters with the largest R-hat.

    Drawn here: `az.plot_rank` takes ten seconds for six parameters.

    Parameters
    ----------
    posterior : Posterior
    at_most : int
        Panels.
    labels : Mapping

    References
    ----------
    Saeilynoja, Buerkner & Vehtari (2022), Statistics and Computing 32, 32.
    doi:10.1007/s11222-022-10090-6
    """
    frame = rank_chains(posterior, at_most)
    worst = frame.drop_duplicates("parameter")[["parameter", "rhat"]]
    n_columns = min(_N_COLUMNS, len(worst))
    n_rows = -(-len(worst) // n_columns)
    return Picture(
        frame=frame,
        title=f"Largest R-hat {worst['rhat'].max():.3f}: {shorten(worst['parameter'].iloc[0])}",
        caption="Ranks of each chain's draws among all draws: ECDF less that of the uniform. Lines "
        "of chains that agree stay in the band. Good R-hat: 1.01 or less.",
        alt="; ".join(f"{r.parameter} R-hat {r.rhat:.3f}" for r in worst.itertuples()),
        draw=partial(_draw, frame),
        size=(WIDTH + 1, 0.6 + 2.0 * n_rows),
        grid=(n_rows, n_columns),
        shared={"sharex": True, "sharey": True},
    )


def rank_chains(posterior: Posterior, at_most: int) -> pd.DataFrame:
    """Return, by chain, the ECDF of ranks less the uniform's, for the largest R-hats."""
    scalars = collect_scalars(posterior)
    rhat = measure_sampling(scalars.values)["rhat"]
    order = np.argsort(-np.nan_to_num(rhat, nan=-np.inf), kind="stable")[:at_most]
    grid = np.linspace(0, 1, 61)
    parts = []
    for i in order:
        values = scalars.values[:, :, i]
        ranks = stats.rankdata(values.ravel()).reshape(values.shape) / values.size
        for chain, row in enumerate(ranks):
            below = np.searchsorted(np.sort(row), grid, side="right") / len(row)
            parts.append(pd.DataFrame({"parameter": scalars.labels[i], "chain": chain,
                                       "rank": grid, "difference": below - grid,
                                       "n": len(row), "rhat": rhat[i]}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def draw_chains(ax: Axes, frame: pd.DataFrame) -> None:
    """Draw the lines of the chains of one parameter, with the band of chance."""
    grid, n = frame["rank"][frame["chain"] == 0].to_numpy(), frame["n"].iloc[0]
    half = _BAND * np.sqrt(grid * (1 - grid) / n)
    ax.fill_between(grid, -half, half, color=QUIET, alpha=0.25, linewidth=0)
    for k, (chain, part) in enumerate(frame.groupby("chain")):
        ax.plot(part["rank"], part["difference"], linewidth=1.2, label=f"chain {chain}",
                linestyle=("-", "--", ":", "-.")[k % 4])  # fmt: skip
    name = shorten(str(frame["parameter"].iloc[0]), 26)
    ax.annotate(f"{name}\nR-hat {frame['rhat'].iloc[0]:.3f}", (0.03, 0.97), fontsize=8,
                xycoords="axes fraction", va="top")  # fmt: skip
    ax.margins(y=0.3)
    ax.set(xlabel="Rank among all draws", ylabel="ECDF difference")


def _draw(frame: pd.DataFrame, axes: Sequence[Axes]) -> None:
    parts = [part for _, part in frame.groupby("parameter", sort=False)]
    for ax, part in zip(axes, parts, strict=False):
        draw_chains(ax, part)
        ax.label_outer()
    hide_unused(axes, len(parts), _N_COLUMNS)
