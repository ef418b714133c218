"""Group effects with a known covariance between levels."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy import sparse, stats

from poolish.engines.nuts import relation as room
from poolish.engines.nuts.relation import add_related_normals, covariance_factor
from poolish.relations.relation import Relation


def test_factor_of_a_singular_covariance_drops_its_null_directions() -> None:
    A = np.random.default_rng(1).normal(size=(5, 3))
    twins = A @ A.T

    F = covariance_factor(twins)

    assert F.shape == (5, 3)
    np.testing.assert_allclose(F @ F.T, twins)


def test_sparse_precision_gives_the_multivariate_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DENSE_LEVELS", 2)
    Q = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -0.5], [0.0, -0.5, 1.5]])
    relation = Relation(
        ("a", "b", "c"), precision=sparse.csc_array(Q), log_determinant=-np.linalg.slogdet(Q)[1]
    )
    with pm.Model() as model:
        add_related_normals("z", relation, 1)
    point = {"z_0": np.array([0.3, -1.2, 0.8])}

    logp = model.compile_fn(model.logp(), mode="FAST_COMPILE")(point)

    expected = stats.multivariate_normal(cov=np.linalg.inv(Q)).logpdf(point["z_0"])
    assert float(logp) == pytest.approx(expected)


def test_levels_are_drawn_with_their_covariance() -> None:
    A = np.random.default_rng(2).normal(size=(3, 3))
    K = A @ A.T
    with pm.Model():
        first, second = add_related_normals("z", Relation(("a", "b", "c"), covariance=K), 2)

    u, w = pm.draw([first, second], draws=20000, random_seed=3, mode="FAST_COMPILE")

    scale = np.sqrt(np.outer(np.diag(K), np.diag(K)) + K**2) / np.sqrt(20000)  # Wishart
    assert (np.abs(np.cov(u.T) - K) < 4 * scale).all()
    cross = np.sqrt(np.outer(np.diag(K), np.diag(K)) / 20000)
    assert (np.abs(u.T @ w / 20000) < 4 * cross).all()
