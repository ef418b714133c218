"""Intercepts and slopes shrink together: the plane of both, with arrows and ellipses."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.plots.groups import find_effect, find_group
from poolish.plots.marks import draw_arrows, legend_below, outline_text, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import COMPLETE, NO_POOLING, PARTIAL
from poolish.plots.words import Labels, name_effect, name_group
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.summaries.effects import GroupEffects
from poolish.summaries.pooling import summarise_pooling

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROBS = (0.5, 0.8, 0.95)
# More arrows than this are a thicket.
_MOST_ARROWS = 200
_N_NAMED = 3
# Own estimates further away than this, in widths of what is pooled, are left outside.
_REACH = 0.75
# A correlation smaller than this is called none.
_HARDLY = 0.2
# Names of groups this near an edge, as a share of the width, are written inwards.
_EDGE = 0.18


def picture_slopes_plane(
    posterior: Posterior,
    group: str | None = None,
    *,
    effects: tuple[str, str] | None = None,
    labels: Labels,
) -> Picture:
    """Return the picture of two effects of each group, without and with pooling.

    Parameters
    ----------
    posterior : Posterior
    group : str, optional
        The first group with two effects when left out.
    effects : tuple of str, optional
        The first two when left out.
    labels : Mapping

    Raises
    ------
    UnsupportedError
        If no group has two effects.
    """
    found = _find_plane(posterior, group)
    names = effects or (found.group.effects[0], found.group.effects[1])
    places = [find_effect(found, name) for name in names]
    frame = _tabulate(posterior, found, names)
    center = found.population[..., places].mean(axis=(0, 1))
    covariance = mean_covariance(posterior, found)[np.ix_(places, places)]
    response = posterior.design.response.name
    axes = [name_effect(posterior.spec, response, name, labels) for name in names]
    cor = _mean_correlation(posterior, found, places)
    low, high = _view(frame, ellipse(center, covariance, PROBS[-1]))
    own = frame[["own_x", "own_y"]].to_numpy()
    n_outside = int(((own < low) | (own > high)).any(axis=1).sum())
    return Picture(
        frame=frame,
        title=f"{shorten(name_group(labels, found.group.name))}: {_say_correlation(cor)} "
        f"(correlation {cor:.2f})",
        caption=f"Hollow: estimates from each group's own data; filled: partial pooling. Ellipses: "
        "50%, 80% and 95% of the population of groups (posterior mean covariance). The "
        f"{_N_NAMED} groups that move the most are named."
        + (f" {n_outside} estimates from own data lie outside." if n_outside else ""),
        alt=f"{names[0]} against {names[1]} of {found.n_levels} groups of {found.group.name} at "
        f"{center[0]:.4g}, {center[1]:.4g}; their correlation is {cor:.2f}.",
        draw=partial(
            _draw, frame, center=center, covariance=covariance, axis_names=axes, view=(low, high)
        ),
        size=(WIDTH, 5.2),
    )


def mean_covariance(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the posterior mean covariance between the effects, shape (effect, effect)."""
    cor = _correlations(posterior, found)
    return np.einsum("cdi,cdij,cdj->ij", found.sd, cor, found.sd) / found.sd[..., 0].size


def _mean_correlation(posterior: Posterior, found: GroupEffects, places: list[int]) -> float:
    return float(_correlations(posterior, found)[..., places[0], places[1]].mean())


def _correlations(posterior: Posterior, found: GroupEffects) -> np.ndarray:
    """Return the correlations between effects, shape (chain, draw, effect, effect)."""
    name = tree_name(found.predictor.variable("cor", found.group))
    if name in posterior.draws:
        return np.asarray(posterior.draws[name].values)
    return np.broadcast_to(np.eye(found.sd.shape[2]), (*found.sd.shape, found.sd.shape[2]))


def _say_correlation(cor: float) -> str:
    if abs(cor) < _HARDLY:
        return "the two effects are hardly related"
    return "the two effects rise together" if cor > 0 else "one effect falls as the other rises"


def ellipse(center: np.ndarray, covariance: np.ndarray, prob: float) -> np.ndarray:
    """Return the outline that holds `prob` of a normal distribution, shape (point, 2).

    In two dimensions the squared radius is chi-squared with 2 degrees: -2 log(1 - prob).
    """
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(-2 * np.log1p(-prob))
    return center + (vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * circle)).T


def _find_plane(posterior: Posterior, group: str | None) -> GroupEffects:
    two = [g.name for p in posterior.spec.predictors.values() for g in p.groups
           if len(g.effects) > 1]  # fmt: skip
    found = find_group(posterior, group or (two[0] if two else None))
    if len(found.group.effects) < 2:
        raise UnsupportedError(
            f"group `{found.group.name}` has one effect, and a plane needs two",
            given=f"effects {', '.join(found.group.effects)}",
            expected="a group with an intercept and a slope, `(1 + x | group)`",
            fix="show one effect with `plot.pooling` or `plot.caterpillar`",
        )
    return found


