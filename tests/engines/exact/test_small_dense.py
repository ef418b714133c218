"""Small matrices against LAPACK."""

import numpy as np
import pytest

from poolish.engines.exact.reduction import reduce_groups, symmetric
from poolish.engines.exact.small_dense import (
    cholesky,
    lower_pairs,
    product,
    solve_lower,
    solve_lower_transposed,
)


@pytest.fixture(params=[1, 2, 3, 5])
def stack(request, rng):
    """Return positive definite matrices, axes last (q, q, 7)."""
    B = rng.normal(size=(7, request.param, request.param))
    return np.moveaxis(B @ np.swapaxes(B, 1, 2) + np.eye(request.param), 0, 2)


def test_cholesky_is_lapack_s(stack):
    expected = np.linalg.cholesky(np.moveaxis(stack, 2, 0))

    assert np.moveaxis(cholesky(stack), 2, 0) == pytest.approx(expected)


def test_solves_undo_products(stack, rng):
    C = cholesky(stack)
    B = rng.normal(size=stack.shape)

    assert product(C, solve_lower(C, B)) == pytest.approx(B)
    assert product(np.swapaxes(C, 0, 1), solve_lower_transposed(C, B)) == pytest.approx(B)


def test_reduction_is_the_inverse_of_precisions_added(stack, rng):
    q = len(stack)
    L = np.tril(rng.normal(size=(q, q))) + 2 * np.eye(q)
    K = np.array([stack[a, b] for a, b in lower_pairs(q)])[:, :, None]

    G, log_A = reduce_groups(K, L[:, :, None])

    full = symmetric(G[:, :, 0], q)
    for j in range(stack.shape[2]):
        A = stack[:, :, j] + np.linalg.inv(L @ L.T)
        assert full[:, :, j] == pytest.approx(np.linalg.inv(A), rel=1e-9, abs=1e-12)
        expected = np.linalg.slogdet(np.eye(q) + L.T @ stack[:, :, j] @ L)[1]
        assert log_A[j, 0] == pytest.approx(expected, rel=1e-10)


def test_a_zero_sd_reduces_to_nothing(stack):
    q = len(stack)
    K = np.array([stack[a, b] for a, b in lower_pairs(q)])[:, :, None]

    G, log_A = reduce_groups(K, np.zeros((q, q, 1)))

    assert not G.any()
    assert not log_A.any()
