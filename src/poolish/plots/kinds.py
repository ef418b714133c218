"""The table of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from poolish.errors import UnknownNameError
from poolish.plots.caterpillar import picture_caterpillar
from poolish.plots.check import picture_check
from poolish.plots.effects import picture_effects
from poolish.plots.forest import picture_forest
from poolish.plots.kinship import picture_kinship
from poolish.plots.picture import Picture
from poolish.plots.pooling import picture_pooling
from poolish.plots.ppc import picture_ppc
from poolish.plots.prior_posterior import picture_prior_posterior
from poolish.plots.rank import picture_rank
from poolish.plots.ranks import picture_ranks
from poolish.plots.residuals import picture_residuals
from poolish.plots.slopes_plane import picture_slopes_plane
from poolish.plots.trajectories import picture_trajectories
from poolish.plots.variance import picture_variance
from poolish.plots.words import find_labels
from poolish.posterior import Posterior

PLOTS: Mapping[str, Callable[..., Picture]] = {
    "pooling": picture_pooling,
    "caterpillar": picture_caterpillar,
    "ranks": picture_ranks,
    "slopes_plane": picture_slopes_plane,
    "trajectories": picture_trajectories,
    "effects": picture_effects,
    "variance": picture_variance,
    "ppc": picture_ppc,
    "residuals": picture_residuals,
    "check": picture_check,
    "prior_posterior": picture_prior_posterior,
    "kinship": picture_kinship,
    "forest": picture_forest,
    "rank": picture_rank,
}


def make_picture(posterior: Posterior, kind: str, *args: object, **options: object) -> Picture:
    """Return a picture of a fit, not yet drawn.

    Parameters
    ----------
    posterior : Posterior
    kind : str
        A key of `PLOTS`.
    *args, **options
        Those of the kind; `labels` go on top of the fit's own.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    if kind not in PLOTS:
        raise UnknownNameError(
            f"there is no picture `{kind}`",
            given=f"`{kind}`",
            expected=f"one of {', '.join(PLOTS)}",
            fix=f"write, for example, `plot.{next(iter(PLOTS))}()`",
        )
    labels = find_labels(posterior, options.pop("labels", None))  # type: ignore[arg-type]
    return PLOTS[kind](posterior, *args, labels=labels, **options)
