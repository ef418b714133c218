"""What a family changes in a design: one predictor per category, thresholds for an intercept."""

from __future__ import annotations

from dataclasses import replace

from poolish.design import Recipe, evaluate_predictor
from poolish.design.arrays import Design, PredictorDesign
from poolish.errors import FamilyError
from poolish.frame import Table
from poolish.spec.family import Family
from poolish.spec.model import PredictorSpec


def adapt_design(family: Family, design: Design) -> Design:
    """Return the design with the predictors that a family has for this response.

    Parameters
    ----------
    family : Family
        A categorical family has the main formula once per level but the first; an ordinal one has
        thresholds in place of the main intercept.
    design : Design

    Raises
    ------
    FamilyError
        If the family cannot have produced the response, or has no parameter of a formula.
    """
    family.check(design.response)
    _check_parameters(family, design)
    predictors: dict[str, PredictorDesign] = {}
    for name in (row.name for row in family.active(design.response)):
        source = formula_parameter(family, name)
        if source in design.predictors:
            predictor = design.predictors[source]
            drops = family.replaces_intercept and source == family.main.name
            predictors[name] = _without_intercept(predictor) if drops else predictor
    return replace(design, predictors=predictors)


def formula_parameter(family: Family, name: str) -> str:
    """Return the parameter whose formula models `name`: the main one for `mu` of a category."""
    known = {row.name for row in family.parameters}
    return name if name in known else family.main.name


def evaluate_adapted(
    recipe: Recipe, predictor: PredictorSpec, table: Table, *, groups: bool
) -> PredictorDesign:
    """Return a predictor's design on new data, with the columns that were fitted."""
    arrays = evaluate_predictor(recipe, predictor.formula_of, table, groups=groups)
    is_dropped = arrays.has_intercept and not predictor.has_intercept
    return _without_intercept(arrays) if is_dropped else arrays


def _without_intercept(predictor: PredictorDesign) -> PredictorDesign:
    if not predictor.has_intercept:
        return predictor
    return replace(predictor, X=predictor.X[:, 1:], coefs=predictor.coefs[1:], has_intercept=False)


def _check_parameters(family: Family, design: Design) -> None:
    known = [parameter.name for parameter in family.parameters]
    unknown = [name for name in design.predictors if name not in known]
    if unknown:
        raise FamilyError(
            f"family `{family.name}` has no parameter `{unknown[0]}`",
            given=f"a formula for `{unknown[0]}`",
            expected=f"formulas for {', '.join(known)}",
            fix=f"leave the formula `{unknown[0]} ~ ...` out, or choose a family that has it",
        )
