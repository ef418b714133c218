"""`fit.plot`: every picture is one method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from poolish.plots.kinds import PLOTS, make_picture
from poolish.plots.picture import Picture, show_picture
from poolish.posterior import Posterior

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Plots:
    """The pictures of a fit: `fit.plot.pooling()`, `fit.plot.caterpillar("Subject")`, ...

    Each returns the matplotlib axes it drew on, or with `data=True` the table that is drawn.
    `ax=` draws on given axes where the picture needs only one; `labels=` names columns.

    Parameters
    ----------
    posterior : Posterior
    """

    posterior: Posterior

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        if kind not in PLOTS:
            raise AttributeError(f"there is no picture `{kind}`; there are {', '.join(PLOTS)}")
        method = partial(self, kind)
        method.__doc__ = PLOTS[kind].__doc__
        return method

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *PLOTS]

    def __repr__(self) -> str:
        return "Pictures of this fit: " + ", ".join(f"plot.{kind}()" for kind in PLOTS)

    def __call__(
        self,
        kind: str,
        /,
        *args: object,
        data: bool = False,
        ax: Axes | None = None,
        **options: object,
    ) -> Axes | np.ndarray | pd.DataFrame:
        """Return the axes of a picture, or its data.

        Parameters
        ----------
        kind : str
        *args, **options
            Those of the kind.
        data : bool
            Return the table that would be drawn.
        ax : matplotlib Axes, optional

        Raises
        ------
        UnknownNameError
            If there is no such kind, group, effect or level.
        """
        picture = self.picture(kind, *args, **options)
        return picture.frame.copy() if data else show_picture(picture, ax=ax)

    def picture(self, kind: str, /, *args: object, **options: object) -> Picture:
        """Return a picture before it is drawn: its data, title, caption and words (`alt`)."""
        return make_picture(self.posterior, kind, *args, **options)
