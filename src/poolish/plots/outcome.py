"""The outcome on the axis of a picture: per trial and per unit of exposure."""

from __future__ import annotations

from poolish.plots.words import Labels, name_column
from poolish.posterior import Posterior


def name_outcome(posterior: Posterior, labels: Labels) -> str:
    """Return the title of the outcome's axis."""
    response = posterior.design.response
    name = name_column(labels, response.name)
    if response.trials is not None:
        return f"{name}, proportion of trials"
    if posterior.spec.family.name == "bernoulli":
        return f"{name}, probability"
    if response.rate is not None:
        return f"{name}, per unit of exposure"
    return f"{name}, code of the level" if response.levels else name
