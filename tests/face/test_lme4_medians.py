"""Posterior medians under the default priors against lme4's REML estimates.

Reference: lme4 1.1-31, tests/reference/lme4. Tolerance: 0.35 posterior sd, variances on the log
scale: the default priors are weak, and the median of a variance is not its REML estimate.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poolish as po

ROOT = Path(__file__).parents[2]
LIMIT = 0.35

CASES = {
    "dietox_intercept": ("dietox", "Weight ~ Time + (1 | Pig)", {"Pig": "Pig"}),
    "dietox_slope": ("dietox", "Weight ~ Time + (1 + Time | Pig)", {"Pig": "Pig"}),
    "penicillin": (
        "penicillin",
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        {"plate": "plate", "sample": "sample"},
    ),
    "pastes": (
        "pastes",
        "strength ~ 1 + (1 | batch/cask)",
        {"batch": "batch", "cask:batch": "batch:cask"},
    ),
    "dyestuff": ("dyestuff", "Yield ~ 1 + (1 | Batch)", {"Batch": "Batch"}),
}


def distance(draws: np.ndarray, estimate: float) -> float:
    """Return how far the median is from an estimate, in posterior standard deviations."""
    return float(abs(np.median(draws) - estimate) / draws.std())


@pytest.mark.parametrize("name", CASES)
def test_medians_are_near_the_reml_estimates(name: str) -> None:
    folder, formula, groups = CASES[name]
    file = ROOT / "tests" / "reference" / "lme4" / f"{name}__lme4_REML.json"
    reference = json.loads(file.read_text())
    data = pd.read_csv(ROOT / "models" / folder / "data.csv")

    posterior = po.fit(formula, data, seed=1, progress=False).posterior

    b = posterior["b"].values.reshape(-1, posterior.sizes["coef"])
    distances = [distance(b[:, k], value) for k, value in enumerate(reference["fixed"]["estimate"])]
    for part in reference["varcomp"]:
        sds = posterior[f"sd_{groups[part['group']]}"].values.reshape(-1, len(part["sd"]))
        distances += [distance(np.log(sds[:, k]), np.log(sd)) for k, sd in enumerate(part["sd"])]
    distances.append(distance(np.log(posterior["sigma"].values), np.log(reference["sigma"])))
    assert max(distances) <= LIMIT
