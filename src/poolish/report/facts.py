"""What every section reads: the fit, its verdict, and its labels."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.plots.predictive import Replicates
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.diagnosis import Diagnosis
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
    """

    posterior: Posterior
    diagnosis: Diagnosis
    labels: Labels
    ci_prob: float
    replicates: Replicates
    sensitivity: TableResult | None


# Log densities beyond would take gigabytes.
_MOST_DENSITIES = 40_000_000


def can_weigh_rows(posterior: Posterior) -> bool:
    """Return whether the density of every row in every draw fits in memory."""
    sizes = posterior.draws.sizes
    return bool(sizes["chain"] * sizes["draw"] * posterior.design.n_obs <= _MOST_DENSITIES)
