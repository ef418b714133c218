from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.posterior import Posterior


@pytest.fixture(autouse=True)
def no_windows():
    matplotlib.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session")
def counts() -> Posterior:
    """Return a Poisson fit with a factor, draws from narrow priors."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame(
        {
            "y": rng.poisson(3.0, 60).astype(int),
            "dose": np.tile(["low", "mid", "high"], 20),
            "clinic": np.repeat([f"c{i}" for i in range(12)], 5),
        }
    )
    priors = {"b": "normal(0, 0.2)", "Intercept": "normal(1, 0.2)", "sd": "exponential(4)"}
    return make_posterior("y ~ dose + (1 | clinic)", data, family="poisson", priors=priors)


@pytest.fixture(scope="session")
def related() -> Posterior:
    """Return a fit with a known covariance: two families of three, shuffled."""
    K = pd.DataFrame(np.eye(6), index=list("abcdef"), columns=list("abcdef"))
    for family in ("ace", "bdf"):
        for one in family:
            for other in family:
                K.loc[one, other] = 1.0 if one == other else 0.5
    data = pd.DataFrame({"y": np.arange(12.0), "id": list("abcdef") * 2})
    return make_posterior("y ~ 1 + (1 | gr(id, cov=K))", data, relations={"K": _relation(K)})


def _relation(K: pd.DataFrame):
    from poolish.relations import as_relation

    return as_relation(K, name="K")
