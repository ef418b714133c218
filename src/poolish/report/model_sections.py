"""The model, the data, the priors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from poolish.formula import columns
from poolish.formula.walk import linear_formulas
from poolish.frame import FactorColumn, as_factor
from poolish.plots import make_picture
from poolish.report.blocks import Block, Code, Formulae, Items, Section, Text
from poolish.report.equations import model_equations, model_sentences
from poolish.report.facts import Facts
from poolish.report.figures import as_figure
from poolish.report.tables import as_table, plain_table
from poolish.summaries.numbers import count_decimals, format_number
from poolish.summaries.priors import tabulate_priors

_MOST_LISTED = 20


def model(facts: Facts) -> Section:
    """Return the model: formula, words, equations."""
    posterior = facts.posterior
    blocks = (
        Code(posterior.record.formula),
        Items(tuple(model_sentences(posterior))),
        Formulae(model_equations(posterior)),
    )
    return Section("model", "Model", blocks)


def data(facts: Facts) -> Section:
    """Return the data: rows, columns, groups, rows left out."""
    posterior = facts.posterior
    dropped = posterior.record.dropped_rows
    text = f"{posterior.design.n_obs:,} rows were used."
    text += " No row was left out." if not dropped else (
        f" {len(dropped):,} rows were left out for missing values: "
        + ", ".join(dropped[:_MOST_LISTED]) + (", ..." if len(dropped) > _MOST_LISTED else "") + "."
    )  # fmt: skip
    blocks: list[Block] = [Text(text), plain_table(_columns(facts), "Columns")]
    groups = pd.DataFrame(list(_groups(facts)))
    if len(groups):
        blocks.append(plain_table(groups, "Groups"))
    return Section("data", "Data", tuple(blocks))


def priors(facts: Facts) -> Section:
    """Return the priors with what they mean, and what the data made of them."""
    table = as_table(tabulate_priors(facts.posterior.spec, ci_prob=facts.ci_prob))
    picture = make_picture(facts.posterior, "prior_posterior", labels=facts.labels)
    text = (
        "Before the data, each parameter was believed to lie in its range with probability "
        f"{facts.ci_prob:.0%}."
    )
    found = facts.sensitivity
    said = {"parameter": "parameter", "prior": "prior", "likelihood": "likelihood",
            "most_by": "moved most by", "reading": "reading"}  # fmt: skip
    weighed = () if found is None else (as_table(found, columns=said),)
    return Section("priors", "Priors", (Text(text), table, as_figure(picture), *weighed))


def _columns(facts: Facts) -> pd.DataFrame:
    table = facts.posterior.table
    rows = []
    terms = [t for right in linear_formulas(facts.posterior.spec.formula) for t in right.groups]
    grouping = {variable.name for term in terms for variable in term.grouping.variables}
    for name in columns(facts.posterior.spec.formula):
        column, stated = table.columns[name], facts.labels.get(name, {})
        column = as_factor(column) if name in grouping else column
        if isinstance(column, FactorColumn):
            values = f"{len(column.levels):,} levels: " + ", ".join(column.levels[:4])
            values += ", ..." if len(column.levels) > 4 else ""
        else:
            v = np.asarray(column.values, float)
            decimals = count_decimals(float(v.std()))
            low, high, mean, sd = (
                format_number(float(x), decimals) for x in (v.min(), v.max(), v.mean(), v.std())
            )
            values = f"{low} to {high}, mean {mean}, sd {sd}"
        rows.append({"column": name, "label": stated.get("label", ""),
                     "unit": stated.get("unit", ""), "values": values})  # fmt: skip
    return pd.DataFrame(rows)


def _groups(facts: Facts) -> Iterator[dict[str, str]]:
    groups = {g.name: g for p in facts.posterior.design.predictors.values() for g in p.groups}
    for name, group in groups.items():
        counts = np.bincount(group.codes, minlength=group.n_levels)
        yield {
            "group": name,
            "levels": f"{group.n_levels:,}",
            "rows each": f"{counts.min():,}"
            if counts.min() == counts.max()
            else f"{counts.min():,} to {counts.max():,}, median {np.median(counts):g}",
        }
