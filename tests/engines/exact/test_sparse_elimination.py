from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from poolish.engines.exact.sparse_elimination import factor_sparse, plan_elimination
from poolish.engines.exact.sparse_pattern import Pattern, pattern_of


def tree_like(n: int, seed: int = 1) -> sparse.csc_matrix:
    """A positive definite matrix with a few hubs and many unknowns of few neighbours."""
    rng = np.random.default_rng(seed)
    child = np.arange(10, n)
    parent = rng.integers(0, np.maximum(child // 3, 1))
    lower = sparse.csr_matrix((rng.uniform(-1, 1, len(child)), (child, parent)), (n, n))
    factor = sparse.eye(n) + lower
    return (factor.T @ factor + sparse.diags(rng.uniform(0, 1, n))).tocsc()


def grid(side: int) -> sparse.csc_matrix:
    """Neighbours on a square, which fill up when they are eliminated, each with a leaf."""
    path = sparse.diags_array([np.ones(side - 1), np.ones(side - 1)], offsets=[-1, 1])
    around = sparse.kron(path, sparse.eye(side)) + sparse.kron(sparse.eye(side), path)
    leaf = 0.3 * sparse.eye(side**2)
    return sparse.bmat([[4.5 * sparse.eye(side**2) - around, leaf], [leaf, leaf]]).tocsc()


def planned(matrix: sparse.csc_matrix):
    matrix.sort_indices()
    pattern = Pattern(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64))
    columns = np.repeat(np.arange(pattern.size), np.diff(matrix.indptr))
    data = np.where(matrix.indices == columns, np.diff(matrix.indptr)[columns] + 1.0, -1.0)
    return plan_elimination(pattern, data)


@pytest.mark.parametrize("n", [1, 2, 30, 400])
def test_solution_and_determinant_are_numpys(n: int) -> None:
    matrix = tree_like(n)
    B = np.random.default_rng(2).normal(size=(n, 3))

    factor = factor_sparse(planned(matrix), matrix.data)

    dense = matrix.toarray()
    np.testing.assert_allclose(factor.solve(B), np.linalg.solve(dense, B), atol=1e-12)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], abs=1e-10)


def test_several_rounds_leave_a_small_rest() -> None:
    plan = planned(tree_like(400))

    assert len(plan.rounds) >= 2
    assert plan.rest.size < 200


@pytest.mark.parametrize("make", [lambda: tree_like(400), lambda: grid(24)])
def test_the_inverse_is_numpys_where_the_matrix_has_entries(make: Callable) -> None:
    matrix = make()
    plan = planned(matrix)

    found = factor_sparse(plan, matrix.data).selected_inverse()

    columns = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    expected = np.linalg.inv(matrix.toarray())[matrix.indices, columns]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


def test_a_factor_with_a_dense_corner_solves() -> None:
    matrix = grid(24)
    B = np.random.default_rng(2).normal(size=(matrix.shape[0], 2))

    plan = planned(matrix)

    factor = factor_sparse(plan, matrix.data)

    assert min(len(plan.rounds), plan.rest.n_sparse // 20, plan.rest.n_corner // 20) > 0
    dense = matrix.toarray()
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    np.testing.assert_allclose(factor.solve(B), np.linalg.solve(dense, B), atol=1e-12)


def test_a_plan_serves_other_matrices_of_its_pattern() -> None:
    matrix = tree_like(100)
    plan = planned(matrix)
    other = matrix + 3 * sparse.eye(100, format="csc")
    other.sort_indices()

    factor = factor_sparse(plan, other.data)

    expected = np.linalg.slogdet(other.toarray())[1]
    assert factor.log_determinant == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("entry", [-1.0, 0.0, np.nan])
def test_a_matrix_that_is_not_positive_definite_has_no_determinant(entry: float) -> None:
    matrix = tree_like(40)
    plan = planned(matrix)
    data = matrix.data.copy()
    data[:] = np.where(matrix.indices == np.repeat(np.arange(40), np.diff(matrix.indptr)), entry, 0)

    with np.errstate(all="ignore"):
        assert np.isnan(factor_sparse(plan, data).log_determinant)


def test_a_pattern_holds_each_entry_once_in_order() -> None:
    pattern = pattern_of(np.array([2, 0, 2, 1]), np.array([0, 0, 0, 2]), 3)

    assert pattern.indptr.tolist() == [0, 2, 2, 3]
    assert pattern.indices.tolist() == [0, 2, 1]
    assert pattern.find(np.array([1, 2]), np.array([2, 0])).tolist() == [2, 1]
