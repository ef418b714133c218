"""The doctor: every check in turn, causes before symptoms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from poolish.posterior import Posterior
from poolish.summaries.doctor import believed, groups, misfit, sampling, structure
from poolish.summaries.doctor.case import Case, open_case
from poolish.summaries.doctor.step import CheckResult, Step

type _Check = Callable[[Case], Iterator[Step]]

# Causes come before what follows from them: what the data cannot tell apart, then an unfinished
# run, then priors, then the family, then the sampler's own trouble.
CHECKS: tuple[_Check, ...] = (
    sampling.check_not_finite,
    sampling.check_unfinished,
    *groups.CHECKS,
    structure.check_collinear,
    structure.check_separation,
    believed.check_flat,
    misfit.check_wrong_kind,
    sampling.check_khat,
    believed.check_conflict,
    misfit.check_zeros,
    misfit.check_dispersion,
    misfit.check_skewness,
    misfit.check_spread,
    misfit.check_curvature,
    misfit.check_slopes_differ,
    misfit.check_tails,
    misfit.check_group_normality,
    structure.check_scales,
    believed.check_correlations,
    believed.check_boundary,
    sampling.check_divergences,
    sampling.check_energy,
    sampling.check_tree_depth,
    sampling.check_mixing,
)


def check_fit(posterior: Posterior, *, seed: int = 0) -> CheckResult:
    """Return what is wrong with a fit and what to change, the first cause first.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        Of the replicated data that the model is judged by.
    """
    case = open_case(posterior, seed=seed)
    found = [step for check in CHECKS for step in check(case)]
    steps = sorted(found, key=lambda step: step.gravity != "grave")
    return CheckResult(tuple(steps), case.diagnosis, posterior.record.formula)
