"""Which models are declined, and the reason given."""

import re

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.engines.quadrature import ENGINE

DATA = pd.DataFrame(
    {
        "y": np.tile([0, 1, 1], 60),
        "c": np.tile([0, 1, 5], 60),
        "x": np.linspace(-1, 1, 180),
        "g": np.repeat([f"g{i}" for i in range(60)], 3),
        "h": [f"h{i}" for i in range(180)],
        "k": [f"k{i % 170}" for i in range(180)],
        "s": np.tile(["none", "right", "none"], 60),
    }
)


@pytest.mark.parametrize(
    ("formula", "options", "reason"),
    [
        ("c ~ x + (1 | g)", {"family": "geometric"}, "the family is geometric, not one of"),
        ("c | cens(s) ~ x + (1 | g)", {"family": "poisson"}, "the response is censored"),
        ("c | trunc(lb=0) ~ x + (1 | g)", {"family": "poisson"}, "the response is truncated"),
        (["c ~ x + (1 | g)", "shape ~ x"], {"family": "negbinomial"}, "`shape` has a formula"),
        ("y ~ x + (x | g)", {"family": "bernoulli"}, "the effects of `g` are correlated"),
        ("y ~ x + (1 | h) + (1 | k)", {"family": "bernoulli"}, "172 coefficients and effects"),
        (
            "y ~ x + (x + I(x^2) + I(x^3) + I(x^4) + I(x^5) + I(x^6) || g)",
            {"family": "bernoulli"},
            "coefficients and effects besides|variance and shape parameters",
        ),
    ],
)
def test_the_reason_is_given(formula, options, reason, make_model):
    spec, design = make_model(formula, DATA, **options)

    found = ENGINE.can_fit(spec, design)

    assert found is not None
    assert re.search(reason, found)


def test_relatives_are_not_integrated_level_by_level():
    K = (np.eye(60), sorted(set(DATA["g"])))
    model = po.model("c ~ x + (1 | kin(g, K))", DATA, family="poisson", relations={"K": K})

    found = ENGINE.can_fit(model.spec, model.design)

    assert found == "`g` has a known covariance between its levels"


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x", "y ~ 0 + x + (1 | h) + (1 | g)"])
def test_scalar_effects_are_within_reach(formula, make_model):
    spec, design = make_model(formula, DATA, family="bernoulli")

    assert ENGINE.can_fit(spec, design) is None
    assert "bernoulli" in ENGINE.describe(spec)
