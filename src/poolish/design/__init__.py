"""Formula and table to arrays, and the recipe that repeats it on new data."""

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.design.build import (
    build_design,
    evaluate_predictor,
    evaluate_response,
    prepare_table,
)
from poolish.design.recipe import Recipe, recipe_from_json, recipe_to_json

__all__ = [
    "Design",
    "GroupDesign",
    "PredictorDesign",
    "Recipe",
    "ResponseDesign",
    "build_design",
    "evaluate_predictor",
    "evaluate_response",
    "prepare_table",
    "recipe_from_json",
    "recipe_to_json",
]
