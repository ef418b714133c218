"""Draws from the prior: LKJ margins, relations, ordered thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import poolish as po
from poolish.engines.prior import draw_lkj_factor, relation_factor
from poolish.relations.relation import Relation


@pytest.mark.parametrize(("n_effects", "eta"), [(2, 2.0), (3, 1.0), (4, 3.0)])
def test_every_correlation_of_an_lkj_draw_is_beta(n_effects: int, eta: float) -> None:
    factor = draw_lkj_factor(np.random.default_rng(1), n_effects, eta, size=(4000,))

    correlation = factor @ np.swapaxes(factor, -1, -2)
    shape = eta + (n_effects - 2) / 2
    np.testing.assert_allclose(np.diagonal(correlation, axis1=1, axis2=2), 1.0, rtol=1e-12)
    for i, j in zip(*np.tril_indices(n_effects, -1), strict=True):
        margin = (correlation[:, i, j] + 1) / 2
        assert stats.kstest(margin, stats.beta(shape, shape).cdf).pvalue > 1e-3


def test_relation_factor_gives_the_relations_covariance() -> None:
    covariance = np.array([[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]])
    z = np.eye(3)

    root = relation_factor(Relation(("a", "b", "c"), covariance), z)

    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-12)


def test_without_a_relation_levels_stay_independent() -> None:
    z = np.arange(6.0).reshape(3, 2)

    assert relation_factor(None, z) is z


SHARED = {
    "levels": (["y ~ x + (1 |p| g)", "sigma ~ x + (1 |p| g)"], "cor_g__p", 2),
    "slopes": (["y ~ x + (x |p| g)", "sigma ~ (1 |p| g)"], "cor_g__p", 3),
    "one formula": (["y ~ x + (x | g)"], "cor_g", 2),
}


@pytest.mark.parametrize("case", SHARED)
def test_effects_of_the_prior_have_its_correlations(case: str) -> None:
    formula, variable, q = SHARED[case]
    n_levels, n_draws = 40, 2000
    x = np.tile([-1.0, 1.0], n_levels)
    data = pd.DataFrame({"g": np.repeat(np.arange(n_levels), 2).astype(str), "x": x, "y": x})

    model = po.model(formula, data)
    prior = model.prior_predictive(draws=n_draws, seed=1)["prior"]

    names = [""] if len(formula) == 1 else ["", "_sigma"]
    unit = np.concatenate(
        [prior[f"r_g{s}"] / prior[f"sd_g{s}"].values[..., None, :] for s in names], -1
    )
    products = np.einsum("dgi,dgj->dij", unit[0], unit[0]) / n_levels
    cor = prior[variable].values[0]
    for i, j in zip(*np.tril_indices(q), strict=True):
        excess = products[:, i, j] - cor[:, i, j]
        for weight in (np.ones(n_draws), cor[:, i, j]):
            noise = (excess * weight).std() / np.sqrt(n_draws)
            assert abs((excess * weight).mean()) < 4 * noise, (i, j)
        # The margin of LKJ(2): Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100.
        if i != j:
            margin = stats.beta(2 + (q - 2) / 2, 2 + (q - 2) / 2)
            assert stats.kstest((cor[:, i, j] + 1) / 2, margin.cdf).pvalue > 1e-3


def test_thresholds_are_drawn_at_average_predictors() -> None:
    x = np.random.default_rng(1).normal(size=30)
    grades = pd.Categorical(np.resize(["a", "b", "c"], 30), ordered=True)
    near, far = (
        po.model("grade ~ x", pd.DataFrame({"grade": grades, "x": x + origin}), family="cumulative")
        .prior_predictive(draws=50, seed=1)["prior_predictive"]
        .ds
        for origin in (0.0, 2000.0)
    )

    for name in near:
        np.testing.assert_array_equal(far[name], near[name])
