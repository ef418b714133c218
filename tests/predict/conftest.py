"""Fits with draws from the prior: predictions are arithmetic whatever the draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "y": rng.normal(size=24),
            "x": rng.normal(size=24),
            "s": rng.integers(0, 9, size=24),
            "n": 9,
            "w": rng.uniform(0.5, 2.0, size=24),
            "g": np.repeat([308, 309, 310, 20, 21, 22], 4),
            "item": list("uvwz") * 6,
        }
    )


@pytest.fixture(scope="session")
def slopes(rows):
    priors = {"b": "normal(0, 1)", "Intercept": "normal(0, 1)", "cor_g": "lkj(1)"}
    return make_posterior("y ~ x + (x | g)", rows, priors=priors)


@pytest.fixture(scope="session")
def crossed(rows):
    return make_posterior("y ~ x + (1 | g) + (1 | item)", rows)


@pytest.fixture(scope="session")
def logistic(rows):
    priors = {"b": "normal(0, 1)", "Intercept": "normal(0, 1)", "sd_g": "normal(0, 1.5)"}
    return make_posterior("s | trials(n) ~ x + (x | g)", rows, family="binomial", priors=priors)