def _tabulate(posterior: Posterior, found: GroupEffects, names: tuple[str, str]) -> pd.DataFrame:
    table = summarise_pooling(posterior, found.group.name).frame
    parts: list[pd.DataFrame] = []
    for axis, name in zip("xy", names, strict=True):
        rows = table[table["effect"] == name].reset_index(drop=True)
        kept = rows[["own", "partial", "complete"]].add_suffix(f"_{axis}")
        parts.append(kept if parts else pd.concat([rows[["level", "n"]], kept], axis=1))
    return pd.concat(parts, axis=1)


def _draw(
    frame: pd.DataFrame,
    axes: Sequence[Axes],
    *,
    center: np.ndarray,
    covariance: np.ndarray,
    axis_names: list[str],
    view: tuple[np.ndarray, np.ndarray],
) -> None:
    ax = axes[0]
    for prob in PROBS:
        outline = ellipse(center, covariance, prob)
        ax.fill(*outline.T, facecolor=PARTIAL, alpha=0.10, edgecolor="none", zorder=1)
        ax.plot(*outline.T, color=PARTIAL, linewidth=0.8, alpha=0.7, zorder=1)
        top = outline[np.argmax(outline[:, 1])]
        note = ax.annotate(f"{prob:.0%}", top, fontsize=8, color=PARTIAL, ha="center",
                           va="bottom", zorder=6)  # fmt: skip
        outline_text(note)
    own, partial_ = (frame[[f"{kind}_x", f"{kind}_y"]].to_numpy() for kind in ("own", "partial"))
    if np.isfinite(own).any():
        ax.plot(*own.T, "o", markersize=7, markerfacecolor="white", markeredgecolor=NO_POOLING,
                markeredgewidth=1.8, zorder=3, label="no pooling: own data only")  # fmt: skip
        if len(frame) <= _MOST_ARROWS:
            draw_arrows(ax, own, partial_)
    ax.plot(*partial_.T, "o", color=PARTIAL, markersize=6.5, zorder=4, label="partial pooling")
    ax.plot(*center, "s", color=COMPLETE, markersize=7, zorder=5, label="population average")
    _name_movers(ax, frame, own, partial_, view)
    ax.set(xlim=(view[0][0], view[1][0]), ylim=(view[0][1], view[1][1]))
    ax.set(xlabel=axis_names[0], ylabel=textwrap.fill(axis_names[1], 52))
    legend_below(ax, columns=3)


def _view(frame: pd.DataFrame, outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower left and upper right corner: all that is pooled, and own data near it."""
    pooled = np.concatenate([outline, frame[["partial_x", "partial_y"]].to_numpy()])
    low, high = pooled.min(axis=0), pooled.max(axis=0)
    reach = _REACH * (high - low)
    own = frame[["own_x", "own_y"]].to_numpy()
    low = np.fmax(np.fmin(low, np.nanmin(own, axis=0, initial=np.inf)), low - reach)
    high = np.fmin(np.fmax(high, np.nanmax(own, axis=0, initial=-np.inf)), high + reach)
    pad = 0.04 * (high - low)
    return low - pad, high + pad


def _name_movers(
    ax: Axes,
    frame: pd.DataFrame,
    own: np.ndarray,
    partial_: np.ndarray,
    view: tuple[np.ndarray, np.ndarray],
) -> None:
    move = np.linalg.norm((own - partial_) / np.std(partial_, axis=0), axis=1)
    move[((own < view[0]) | (own > view[1])).any(axis=1)] = np.nan
    named = np.argsort(-np.nan_to_num(move, nan=-1.0), kind="stable")[:_N_NAMED]
    ends = np.where(np.isfinite(own[named]).all(axis=1, keepdims=True), own[named], partial_[named])
    edge = _EDGE * (view[1][0] - view[0][0])
    for i, at in zip(named, ends, strict=True):
        # Away from the crowd in the middle, but not out of the picture; and from each other.
        is_left = at[0] < np.mean(partial_[:, 0])
        is_left ^= bool(at[0] < view[0][0] + edge or at[0] > view[1][0] - edge)
        is_above = at[1] >= np.median(ends[:, 1])
        note = ax.annotate(
            f"{shorten(frame['level'][i], 16)} (n = {frame['n'][i]})",
            at,
            xytext=(-7 if is_left else 7, 5 if is_above else -11),
            textcoords="offset points",
            fontsize=8,
            ha="right" if is_left else "left",
            zorder=6,
        )
        outline_text(note)
