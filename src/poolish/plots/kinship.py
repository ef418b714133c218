"""A known covariance between the levels of a group, relatives next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.plots.marks import body_of, shorten
from poolish.plots.picture import Picture
from poolish.plots.words import Labels, name_group
from poolish.posterior import Posterior
from poolish.relations.relation import Relation, dense_covariance, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AT_MOST = 400
_MOST_NAMED = 40


def picture_kinship(
    posterior: Posterior, group: str | None = None, *, at_most: int = AT_MOST, labels: Labels
) -> Picture:
    """Return the picture of a known covariance, ordered by average-linkage clustering.

    Parameters
    ----------
    posterior : Posterior
    group : str, optional
        The first group with a known covariance when left out.
    at_most : int
        Levels; evenly spaced ones when there are more.
    labels : Mapping

    Raises
    ------
    UnsupportedError
        If no group has a known covariance.
    """
    name, relation = _find(posterior, group)
    n = relation.n_units
    places = np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int))
    shown = relation if len(places) == n else select(relation, [relation.labels[i] for i in places])
    K = dense_covariance(shown)
    order = cluster(K)
    K, names = K[np.ix_(order, order)], [shown.labels[i] for i in order]
    related = int((K[np.triu_indices(len(K), 1)] > 1e-8).sum())
    frame = pd.DataFrame(K, index=pd.Index(names, name="level"), columns=names)
    return Picture(
        frame=frame,
        title=f"{shorten(name_group(labels, name))}: {related:,} of "
        f"{len(K) * (len(K) - 1) // 2:,} pairs are related",
        caption="Known covariance between levels, ordered by average-linkage clustering, so that "
        "relatives stand next to each other."
        + (f" {len(K)} of {n:,} levels." if len(K) < n else ""),
        alt=f"Matrix of the known covariance of {len(K)} levels of {name}: diagonal "
        f"{np.diag(K).min():.3g} to {np.diag(K).max():.3g}, {related} pairs above zero.",
        draw=partial(_draw, frame),
        size=(6.0, 4.9),
    )


def cluster(K: np.ndarray) -> np.ndarray:
    """Return an order of levels in which close relatives are neighbours.

    Parameters
    ----------
    K : ndarray, shape (level, level)
        A covariance.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(K) < 3:
        return np.arange(len(K))
    root = np.sqrt(np.diag(K))
    distance = np.clip(1.0 - K / np.outer(root, root), 0.0, None)
    return leaves_list(linkage(squareform(distance, checks=False), "average"))


def _find(posterior: Posterior, group: str | None) -> tuple[str, Relation]:
    groups = [g for p in posterior.design.predictors.values() for g in p.groups]
    for found in groups:
        if found.relation is not None and group in (None, found.name):
            return found.name, found.relation
    raise UnsupportedError(
        "no group of this model has a known covariance" if group is None
        else f"group `{group}` has no known covariance",
        given=f"groups {', '.join(g.name for g in groups) or '(none)'}",
        expected="a group written `kin(id, K)` or `gr(id, cov=K)`",
        fix="show the groups with `plot.caterpillar`",
    )  # fmt: skip


def _draw(frame: pd.DataFrame, axes: Sequence[Axes]) -> None:
    ax = axes[0]
    image = ax.imshow(frame.to_numpy(), interpolation="nearest")
    ax.grid(visible=False)
    body_of(ax).colorbar(image, ax=ax, label="Covariance", shrink=0.8)
    if len(frame) <= _MOST_NAMED:
        names = [shorten(str(name), 12) for name in frame.index]
        ax.set_yticks(range(len(names)), names, fontsize=7)
        ax.set_xticks(range(len(names)), names, fontsize=7, rotation=90)
    else:
        ax.set(xticks=[], yticks=[])
