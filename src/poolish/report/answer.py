"""The answer in one paragraph, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from poolish.frame import FactorColumn
from poolish.plots.residuals import FINDING_P, say_finding, tabulate_residuals, uniform_p
from poolish.plots.words import singular
from poolish.posterior.variables import tree_name
from poolish.report.blocks import Items, Section, Text, Verdict
from poolish.report.facts import Facts
from poolish.summaries.diagnosis import format_value
from poolish.summaries.effects import collect_effects
from poolish.summaries.moments import describe_draws
from poolish.summaries.numbers import count_decimals, format_interval, format_number
from poolish.summaries.pooling import average_pooling
from poolish.summaries.sensitivity import NOTABLE

# Effects that are put into words; the table has all.
_MOST_EFFECTS = 4


class Judgement(NamedTuple):
    """Whether nothing was found, and what is said."""

    is_fine: bool
    text: str


def answer(facts: Facts) -> Section:
    """Return the findings in words."""
    sentences = [*_effect_sentences(facts), *_group_sentences(facts)]
    return Section("answer", "Answer", (Text(" ".join(sentences)),))


def verdict(facts: Facts) -> Section:
    """Return the box that says whether to trust the fit."""
    fit, priors = _fit(facts), _priors(facts)
    items = (("Sampling", _sampling(facts)), ("Fit", fit.text), ("Prior sensitivity", priors.text))
    level = facts.diagnosis.verdict
    if level == "sound" and not (fit.is_fine and priors.is_fine):
        level = "use with care"
    box = Verdict(level, items)
    notes = facts.posterior.record.notes
    return Section("verdict", "Can it be trusted?", (box, *((Items(notes),) if notes else ())))


def _effect_sentences(facts: Facts) -> Iterator[str]:
    posterior = facts.posterior
    spec = posterior.spec.main
    response = _name(facts, posterior.design.response.name)
    shown = [(k, name) for k, name in enumerate(spec.coefs) if name != "Intercept"]
    for k, name in shown[:_MOST_EFFECTS] or ([(0, "Intercept")] if spec.coefs else []):
        draws = posterior.draws[spec.variable("b")].values[..., k]
        yield _effect_sentence(facts, response, name, draws)
    if len(shown) > _MOST_EFFECTS:
        yield f"{len(shown) - _MOST_EFFECTS} further effects are in the table below."


def _effect_sentence(facts: Facts, response: str, name: str, draws: np.ndarray) -> str:
    link = facts.posterior.spec.main.link.name
    unit = facts.labels.get(facts.posterior.design.response.name, {}).get("unit", "")
    says, transform = _SCALES.get(link, (f"changes {{1}} ({link} scale) by {{0}}", lambda x: x))
    text = _estimate(transform(draws), facts.ci_prob, unit if link == "identity" else "")
    if name == "Intercept":
        where = "" if link == "identity" else f" ({link} scale)"
        return f"The population average of {response}{where} is {_estimate(draws, facts.ci_prob)}."
    prob = float((draws > 0).mean())
    what = _contrast(facts, name) or f"One unit more of {_with_unit(facts, name)}"
    sure = f"The probability that the effect is above zero is {_probability(prob)}."
    return f"{what} {says.format(text, response)}. {sure}"


# In words, with the estimate and the response; and what is done to the draws before.
_SCALES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "identity": ("changes the mean of {1} by {0}", lambda x: x),
    "log": ("multiplies the mean of {1} by {0}", np.exp),
    "logit": ("multiplies the odds of {1} by {0}", np.exp),
}


def _group_sentences(facts: Facts) -> Iterator[str]:
    posterior = facts.posterior
    for predictor in posterior.spec.predictors.values():
        link = predictor.link.name
        on = "" if link == "identity" else f" ({link} scale)"
        on += "" if predictor is posterior.spec.main else f" of {predictor.parameter}"
        unit = facts.labels.get(posterior.design.response.name, {}).get("unit", "")
        unit = unit if on == "" else ""
        for group in predictor.groups:
            found = collect_effects(posterior, predictor, group)
            sd = posterior.draws[tree_name(predictor.variable("sd", group))].values
            parts = [
                f"{_name(facts, effect)} with sd "
                f"{_estimate(sd[..., k], facts.ci_prob, _unit_of(facts, effect, unit))}"
                for k, effect in enumerate(group.effects)
            ]
            pooling = average_pooling(found)
            means = ", ".join(
                f"{v:.2f} for {_name(facts, e)}" for e, v in pooling.items() if np.isfinite(v)
            )
            borrow = f"; average pooling is {means}" if means else ""
            yield (
                f"The {len(group.levels):,} levels of {_name(facts, group.name)} differ in "
                f"{' and in '.join(parts)}{on}{borrow}."
            )


def _unit_of(facts: Facts, effect: str, unit: str) -> str:
    """Return the unit of an effect: that of the response, per unit of the predictor."""
    per = singular(facts.labels.get(effect, {}).get("unit", ""))
    return f"{unit} per {per}" if unit and per else unit if effect == "Intercept" else ""


def _estimate(draws: np.ndarray, ci_prob: float, unit: str = "") -> str:
    row = {
        name: float(v[0]) for name, v in describe_draws(draws[..., None], ci_prob=ci_prob).items()
    }
    decimals = count_decimals(row["sd"])
    interval = format_interval(row["lower"], row["upper"], decimals)
    mean = " ".join(filter(None, [format_number(row["mean"], decimals), unit]))
    return f"{mean} ({ci_prob:.0%} interval {interval})"


def _with_unit(facts: Facts, column: str) -> str:
    unit = facts.labels.get(column, {}).get("unit", "")
    return _name(facts, column) + (f" ({unit})" if unit else "")


def _contrast(facts: Facts, coef: str) -> str:
    """Return what a coefficient of a factor compares; nothing for a number.

    `sex[female]` is said against the first level where each other level has a coefficient.
    """
    name, bracket, level = coef.removesuffix("]").partition("[")
    column = facts.posterior.table.columns.get(name)
    if not bracket or not isinstance(column, FactorColumn):
        return coef if bracket or ":" in coef else ""
    others = {f"{name}[{other}]" for other in column.levels[1:]}
    against = (
        f" against {column.levels[0]}" if others <= set(facts.posterior.spec.main.coefs) else ""
    )
    return f"{_name(facts, name)} {level}{against}"


def _probability(prob: float) -> str:
    if prob > 0.995:
        return "above 0.99"
    return "below 0.01" if prob < 0.005 else f"{prob:.2f}"


def _name(facts: Facts, column: str) -> str:
    return facts.labels.get(column, {}).get("label", column)


def _sampling(facts: Facts) -> str:
    found, reason = facts.diagnosis, facts.diagnosis.reason
    if reason is not None:
        return f"{reason}. What to do: {reason.measure.action}."
    measures = ("R-hat", "bulk ESS", "tail ESS", "share of divergences", "Pareto k")
    worst = {m: v for m in measures if (v := found.worst(m)) is not None}
    return "Worst values: " + ", ".join(f"{m} {format_value(v)}" for m, v in worst.items()) + "."


def _fit(facts: Facts) -> Judgement:
    residuals = tabulate_residuals(facts.posterior, facts.replicates)
    p = uniform_p(residuals)
    if p < FINDING_P:
        return Judgement(False, f"{say_finding(p, 0)}; look at the predictive checks below.")
    fine = f"Quantile residuals are uniform as they should be (Kolmogorov-Smirnov p = {p:.2f})."
    return Judgement(True, fine)


def _priors(facts: Facts) -> Judgement:
    if facts.sensitivity is None:
        return Judgement(True, "Not weighed: too many rows.")
    frame = facts.sensitivity.frame
    moved = frame[frame["prior"] >= NOTABLE]
    if moved.empty:
        most = f"{frame['prior'].max():.2f}"
        return Judgement(
            True,
            f"The data decide: power-scaling the priors moves no parameter by {NOTABLE} or more "
            f"(the most is {most}).",
        )
    names = "; ".join(f"{r.parameter} {r.prior:.2f} ({r.reading})" for r in moved.itertuples())
    return Judgement(
        False,
        f"Power-scaling the priors moves {len(moved)} of {len(frame)} parameters by {NOTABLE} or "
        f"more: {names}. Say why these priors hold, or fit again with others.",
    )
