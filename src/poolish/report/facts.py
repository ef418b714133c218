"""What every section reads: the fit, its verdict, and its labels."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.diagnosis import Diagnosis


@dataclass(frozen=True, slots=True)
class Facts:
    """A fit on its way into a report.

    Parameters
    ----------
    posterior : Posterior
    diagnosis : Diagnosis
    labels : Mapping
    ci_prob : float
    """

    posterior: Posterior
    diagnosis: Diagnosis
    labels: Labels
    ci_prob: float
