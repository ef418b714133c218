"""What the sampler reports, in the order in which causes come before symptoms."""

from __future__ import annotations

from collections.abc import Iterator

from poolish.summaries.diagnosis import Finding
from poolish.summaries.doctor.case import Case
from poolish.summaries.doctor.step import Gravity, Step


def check_unfinished(case: Case) -> Iterator[Step]:
    """Yield a step for an interrupted run."""
    for finding in _found(case, "share of draws finished"):
        record = case.posterior.record
        yield Step(
            "interrupted",
            "sampling was interrupted",
            f"{finding.value:.0%} of the draws asked for were finished",
            {"draws": record.draws, "tune": record.tune},
            "fit again, and let it finish",
            _gravity(finding),
            about="sampling",
        )


def check_not_finite(case: Case) -> Iterator[Step]:
    """Yield a step for draws that are not numbers."""
    for finding in _found(case, "share of draws that are not finite"):
        yield Step(
            "draws not finite",
            f"draws of `{finding.parameter}` are not finite numbers",
            f"{finding.value:.1%} of its draws",
            advice=finding.measure.action,
            about="sampling",
        )


def check_khat(case: Case) -> Iterator[Step]:
    """Yield importance weights that cannot be relied on."""
    for finding in _found(case, "Pareto k"):
        yield Step(
            "approximation too coarse",
            f"the {case.posterior.record.engine} engine's proposals miss part of the posterior",
            f"Pareto k is {finding.value:.2f}; up to 0.7 is sound",
            {"engine": "nuts"},
            "sample with NUTS",
            about="sampling",
        )


def check_divergences(case: Case) -> Iterator[Step]:
    """Yield divergences, with the other parameterization of the first group."""
    for finding in _found(case, "share of divergences"):
        groups = [group for p in case.posterior.spec.predictors.values() for group in p.groups]
        change = {"centered": not groups[0].is_centered} if groups else {}
        yield Step(
            "divergences",
            "the sampler could not follow the posterior where it is steep: estimates may be biased",
            f"{finding.value:.2%} of the draws diverged",
            change,
            "try the other parameterization, then tighter priors on the standard deviations",
            _gravity(finding),
            about="sampling",
        )


def check_energy(case: Case) -> Iterator[Step]:
    """Yield heavy tails of the posterior, that the sampler explores slowly."""
    for finding in _found(case, "E-BFMI"):
        spec = case.posterior.spec
        priors = {
            f"sd_{group.name}": "half_normal(1)"
            for group in spec.main.groups[:1]
            if spec.main.link.name != "identity"
        }
        yield Step(
            "low energy information",
            "the posterior has long tails that the sampler explores slowly",
            f"E-BFMI is {finding.value:.2f}; 0.3 and more is sound",
            {"priors": priors} if priors else {"tune": 2 * max(case.posterior.record.tune, 500)},
            "tighten the priors of the standard deviations",
            about="sampling",
        )


def check_tree_depth(case: Case) -> Iterator[Step]:
    """Yield trajectories cut short."""
    for finding in _found(case, "share of draws at the largest tree depth"):
        yield Step(
            "trajectories cut short",
            "the sampler runs out of steps: parameters differ a lot in scale or depend strongly on "
            "each other",
            f"{finding.value:.0%} of the draws at the largest tree depth",
            {"tune": 2 * max(case.posterior.record.tune, 500)},
            finding.measure.action,
            _gravity(finding),
            about="sampling",
        )


def check_mixing(case: Case) -> Iterator[Step]:
    """Yield chains that disagree, or too few effective draws."""
    record = case.posterior.record
    change = {"draws": 2 * max(record.draws, 500), "tune": 2 * max(record.tune, 500)}
    for finding in _found(case, "R-hat"):
        yield Step(
            "chains disagree",
            f"chains have not come to agree about `{finding.parameter}`",
            f"R-hat is {finding.value:.3f}; up to 1.01 is sound",
            change,
            "sample longer",
            _gravity(finding),
            about="sampling",
        )
    sizes = [f for name in ("bulk ESS", "tail ESS") for f in _found(case, name)]
    if sizes:
        worst = min(sizes, key=lambda finding: finding.value)
        yield Step(
            "few effective draws",
            f"there are few effective draws of `{worst.parameter}`",
            f"{worst.measure.name} is {worst.value:.0f}; 400 and more is sound",
            change,
            "sample longer",
            _gravity(worst),
            about="sampling",
        )


def _found(case: Case, measure: str) -> Iterator[Finding]:
    for finding in case.diagnosis.findings:
        if finding.measure.name == measure and finding.verdict != "sound":
            yield finding


def _gravity(finding: Finding) -> Gravity:
    return "grave" if finding.verdict == "do not use" else "notable"
