from __future__ import annotations

import json

import numpy as np
import pytest

from poolish.design import evaluate_predictor, recipe_from_json, recipe_to_json
from poolish.errors import UnknownNameError
from poolish.frame import read_table

RICH = [
    "y ~ C(f, sum) * scale(x) + ns(z, df=3) + poly(s, 2) + within(x, id) + (1 + h | id)",
    "sigma ~ bs(z) + (1 | f)",
]


def test_a_recipe_survives_json_exactly(build, data):
    design, recipe = build(RICH)

    loaded = recipe_from_json(json.loads(json.dumps(recipe_to_json(recipe))))

    assert loaded == recipe
    for parameter, expected in design.predictors.items():
        found = evaluate_predictor(loaded, parameter, read_table(data), groups=True)
        np.testing.assert_array_equal(found.X, expected.X)
        assert found.coefs == expected.coefs
        for group, fitted in zip(found.groups, expected.groups, strict=True):
            np.testing.assert_array_equal(group.Z, fitted.Z)
            np.testing.assert_array_equal(group.codes, fitted.codes)


def test_a_parameter_without_a_formula_is_an_error(build, data):
    _, recipe = build(RICH)

    with pytest.raises(UnknownNameError, match=r"parameter `zi`(.*\n)*.*one of mu, sigma"):
        evaluate_predictor(recipe, "zi", read_table(data), groups=False)
