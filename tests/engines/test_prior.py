"""Draws from the prior: LKJ margins, relations, ordered thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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
