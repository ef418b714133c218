"""Whether the draws can be trusted: three verdicts, each with its reason and one action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from poolish import convergence
from poolish.posterior import Posterior
from poolish.summaries.moments import measure_sampling
from poolish.summaries.scalars import COEFFICIENTS, GROUP_EFFECTS, collect_scalars

type Verdict = Literal["sound", "use with care", "do not use"]
VERDICTS: tuple[Verdict, ...] = ("sound", "use with care", "do not use")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of sampling quality: its thresholds and what to do when it is passed.

    Parameters
    ----------
    name : str
    sound, care : float
        The worst values that are sound, and that can be used with care.
    is_small_good : bool
    action : str
    """

    name: str
    sound: float
    care: float
    is_small_good: bool
    action: str


# Thresholds: Vehtari et al. (2021) for R-hat and ESS, Betancourt (2016) for E-BFMI, Vehtari et al.
# (2024) for k-hat; the middle band is ours.
MEASURES: dict[str, Measure] = {
    row.name: row
    for row in (
        Measure("R-hat", 1.01, 1.05, True, "sample longer: double `tune` and `draws`"),
        Measure("bulk ESS", 400, 100, False, "sample longer: double `draws`"),
        Measure("tail ESS", 400, 100, False, "sample longer: double `draws`"),
        Measure(
            "share of divergences",
            0.0,
            0.01,
            True,
            "tighten the priors of the standard deviations, or change `centered`",
        ),
        Measure("E-BFMI", 0.3, 0.3, False, "tighten the priors of the standard deviations"),
        Measure("Pareto k", 0.7, 0.7, True, 'fit again with `engine="nuts"`'),
        Measure(
            "share of draws at the largest tree depth",
            0.01,
            1.0,
            True,
            "tighten the priors, or rescale predictors with a very different spread",
        ),
        Measure("share of draws finished", 1.0, 0.0, False, "fit again without interrupting"),
        Measure(
            "share of draws that are not finite",
            0.0,
            0.0,
            True,
            "look for extreme values in the data and for flat priors",
        ),
    )
}

# More scalars than this among the group effects are sampled evenly: R-hat and ESS of one cost
# milliseconds.
N_GROUP_SCALARS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one parameter.

    Parameters
    ----------
    measure : Measure
    value : float
        The worst value.
    parameter : str
        Where it is; empty when it belongs to all.
    """

    measure: Measure
    value: float
    parameter: str = ""

    @property
    def verdict(self) -> Verdict:
        """Return what the value means."""
        sign = 1.0 if self.measure.is_small_good else -1.0
        value = sign * self.value
        limits = (sign * self.measure.sound, sign * self.measure.care)
        return VERDICTS[sum(value > limit for limit in limits)]

    def __str__(self) -> str:
        place = f" of {self.parameter}" if self.parameter else ""
        return f"{self.measure.name}{place} is {format_value(self.value)}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Whether the draws can be trusted.

    Parameters
    ----------
    verdict : "sound", "use with care" or "do not use"
    findings : tuple of Finding
        Every measure at its worst, the gravest first.
    note : str
        What was not looked at.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    note: str = ""

    @property
    def reason(self) -> Finding | None:
        """Return the gravest finding, or None when all is sound."""
        return None if self.verdict == "sound" else self.findings[0]

    def worst(self, measure: str) -> float | None:
        """Return the worst value of a measure, None where it does not apply."""
        return next((f.value for f in self.findings if f.measure.name == measure), None)


def diagnose(posterior: Posterior) -> Diagnosis:
    """Return the verdict on the draws, with every measure at its worst.

    Parameters
    ----------
    posterior : Posterior

    References
    ----------
    Vehtari et al. (2021), Bayesian Analysis 16(2), 667-718. doi:10.1214/20-BA1221
    Betancourt (2016), Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo.
    Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).
    """
    labels, values, note = _scalars(posterior)
    found = [*_scalar_findings(labels, values), *_sampler_findings(posterior)]
    ordered = tuple(sorted(found, key=lambda f: -VERDICTS.index(f.verdict)))
    verdict = ordered[0].verdict if ordered else "do not use"
    return Diagnosis(verdict, ordered, note)


def format_value(value: float) -> str:
    """Return a diagnostic as text: counts whole, the others with three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{round(value, 3):.4g}"


def _scalars(posterior: Posterior) -> tuple[tuple[str, ...], np.ndarray, str]:
    main = collect_scalars(posterior, COEFFICIENTS)
    group = collect_scalars(posterior, GROUP_EFFECTS, at_most=N_GROUP_SCALARS)
    note = f"{len(group.labels)} of {group.n_all:,} group effects were examined"
    values = np.concatenate([main.values, group.values], axis=2)
    return (*main.labels, *group.labels), values, note if len(group.labels) < group.n_all else ""


def _scalar_findings(labels: tuple[str, ...], values: np.ndarray) -> Iterator[Finding]:
    broken = ~np.isfinite(values)
    if broken.any():
        where = int(broken.mean(axis=(0, 1)).argmax())
        measure = MEASURES["share of draws that are not finite"]
        yield Finding(measure, float(broken[..., where].mean()), labels[where])
        return
    quality = measure_sampling(values)
    columns = {"R-hat": "rhat", "bulk ESS": "ess_bulk", "tail ESS": "ess_tail"}
    for name, column in columns.items():
        measured = quality[column]
        if np.isnan(measured).all():
            continue
        worst = np.nanargmax(measured) if MEASURES[name].is_small_good else np.nanargmin(measured)
        yield Finding(MEASURES[name], float(measured[worst]), labels[worst])


def _sampler_findings(posterior: Posterior) -> Iterator[Finding]:
    children = posterior.tree.children
    stats = children["sample_stats"].to_dataset() if "sample_stats" in children else xr.Dataset()
    shares = {
        "share of divergences": "diverging",
        "share of draws at the largest tree depth": "reached_max_treedepth",
    }
    for name, variable in shares.items():
        if variable in stats:
            yield Finding(MEASURES[name], float(np.mean(stats[variable].values)))
    if "energy" in stats:
        energy = np.asarray(stats["energy"].values)
        yield Finding(MEASURES["E-BFMI"], float(convergence.bfmi(energy).min()))
    if "khat" in stats:
        yield Finding(MEASURES["Pareto k"], float(np.max(stats["khat"].values)))
    if not posterior.record.is_complete:
        asked = max(1, posterior.record.chains * posterior.record.draws)
        sizes = posterior.draws.sizes
        done = min(sizes["chain"] * sizes["draw"] / asked, 0.999)
        yield Finding(MEASURES["share of draws finished"], done)
