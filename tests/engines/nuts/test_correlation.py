"""LKJ correlations from Beta variables."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from poolish.engines.nuts.correlation import add_correlation_factor, correlation
from poolish.spec.prior import Prior


@pytest.mark.parametrize(("n_effects", "eta"), [(2, 1.0), (3, 2.0), (4, 0.7)])
def test_every_correlation_has_the_lkj_marginal(n_effects: int, eta: float) -> None:
    # Lewandowski, Kurowicka & Joe (2009), section 3: (rho + 1) / 2 ~ Beta(a, a).
    with pm.Model():
        rows = add_correlation_factor("partial", n_effects, Prior("lkj", (eta,)))
    pairs = [correlation(rows, i, j) for i in range(n_effects) for j in range(i)]
    a = eta + (n_effects - 2) / 2

    draws = np.array(pm.draw(pairs, draws=4000, random_seed=1, mode="FAST_COMPILE"))

    for rho in draws:
        assert stats.kstest((rho + 1) / 2, stats.beta(a, a).cdf).pvalue > 1e-4


def test_one_effect_makes_no_variable() -> None:
    with pm.Model() as model:
        rows = add_correlation_factor("partial", 1, Prior("lkj", (2.0,)))

    assert rows == [[1.0]] and model.free_RVs == []
    assert correlation(rows, 0, 0) == 1.0
