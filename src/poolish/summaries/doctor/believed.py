"""What prior and posterior say to each other: conflicts, boundaries, improper priors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.posterior.variables import tree_name
from poolish.spec.build import default_priors, spec_priors
from poolish.spec.distributions import DISTRIBUTIONS
from poolish.spec.priors import ResolvedPrior
from poolish.summaries.doctor.case import Case
from poolish.summaries.doctor.edits import uncorrelated, without_effect
from poolish.summaries.doctor.step import Step
from poolish.summaries.doctor.structure import separating
from poolish.summaries.prior_values import prior_values

# The posterior mean this far out in the prior is a surprise.
_TAIL = 0.01
# Of a standard deviation that is away from zero hardly a draw is below a quarter of its mean; of
# one whose density falls from zero (half-normal) 16 % are.
_NEAR_ZERO = 0.1
_EXTREME_CORRELATION = 0.95


def check_conflict(case: Case) -> Iterator[Step]:
    """Yield parameters whose posterior lies in the tail of their prior."""
    if not case.is_usable:
        return
    # Of a predictor that separates the data say no size at all.
    silent = {f"b[{name}]" for name in separating(case)}
    for resolved in spec_priors(case.posterior.spec):
        values = prior_values(case.posterior, case.scalars, resolved)
        if values is None or resolved.slot.names[0] in silent:
            continue
        slot, prior = resolved.slot, resolved.prior
        centres = [float(centre) for centre in values.mean(axis=(0, 1))]
        tail, centre = min((_tail(resolved, centre), centre) for centre in centres)
        if tail < _TAIL:
            yield Step(
                "prior-data conflict",
                f"the data say something else of `{slot.names[0]}` than its prior `{prior}`"
                + ("" if resolved.stated_as else ", the default"),
                f"posterior mean {centre:.3g}, in the outermost {max(tail, 1e-6):.2g} of the prior",
                {"priors": _instead(case, resolved, centre)},
                "check the unit of the data and of the prior, then widen it",
            )


def check_flat(case: Case) -> Iterator[Step]:
    """Yield flat priors under draws that did not settle."""
    rhat = case.diagnosis.worst("R-hat")
    if rhat is None or rhat <= 1.05:
        return
    for resolved in spec_priors(case.posterior.spec):
        if resolved.prior.distribution == "flat":
            yield Step(
                "flat prior",
                f"`{resolved.slot.names[0]}` has a flat prior, and its posterior does not settle",
                f"R-hat up to {rhat:.3g}",
                {"priors": {resolved.slot.names[0]: _wider(-np.inf, float(case.y.std()) or 1.0)}},
                "give it a proper prior, however wide",
            )


def check_boundary(case: Case) -> Iterator[Step]:
    """Yield standard deviations that the data cannot tell from zero."""
    spec = case.posterior.spec.main
    for group in spec.groups:
        if len(group.levels) < 5 or not case.is_usable:
            continue
        for effect in group.effects:
            label = f"{tree_name(spec.variable('sd', group))}[{effect}]"
            values = case.draws_of(label)
            share = float((values < values.mean() / 4).mean())
            if share > _NEAR_ZERO and values.mean() > 0:
                yield Step(
                    "standard deviation near zero",
                    f"levels of `{group.name}` do not visibly differ in `{effect}`: `{label}` "
                    "may be zero",
                    f"{share:.0%} of the draws are below a quarter of the mean {values.mean():.3g}",
                    {"formula": without_effect(case.formula, group.name, effect)},
                    "keep it if the design asks for it; else leave it out",
                    "notable",
                )


def check_correlations(case: Case) -> Iterator[Step]:
    """Yield correlations of group effects at one or minus one."""
    for k, (label, variable) in enumerate(
        zip(case.scalars.labels, case.scalars.variables, strict=True)
    ):
        if variable.kind != "cor" or variable.group is None or not case.is_usable:
            continue
        mean = float(case.scalars.values[:, :, k].mean())
        if abs(mean) > _EXTREME_CORRELATION:
            yield Step(
                "correlation at its bound",
                f"`{label}` is at its bound: one effect stands for both",
                f"posterior mean {mean:.3f}",
                {"formula": uncorrelated(case.formula, variable.group.name)},
                "leave one effect out, or make them uncorrelated",
                "notable",
            )


def _tail(resolved: ResolvedPrior, value: float) -> float:
    """Return the prior probability of values further out; of sds only large ones surprise."""
    below = _share_below(resolved, value)
    return 1 - below if resolved.slot.lower >= 0 else min(below, 1 - below)


def _share_below(resolved: ResolvedPrior, value: float) -> float:
    """Return the prior probability of values below, within the bounds of the parameter."""
    slot, prior = resolved.slot, resolved.prior
    row = DISTRIBUTIONS[prior.distribution]
    below, found, above = (
        float(row.cdf(np.float64(x), *prior.arguments)) if np.isfinite(x) else float(x > 0)
        for x in (_lowest(row.support, slot.lower), value, slot.upper)
    )
    return (found - below) / max(above - below, np.finfo(float).tiny)


def _lowest(support: str, lower: float) -> float:
    # The distribution functions of positive priors are defined above zero only.
    return lower if support in ("real", "interval") else -np.inf


def _instead(case: Case, resolved: ResolvedPrior, centre: float) -> dict[str, str]:
    """Return the default for a prior that was stated, and a wider one for a default.

    A stated prior that is narrow holds the posterior near it: how far the data would go is not to
    be seen in the draws.
    """
    slot = resolved.slot
    # At average predictors, where the conflict was found; `b[Intercept]` is at zero.
    name = slot.names[-1] if slot.names[-1].startswith("Intercept") else slot.names[0]
    if resolved.stated_as is None:
        return {name: _wider(slot.lower, centre)}
    return {name: str(default_priors(case.posterior.spec, case.design)[slot.names[0]])}


def _wider(lower: float, centre: float) -> str:
    scale = 2 * abs(centre) or 1.0
    return f"half_student_t(3, 0, {scale:.3g})" if lower >= 0 else f"normal(0, {scale:.3g})"
