"""The replicate crossover of the European Medicines Agency, data set I, against lme4."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poolish as po

SHARED = Path(__file__).parents[2] / "shared"
DATA = SHARED / "external" / "bioeq_DS01.csv"
FORMULA = "log(PK) ~ sequence + factor(period) + treatment + (1 | subject)"

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason="the data are not part of the project")


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(DATA).astype({"subject": str})


@pytest.mark.parametrize("method", ["ML", "REML"])
def test_estimates_are_those_of_lme4(data, method):
    reference = json.loads((SHARED / f"reference/lme4/bioeq_DS01__lme4_{method}.json").read_text())

    found = po.mle(FORMULA, data, reml=method == "REML")

    fixed = reference["fixed"]
    np.testing.assert_allclose(found.b, fixed["estimate"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(found.vcov)), fixed["se"], rtol=1e-5)
    assert found.sigma == pytest.approx(reference["sigma"], rel=1e-6)
    assert found.log_likelihood == pytest.approx(reference["logLik"], abs=1e-6)


def test_the_interval_of_the_ratio_is_that_of_the_agency(data):
    fit = po.fit(FORMULA, data, seed=1)

    lower, upper = np.exp(fit.posterior["b"].sel(coef="treatment[T]")).quantile([0.05, 0.95])

    # EMA (2016), Annex II, data set I, method B: 107.17 to 124.97 %.
    assert float(lower) == pytest.approx(1.0717, abs=0.01)
    assert float(upper) == pytest.approx(1.2497, abs=0.01)
