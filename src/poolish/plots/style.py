"""Colours with a meaning, and the style that a picture is drawn in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import resources

# Okabe & Ito's colours that pass 3:1 on white; a shape or a dash always says the same again.
PARTIAL = "#0072B2"
NO_POOLING = "#D55E00"
COMPLETE = "#000000"
NEW_GROUP = "#009E73"
PRIOR = "#CC79A7"
QUIET = "#8a8a8a"
# Only for a finding.
FINDING = "#C00000"

INNER_PROB = 0.66


def poolish_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in our style; the user's settings come back."""
    from matplotlib import style

    path = resources.files("poolish.plots").joinpath("poolish.mplstyle")
    return style.context(["default", str(path)])
