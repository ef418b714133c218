"""Six panels that question a fit, each saying what good looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poolish.plots.distributions import Shape, choose_shape, tabulate_replicates
from poolish.plots.marks import shorten
from poolish.plots.picture import Picture
from poolish.plots.predictive import Replicates, replicate_rows
from poolish.plots.rank import draw_chains, rank_chains
from poolish.plots.residuals import (
    FINDING_P,
    draw_along,
    draw_uniform,
    tabulate_residuals,
    uniform_p,
)
from poolish.plots.style import FINDING, PARTIAL, QUIET
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.diagnosis import diagnose
from poolish.summaries.group_normality import measure_normality
from poolish.summaries.loo import GOOD_K, LooResult, can_weigh_rows, leave_one_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_REPLICATES = 30
# A larger Pareto k is drawn here: nothing more is said by its size.
_LARGEST_K = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """A panel: title that says what good looks like, its data, how it is drawn, why it is not."""

    name: str
    good: str
    frame: pd.DataFrame
    draw: Callable[[Any, pd.DataFrame], None]
    absent: str = "does not apply"


def picture_check(
    posterior: Posterior,
    *,
    seed: int = 0,
    replicates: Replicates | None = None,
    left_out: LooResult | None = None,
    labels: Labels,
) -> Picture:
    """Return six panels: replicates, residuals twice, group effects, influence, chains.

    Parameters
    ----------
    posterior : Posterior
    seed : int
    replicates : Replicates, optional
        Those of `seed`, where they are made already.
    left_out : LooResult, optional
        What `fit.loo()` reports, where it is known already.
    labels : Mapping
    """
    found = replicates or replicate_rows(posterior, seed=seed)
    residuals = tabulate_residuals(posterior, found, seed=seed)
    chosen = np.unique(np.linspace(0, len(found.y_rep) - 1, _N_REPLICATES).round().astype(int))
    influence, source = _influence(posterior, found, left_out)
    panels = (
        Panel(
            "replicates",
            "Replicates: blue like black",
            tabulate_replicates(found, chosen),
            partial(_draw_replicates, choose_shape(posterior, found)),
        ),
        Panel("uniform", "Residuals: within the band", residuals, draw_uniform),
        Panel("along", "Residuals: flat along the mean", residuals, draw_along),
        Panel(
            "groups",
            "Group effects: within the band",
            _group_quantiles(posterior),
            _draw_groups,
            "does not apply: needs five\nunrelated groups or more",
        ),
        Panel("influence", f"Influence: k below {GOOD_K}", influence, _draw_influence),
        Panel("chains", "Chains: lines in the band", rank_chains(posterior, 1), draw_chains),
    )
    verdict = diagnose(posterior).verdict
    frame = pd.concat([p.frame.assign(panel=p.name) for p in panels], ignore_index=True)
    trouble = _trouble(panels, verdict)
    return Picture(
        frame=frame,
        title=f"Look at: {', '.join(trouble)}"
        if trouble
        else "Nothing here speaks against the fit",
        caption="Each title says what good looks like; red with a cross is a finding "
        f"(p < {FINDING_P}). Residuals: quantile residuals. Influence: Pareto k of {source}. "
        "Chains: ranks of the parameter with the largest R-hat. Only the last panel is about the "
        "sampling; the others are about the model and its rows.",
        alt=f"Six checks. Sampling is {verdict}; residuals against the uniform have p = "
        f"{uniform_p(residuals):.2g}; findings: {', '.join(trouble) or 'none'}.",
        draw=partial(_draw, panels),
        size=(9.5, 5.8),
        grid=(2, 3),
    )


def _trouble(panels: Sequence[Panel], verdict: str) -> list[str]:
    by_name = {panel.name: panel.frame for panel in panels}
    findings = {
        "residuals": uniform_p(by_name["uniform"]) < FINDING_P,
        "group effects": bool((by_name["groups"]["p"] < FINDING_P).any()),
        "influence": bool((by_name["influence"]["k"] > GOOD_K).any()),
        "chains": verdict != "sound",
    }
    return [name for name, is_found in findings.items() if is_found]


def _draw(panels: Sequence[Panel], axes: Sequence[Axes]) -> None:
    for ax, panel in zip(axes, panels, strict=True):
        if len(panel.frame):
            panel.draw(ax, panel.frame)
        else:
            ax.set_axis_off()
            ax.text(0.5, 0.5, panel.absent, ha="center", va="center", color="#444444")
        ax.set_title(panel.good, fontsize=9, loc="left")


def _draw_replicates(shape: Shape, ax: Axes, frame: pd.DataFrame) -> None:
    shape.draw(ax, frame)
    shape.frame_axes(ax, frame)
    ax.set_xlabel("Outcome")


def _group_quantiles(posterior: Posterior) -> pd.DataFrame:
    """Return group effects in sds with normal quantiles and the envelope of normal effects."""
    parts = [found.to_df() for found in measure_normality(posterior)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["effect", "p"])


_MARKS = "osD^v<>P"


def _draw_groups(ax: Axes, frame: pd.DataFrame) -> None:
    reach = [frame["normal"].min(), frame["normal"].max()]
    ax.plot(reach, reach, color="black", linestyle="--", linewidth=1)
    colors = (PARTIAL, "#D55E00", "#009E73", "#CC79A7")
    for k, (name, part) in enumerate(frame.groupby(["group", "effect"], sort=False)):
        if k == 0:
            ax.fill_between(part["normal"], part["lower"], part["upper"], color=QUIET, alpha=0.25,
                            linewidth=0)  # fmt: skip
        is_fine = part["p"].iloc[0] >= FINDING_P
        ax.plot(part["normal"], part["effect_z"], _MARKS[k % len(_MARKS)] if is_fine else "x",
                color=colors[k % len(colors)] if is_fine else FINDING, markersize=4,
                label=shorten("{}[{}]".format(*name), 22))  # fmt: skip
    if (frame["p"] < FINDING_P).any():
        ax.annotate("deviates", (0.05, 0.05), xycoords="axes fraction", color=FINDING)
    ax.set(xlabel="Normal quantile", ylabel="Effect / sd")
    ax.legend(fontsize=7, loc="upper left")


def _influence(
    posterior: Posterior, found: Replicates, left_out: LooResult | None
) -> tuple[pd.DataFrame, str]:
    """Return Pareto k as `fit.loo()` reports it, of very many rows of some; and which it is."""
    if can_weigh_rows(posterior):
        known = (left_out or leave_one_out(posterior)).pointwise
        return pd.DataFrame({"row": known["unit"], "k": known["khat"]}), "fit.loo()"
    labels = np.asarray(posterior.table.rows)[found.rows]
    frame = pd.DataFrame({"row": labels, "k": found.smoothed[1]})
    return frame, f"{len(frame):,} of the rows, moments not matched"


def _draw_influence(ax: Axes, frame: pd.DataFrame) -> None:
    place = np.arange(len(frame))
    k = frame["k"].to_numpy().clip(max=_LARGEST_K)  # of a few draws it is infinite
    high = k > GOOD_K
    ax.axhline(GOOD_K, color="black", linestyle="--", linewidth=1)
    ax.plot(place[~high], k[~high], "o", color=PARTIAL, markersize=3, alpha=0.6)
    ax.plot(place[high], k[high], "X", color=FINDING, markersize=6)
    worst = [i for i in np.argsort(-k, kind="stable")[:3] if high[i]]
    for i in worst:
        is_left = i < len(frame) / 2
        ax.annotate(f"row {frame['row'][i]}", (i, k[i]), fontsize=8, color=FINDING,
                    xytext=(4 if is_left else -4, 0), textcoords="offset points",
                    ha="left" if is_left else "right", va="center")  # fmt: skip
    ax.set(xlabel="Row", ylabel="Pareto k")
    ax.set_ylim(top=max(0.8, float(k.max()) * 1.08))
