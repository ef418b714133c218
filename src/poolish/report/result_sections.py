"""The results: population effects, variance, groups, trajectories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.errors import DataError, UnknownNameError, UnsupportedError
from poolish.explore.from_fit import explore_fit
from poolish.plots import make_picture
from poolish.plots.groups import AT_MOST
from poolish.plots.rows import predictor_columns
from poolish.predict.policies import group_names
from poolish.report.blocks import Block, Frame, Section, Text
from poolish.report.facts import Facts
from poolish.report.figures import as_figure
from poolish.report.tables import as_table
from poolish.summaries.coefficients import summarise
from poolish.summaries.heritability import summarise_heritability
from poolish.summaries.pooling import summarise_pooling
from poolish.summaries.variance import summarise_variance

_MOST_EFFECT_PICTURES = 3
_MOST_GROUPS = 4


def population(facts: Facts) -> Section:
    """Return the population-level effects and the other parameters that all rows share."""
    result = summarise(facts.posterior, ci_prob=facts.ci_prob)
    is_shown = ~result.frame["parameter"].str.match(r"(sd|cor)_")
    shown = {"parameter": "parameter", "mean": "estimate", "sd": "sd", "lower": "lower",
             "upper": "upper", "rhat": "R-hat", "ess_bulk": "bulk ESS"}  # fmt: skip
    table = as_table(
        result,
        columns=shown,
        rows=np.flatnonzero(is_shown).tolist(),
        title="Population-level effects and parameters of the family",
        caption=f"Posterior mean; {facts.ci_prob:.0%} equal-tailed interval. Coefficients are on "
        f"the {facts.posterior.spec.main.link.name} scale.",
    )
    blocks: list[Block] = [table]
    for name in predictor_columns(facts.posterior)[:_MOST_EFFECT_PICTURES]:
        blocks += _picture(facts, "effects", predictor=name)
    return Section("population", "Population-level effects", tuple(blocks))


def variance(facts: Facts) -> Section | None:
    """Return variance components, shares and heritability; None without groups."""
    if not group_names(facts.posterior.spec):
        return None
    table = as_table(summarise_variance(facts.posterior, ci_prob=facts.ci_prob))
    blocks = (table, *_picture(facts, "variance"), *_kinship(facts))
    return Section("variance", "Variance", blocks)


def groups(facts: Facts) -> Section | None:
    """Return, for each group, how it was pooled, a table, and the explorer; None without groups."""
    names = group_names(facts.posterior.spec)
    blocks: list[Block] = []
    for name in names[:_MOST_GROUPS]:
        blocks += _one_group(facts, name)
    blocks += _explorer(facts)
    return Section("groups", "Groups", tuple(blocks)) if names else None


def trajectories(facts: Facts) -> Section | None:
    """Return the panels of each group; None without groups or predictors."""
    if not group_names(facts.posterior.spec) or not predictor_columns(facts.posterior):
        return None
    return Section("trajectories", "Group by group", tuple(_picture(facts, "trajectories")))


def _kinship(facts: Facts) -> Iterator[Block]:
    """Return heritability by, and the picture of, each known covariance."""
    posterior = facts.posterior
    for group in posterior.spec.main.groups:
        if group.relation is None:
            continue
        try:
            yield as_table(summarise_heritability(posterior, group.name, ci_prob=facts.ci_prob))
        except UnsupportedError as error:
            yield Text(f"No heritability: {error.problem}.")
        yield from _picture(facts, "kinship", group=group.name)


def _one_group(facts: Facts, name: str) -> Iterator[Block]:
    yield from _picture(facts, "pooling", group=name)
    yield from _picture(facts, "caterpillar", group=name)
    result = summarise_pooling(facts.posterior, name, ci_prob=facts.ci_prob)
    rows = _extremes(result.frame["partial"].to_numpy())
    left = len(result.frame) - len(rows)
    known = {"level": "level", "effect": "effect", "n": "n", "own": "own data only",
             "partial": "partial pooling", "lower": "lower", "upper": "upper",
             "complete": "complete pooling", "pooling": "pooling"}  # fmt: skip
    columns = {k: v for k, v in known.items() if k in result.frame}
    caption = result.caption + (f"; the {left:,} rows in the middle are left out" if left else "")
    yield as_table(result, columns=columns, rows=rows, caption=caption)
    effects = next(g.effects for p in facts.posterior.spec.predictors.values()
                   for g in p.groups if g.name == name)  # fmt: skip
    if len(effects) > 1:
        yield from _picture(facts, "slopes_plane", group=name)


def _extremes(values: np.ndarray) -> list[int]:
    """Return the places of the smallest and largest values when there are many, in order."""
    most = 2 * AT_MOST
    if len(values) <= most:
        return list(range(len(values)))
    order = np.argsort(values, kind="stable")
    return sorted([*order[: most // 2].tolist(), *order[-(most // 2) :].tolist()])


def _explorer(facts: Facts) -> Iterator[Block]:
    try:
        explorer = explore_fit(facts.posterior, labels=facts.labels)
    except (UnsupportedError, DataError, UnknownNameError) as error:
        yield Text(f"The shrinkage explorer is left out: {error.problem}.")
        return
    yield Frame(explorer.html, explorer.exploration.title, explorer.policy)


def _picture(facts: Facts, kind: str, **options: object) -> Iterator[Block]:
    try:
        yield as_figure(make_picture(facts.posterior, kind, labels=facts.labels, **options))
    except (UnsupportedError, DataError, UnknownNameError) as error:
        yield Text(f"No picture `{kind}`: {error.problem}.")
