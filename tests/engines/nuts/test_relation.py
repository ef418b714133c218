"""Group effects with a known covariance between levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import sparse, stats

from poolish.engines.nuts.relation import add_related_normals, covariance_factor
from poolish.engines.nuts.triangular import solve_triangle
from poolish.relations import Pedigree, Relation, precision
from poolish.relations.triangle import triangular_root


def test_factor_of_a_singular_covariance_drops_its_null_directions() -> None:
    A = np.random.default_rng(1).normal(size=(5, 3))
    twins = A @ A.T

    F = covariance_factor(twins)

    assert F.shape == (5, 3)
    np.testing.assert_allclose(F @ F.T, twins)


def pedigree_relation(n: int = 40) -> Relation:
    rng = np.random.default_rng(4)
    born = np.arange(n)
    parent = np.where(born < 6, -1, rng.integers(0, np.maximum(born, 1), (2, n)))
    sire, dam = 2 * (parent[0] // 2), 2 * (parent[1] // 2) + 1  # even are male
    rows = {
        "id": born,
        "sire": np.where((parent[0] < 0) | (sire >= born), "NA", sire.astype(str)),
        "dam": np.where((parent[1] < 0) | (dam >= born), "NA", dam.astype(str)),
    }
    order = rng.permutation(n)  # offspring before parents too
    return Pedigree.from_frame(
        pd.DataFrame(rows).iloc[order], id="id", sire="sire", dam="dam"
    ).relation()


def sparse_relation(n: int = 30) -> Relation:
    rng = np.random.default_rng(5)
    W = sparse.random(n, n, 0.1, random_state=rng)
    return precision((W.T @ W + sparse.eye(n)).tocsc(), range(n))


@pytest.mark.parametrize("make", [pedigree_relation, sparse_relation])
@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_a_sparse_solve_has_the_covariance_and_its_gradient(
    make: Callable[[], Relation], mode: str
) -> None:
    relation = make()
    n = relation.n_units
    z, weight = pt.vector("z"), np.random.default_rng(6).normal(size=n)
    u = solve_triangle(triangular_root(relation), z)

    run = pytensor.function([z], [u, pt.grad(pt.sum(weight * u**2), z)], mode=mode)

    F = np.column_stack([run(e)[0] for e in np.eye(n)])
    covariance = np.linalg.inv(relation.precision.toarray())
    np.testing.assert_allclose(F @ F.T, covariance, atol=1e-12)
    point = np.random.default_rng(7).normal(size=n)
    value, gradient = run(point)
    np.testing.assert_allclose(value, F @ point, atol=1e-12)
    np.testing.assert_allclose(gradient, 2 * F.T @ (weight * (F @ point)), atol=1e-11)


def test_a_pedigree_model_has_the_density_of_dense_algebra() -> None:
    relation = pedigree_relation()
    n, rng = relation.n_units, np.random.default_rng(8)
    y = rng.normal(size=n)
    with pm.Model() as model:
        (u,) = add_related_normals("z", relation, 1)
        pm.Normal("y", 0.7 * u, 0.5, observed=y)
    z = rng.normal(size=(1, n))

    logp = model.compile_fn(model.logp(), mode="FAST_COMPILE")({"z": z})
    slope = model.compile_fn(model.dlogp(), mode="FAST_COMPILE")({"z": z})

    order = relation.generation_order
    T = np.linalg.inv(relation.root[order][:, order].toarray())  # the Cholesky factor of A
    A = np.linalg.inv(relation.precision.toarray())[np.ix_(order, order)]
    np.testing.assert_allclose(T @ T.T, A, atol=1e-12)
    effects = 0.7 * T @ z[0]
    expected = stats.norm.logpdf(z).sum() + stats.norm(effects, 0.5).logpdf(y[order]).sum()
    assert float(logp) == pytest.approx(expected)
    np.testing.assert_allclose(slope, 0.7 * T.T @ (y[order] - effects) / 0.25 - z[0], atol=1e-10)


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
