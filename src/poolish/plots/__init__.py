"""Pictures of a fit: a new one is one file and one row of PLOTS."""

from poolish.plots.accessor import Plots
from poolish.plots.kinds import PLOTS, make_picture
from poolish.plots.picture import Picture, make_figure, show_picture

__all__ = ["PLOTS", "Picture", "Plots", "make_figure", "make_picture", "show_picture"]
