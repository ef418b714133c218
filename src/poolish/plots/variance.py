"""Where the variance lies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.plots.groups import describe_rows
from poolish.plots.marks import name_rows, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import COMPLETE, PARTIAL
from poolish.plots.words import Labels, name_group
from poolish.posterior import Posterior
from poolish.posterior.variables import Kind
from poolish.spec.model import PredictorSpec
from poolish.summaries.moments import CI_PROB
from poolish.summaries.scalars import collect_scalars
from poolish.summaries.shares import RESIDUAL
from poolish.summaries.variance import has_shares, share_draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture_variance(posterior: Posterior, *, ci_prob: float = CI_PROB, labels: Labels) -> Picture:
    """Return the picture of the shares of the variance, or of standard deviations without them.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
    labels : Mapping

    Raises
    ------
    UnsupportedError
        If the model has no groups.
    """
    is_share = has_shares(posterior.spec)
    if not any(predictor.groups for predictor in posterior.spec.predictors.values()):
        raise UnsupportedError(
            "this model has no groups, so its variance has no parts",
            given=f"the formula {posterior.record.formula}",
            expected="a formula with a group term, as in `(1 | g)`",
            fix="look at `plot.forest` or `plot.effects`",
        )
    draws = share_draws(posterior) if is_share else _sds(posterior)
    frame = describe_rows(np.stack(list(draws.values()), axis=2), ci_prob=ci_prob)
    frame.insert(0, "component", list(draws))
    grouped = frame[frame["component"] != RESIDUAL]
    largest = grouped.loc[grouped["mean"].idxmax()]
    name = shorten(name_group(labels, str(largest["component"])))
    titles = {
        True: f"{name} holds {largest['mean']:.0%} of the variance "
        f"({ci_prob:.0%} interval {largest['lower']:.0%} to {largest['upper']:.0%})",
        False: f"{name} is the largest standard deviation, {largest['mean']:.2g}",
    }
    where = _say_scale(posterior.spec.main) if is_share else (
        "Standard deviations of the group effects, on the scale of the link."
    )  # fmt: skip
    rows = ", ".join(f"{r.component} {r.mean:.2f}" for r in frame.itertuples())
    return Picture(
        frame=frame,
        title=titles[is_share],
        caption=f"{where} Bar: posterior mean; lines: 66% (thick) and {ci_prob:.0%} (thin).",
        alt=f"{'Shares of the variance' if is_share else 'Standard deviations'}: {rows}.",
        draw=partial(_draw, frame, is_share=is_share, labels=labels),
        size=(WIDTH, 1.9 + 0.5 * len(frame)),
    )


def _say_scale(main: PredictorSpec) -> str:
    has_slopes = any(set(group.effects) != {"Intercept"} for group in main.groups)
    link = main.link.name
    return (
        "Shares of the variance (ICC)"
        + ("" if link == "identity" else f" on the {link} scale")
        + (", at zero of the predictors with slopes." if has_slopes else ".")
    )


def _sds(posterior: Posterior) -> dict[str, np.ndarray]:
    kinds: tuple[Kind, ...] = ("sd",)
    scalars = collect_scalars(posterior, kinds)
    return {label: scalars.values[:, :, k] for k, label in enumerate(scalars.labels)}


def _draw(frame: pd.DataFrame, axes: Sequence[Axes], *, is_share: bool, labels: Labels) -> None:
    ax, y = axes[0], np.arange(len(frame))
    ax.barh(y, frame["mean"], height=0.55, color=PARTIAL, alpha=0.35, edgecolor=PARTIAL)
    ax.hlines(y, frame["lower"], frame["upper"], color=COMPLETE, linewidth=1.3)
    ax.hlines(y, frame["inner_lower"], frame["inner_upper"], color=COMPLETE, linewidth=4)
    for place, row in zip(y, frame.itertuples(), strict=True):
        text = f"{row.mean:.0%}" if is_share else f"{row.mean:.2g}"
        ax.annotate(text, (row.upper, place), xytext=(6, 0), textcoords="offset points",
                    va="center", fontsize=9)  # fmt: skip
    name_rows(ax, [shorten(name_group(labels, name)) for name in frame["component"]])
    ax.set_xlim(left=0.0)
    if is_share:
        ax.set_xlim(0.0, 1.08)
        ax.set_xticks(np.linspace(0, 1, 6), [f"{v:.0%}" for v in np.linspace(0, 1, 6)])
    ax.set_xlabel("Share of the variance" if is_share else "Standard deviation")
