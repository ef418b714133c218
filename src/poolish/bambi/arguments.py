"""A bambi model as the arguments of `po.model`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from poolish.bambi.columns import columns_of, find_group, match_column
from poolish.bambi.counterparts import BY_THEIRS, LINKS, FamilyRow, Part, refuse
from poolish.bambi.priors import split_prior, to_prior
from poolish.design import build_design
from poolish.design.arrays import PredictorDesign
from poolish.formula import parse
from poolish.formula.terms import Formula, GroupTerm, LinearFormula
from poolish.frame import read_table
from poolish.spec.families import family
from poolish.spec.prior import Prior

if TYPE_CHECKING:
    import bambi

_PROPORTION = re.compile(r"^\s*(?:p|prop|proportion)\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def bambi_arguments(model: bambi.Model) -> dict[str, Any]:
    """Return `formula`, `data`, `family` and `priors` for `po.model`, from a `bambi.Model`.

    Parameters
    ----------
    model : bambi.Model
        Built here when it is not yet: bambi makes its default priors then.

    Raises
    ------
    UnsupportedError
        If the model has a part without a counterpart: a family, a prior, a potential, a
        distributional formula, a term that becomes other columns here.
    """
    row = _family_row(model)
    _check_parts(model)
    if not model.built:
        model.build()
    formula = _uncorrelated(parse(_PROPORTION.sub(r"\1 | trials(\2)", model.formula.main)))
    design, _ = build_design(formula, read_table(model.data), {})
    parent = model.conditional_parameters[model.family.likelihood.parent]
    links = {k: LINKS.get(link.name, link.name) for k, link in model.family.link.items()}
    auxiliary = {
        row.parameters[name]: to_prior(part.prior, name)
        for name, part in model.marginal_parameters.items()
    }
    return {
        "formula": str(formula),
        "data": model.data,
        "family": family(row.ours, link=links[model.family.likelihood.parent]),
        "priors": {
            **_intercept(parent, is_average=model.center_predictors),
            **dict(_coef_priors(parent, design.main)),
            **dict(_sd_priors(parent, design.main)),
            **auxiliary,
        },
    }


def _family_row(model: bambi.Model) -> FamilyRow:
    name = model.family.name
    if name not in BY_THEIRS:
        raise refuse(
            f"bambi's family `{name}` is not carried over",
            given=f"a bambi model of family `{name}`",
            fix=f"use one of {', '.join(BY_THEIRS)}, or declare the model with `po.model`",
        )
    return BY_THEIRS[name]


def _check_parts(model: bambi.Model) -> None:
    fix = "leave it out of the bambi model, or declare the whole with `po.model`"
    if model.potentials:
        raise refuse("bambi's potentials are not carried over", given="`potentials=`", fix=fix)
    if model.formula.additionals:
        raise refuse(
            "formulas of further parameters are not carried over from bambi",
            given=", ".join(map(str, model.formula.additionals)),
            fix='declare them here: `po.model(["y ~ x", "sigma ~ x"], data)`',
        )


def _uncorrelated(formula: Formula) -> Formula:
    """Return the formula with every `(x | g)` as `(x || g)`, which is what bambi fits."""

    def split(term: GroupTerm) -> GroupTerm:
        return replace(term, is_correlated=len(term.effects) < 2)

    main = formula.main
    groups = tuple(split(term) for term in main.groups)
    return Formula(formula.response, LinearFormula(main.terms, groups, main.offsets))


def _intercept(parent: Part, *, is_average: bool) -> dict[str, Prior]:
    if parent.intercept_term is None:
        return {}
    key = "Intercept" if is_average else "b[Intercept]"
    return {key: to_prior(parent.intercept_term.prior, "Intercept")}


def _coef_priors(parent: Part, arrays: PredictorDesign) -> Iterator[tuple[str, Prior]]:
    for name, term in parent.common_terms.items():
        columns = columns_of(term.data)
        for column, prior in zip(columns.T, split_prior(term.prior, columns.shape[1]), strict=True):
            yield f"b[{match_column(column, arrays.X, arrays.coefs, name)}]", to_prior(prior, name)


def _sd_priors(parent: Part, arrays: PredictorDesign) -> Iterator[tuple[str, Prior]]:
    for name, term in parent.group_specific_terms.items():
        group = find_group(name, arrays)
        columns = columns_of(np.ones(len(arrays.X)) if term.kind == "intercept" else term.predictor)
        prior = term.prior
        scale = prior.args.get("sigma")
        if prior.name != "Normal" or np.any(prior.args["mu"]) or not hasattr(scale, "args"):
            raise refuse(
                f"the prior of bambi's term `{name}` is not a normal of unknown scale",
                given=f"{name} ~ {prior}",
                fix='give it `bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfNormal", sigma=1))`',
            )
        for column, part in zip(columns.T, split_prior(scale, columns.shape[1]), strict=True):
            effect = match_column(column, group.Z, group.effects, name)
            yield f"sd_{group.name}[{effect}]", to_prior(part, name)
