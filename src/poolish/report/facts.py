"""What every section reads: the fit, its verdict, and its labels."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.plots.predictive import Replicates
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.diagnosis import Diagnosis
from poolish.summaries.loo import LooResult
from poolish.summaries.table import TableResult


@dataclass(frozen=True, slots=True)
class Facts:
    """A fit on its way into a report.

    Parameters
    ----------
    posterior : Posterior
    diagnosis : Diagnosis
    labels : Mapping
    ci_prob : float
    replicates : Replicates
    sensitivity : TableResult or None
        How far the priors move the posterior; None where the rows are too many to weigh.
    left_out : LooResult or None
        Rows left out one at a time; None likewise.
    """

    posterior: Posterior
    diagnosis: Diagnosis
    labels: Labels
    ci_prob: float
    replicates: Replicates
    sensitivity: TableResult | None
    left_out: LooResult | None
