from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from poolish.engines.exact.sparse_elimination import (
    Pattern,
    factor_sparse,
    pattern_of,
    plan_elimination,
)


def tree_like(n: int, seed: int = 1) -> sparse.csc_matrix:
    """A positive definite matrix with a few hubs and many unknowns of few neighbours."""
    rng = np.random.default_rng(seed)
    child = np.arange(10, n)
    parent = rng.integers(0, np.maximum(child // 3, 1))
    lower = sparse.csr_matrix((rng.uniform(-1, 1, len(child)), (child, parent)), (n, n))
    factor = sparse.eye(n) + lower
    return (factor.T @ factor + sparse.diags(rng.uniform(0, 1, n))).tocsc()


def grid(side: int) -> sparse.csc_matrix:
    """The precision of neighbours on a square, which fills up when it is eliminated."""
    path = sparse.diags_array([-np.ones(side - 1), -np.ones(side - 1)], offsets=[-1, 1])
    around = sparse.kron(path, sparse.eye(side)) + sparse.kron(sparse.eye(side), path)
    return (around + 4.1 * sparse.eye(side**2)).tocsc()


def planned(matrix: sparse.csc_matrix):
    matrix.sort_indices()
    pattern = Pattern(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64))
    return plan_elimination(pattern, matrix.data)


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


def test_a_dense_corner_and_its_derivative_are_numpys() -> None:
    matrix = grid(24)
    plan = planned(matrix)
    direction = matrix.copy()
    direction.data = np.where(matrix.data > 0, 1.0, 0.0)
    B = np.random.default_rng(2).normal(size=(matrix.shape[0], 2))

    factor = factor_sparse(plan, matrix.data + 1e-30j * direction.data)

    assert min(plan.rest.n_corner, plan.rest.n_sparse) > 20
    dense, slope = matrix.toarray(), direction.toarray()
    solved, found = np.linalg.solve(dense, B), factor.solve(B.astype(complex))
    assert factor.log_determinant.real == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    expected = np.trace(np.linalg.solve(dense, slope))
    assert factor.log_determinant.imag / 1e-30 == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(found.real, solved, atol=1e-12)
    np.testing.assert_allclose(
        found.imag / 1e-30, -np.linalg.solve(dense, slope @ solved), atol=1e-12
    )


def test_a_plan_serves_other_matrices_of_its_pattern() -> None:
    matrix = tree_like(100)
    plan = planned(matrix)
    other = matrix + 3 * sparse.eye(100, format="csc")
    other.sort_indices()

    factor = factor_sparse(plan, other.data)

    expected = np.linalg.slogdet(other.toarray())[1]
    assert factor.log_determinant == pytest.approx(expected, abs=1e-10)


def test_a_complex_step_differentiates_the_determinant() -> None:
    matrix = tree_like(60)
    direction = matrix.copy()
    direction.data = np.where(matrix.data > 0, 1.0, 0.0)

    factor = factor_sparse(planned(matrix), matrix.data + 1e-30j * direction.data)

    expected = np.trace(np.linalg.solve(matrix.toarray(), direction.toarray()))
    assert factor.log_determinant.imag / 1e-30 == pytest.approx(expected, rel=1e-10)


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
