"""A declared model as a `bambi.Model`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from poolish.bambi.columns import columns_of, find_group, match_column
from poolish.bambi.counterparts import BY_OURS, LINKS, FamilyRow, Part, refuse
from poolish.bambi.priors import from_prior, join_priors
from poolish.design import build_design
from poolish.design.arrays import PredictorDesign
from poolish.errors import load_extra
from poolish.frame import FactorColumn, Table
from poolish.spec.model import GroupSpec, ModelSpec

if TYPE_CHECKING:
    import bambi
    import pandas as pd


def build_bambi(spec: ModelSpec, table: Table) -> bambi.Model:
    """Return a declared model as a `bambi.Model`.

    Parameters
    ----------
    spec : ModelSpec
    table : Table
        The rows used.

    Raises
    ------
    UnsupportedError
        If bambi cannot declare it: correlated group effects, a known covariance, a
        distributional formula, a response term, family or prior without a counterpart.
    """
    bmb = load_extra("bambi", "bambi", need="a bambi model needs", instead="use `model.to_pymc()`")
    row = _check_spec(spec)
    design, _ = build_design(spec.formula, table, {})
    common: dict[str, Any] = {
        "formula": _to_formulae(spec),
        "data": _to_frame(table),
        "family": row.theirs,
        "link": {v: k for k, v in LINKS.items()}.get(spec.main.link.name, spec.main.link.name),
        "center_predictors": spec.main.intercept_at == "average",
    }
    bare = bmb.Model(**common)
    bare.build()
    parent = bare.conditional_parameters[bare.family.likelihood.parent]
    priors = {
        **dict(_common_priors(spec, parent, design.main)),
        **dict(_group_priors(spec, parent, design.main)),
        **{
            theirs: from_prior(spec.auxiliary[ours], ours, is_scale=True)
            for theirs, ours in row.parameters.items()
        },
    }
    return bmb.Model(**common, priors=priors)


def _check_spec(spec: ModelSpec) -> FamilyRow:
    if len(spec.predictors) > 1:
        raise refuse(
            "distributional models are not carried over to bambi",
            given=f"formulas for {', '.join(spec.predictors)}",
            fix="keep the main formula only",
        )
    for group in spec.main.groups:
        _check_group(group)
    name = spec.family.name
    additions = {addition for addition, _ in spec.formula.response.additions}
    if name not in BY_OURS or additions - {"trials"}:
        raise refuse(
            f"family `{name}` with {', '.join(sorted(additions)) or 'no response terms'} has no "
            "counterpart in bambi",
            given=f"`{spec.formula}`",
            fix=f"use one of {', '.join(BY_OURS)}, without response terms but `trials()`",
        )
    return BY_OURS[name]


def _check_group(group: GroupSpec) -> None:
    if group.relation is not None:
        raise refuse(
            f"bambi has no known covariance between the levels of `{group.name}`",
            given=f"relation `{group.relation}`",
            fix=f"write `(1 | {group.name})` for independent levels",
        )
    if any(len(block) > 1 for block in group.blocks):
        effects = " + ".join(group.effects).replace("Intercept", "1")
        raise refuse(
            f"bambi cannot correlate the group effects of `{group.name}`: its `({effects} | "
            f"{group.name})` is silently uncorrelated",
            given=f"correlated effects {', '.join(group.effects)}",
            fix=f"write `({effects} || {group.name})` for uncorrelated effects",
        )


def _to_formulae(spec: ModelSpec) -> str:
    formula = spec.formula
    additions = dict(formula.response.additions)
    left, right = str(replace(formula.response, additions=())), str(formula.main)
    if "trials" in additions:
        left = f"p({left}, {additions['trials'].arguments[0]})"
    return f"{left} ~ {right}".replace("||", "|").replace("^", "**")


def _to_frame(table: Table) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.Categorical.from_codes(column.codes, list(column.levels))
            if isinstance(column, FactorColumn)
            else column.values
            for name, column in table.columns.items()
        }
    )


def _common_priors(
    spec: ModelSpec, parent: Part, arrays: PredictorDesign
) -> Iterator[tuple[str, Any]]:
    by_coef = dict(zip(spec.main.coefs, spec.main.priors, strict=True))
    if spec.main.has_intercept:
        yield "Intercept", from_prior(by_coef["Intercept"], "Intercept")
    for name, term in parent.common_terms.items():
        labels = [
            match_column(column, arrays.X, arrays.coefs, name) for column in columns_of(term.data).T
        ]
        yield name, join_priors([by_coef[label] for label in labels], name)


def _group_priors(
    spec: ModelSpec, parent: Part, arrays: PredictorDesign
) -> Iterator[tuple[str, Any]]:
    import bambi as bmb

    specs = {group.name: group for group in spec.main.groups}
    for name, term in parent.group_specific_terms.items():
        group = find_group(name, arrays)
        columns = columns_of(np.ones(len(arrays.X)) if term.kind == "intercept" else term.predictor)
        by_effect = dict(zip(group.effects, specs[group.name].sd_priors, strict=True))
        labels = [match_column(column, group.Z, group.effects, name) for column in columns.T]
        scale = join_priors([by_effect[label] for label in labels], name, is_scale=True)
        yield name, bmb.Prior("Normal", auto_scale=False, mu=0.0, sigma=scale)
