from __future__ import annotations

import numpy as np
import pytest

from poolish.design.arrays import Design
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.row_reduction import reduce_rows, rest_of_rows


@pytest.mark.parametrize("q", [1, 2])
def test_reduced_rows_and_the_rest_hold_everything(make_group, make_design, q: int) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, 30)
    Z = np.column_stack([np.ones(30), rng.normal(size=30)])[:, :q]
    group = make_group(codes, Z)
    weights = rng.uniform(0.5, 2, 30)
    design: Design = make_design(rng.normal(size=30), np.ones(30), [group], weights=weights)
    residual = build_residual(design)
    columns = rng.normal(size=(30, 3))

    rows = reduce_rows([group], residual)

    assert rows.n_rows == 4 * q
    held = rows.apply(columns, weights)
    rest = rest_of_rows(rows, columns, residual)
    whole = columns.T @ (weights[:, None] * columns)
    np.testing.assert_allclose(held.T @ held + rest[0], whole, atol=1e-12)
    np.testing.assert_allclose((rows.Q @ rows.Q.T).toarray(), np.eye(rows.n_rows), atol=1e-12)
    # What is left out has no group effects.
    Zw = Z * np.sqrt(weights)[:, None]
    np.testing.assert_allclose(rows.Q.T @ (rows.Q @ Zw), Zw, atol=1e-12)


def test_rows_of_two_residual_variances_are_kept_apart(make_group, make_design) -> None:
    codes = np.zeros(6, dtype=int)
    S = np.eye(2)[[0, 0, 0, 1, 1, 1]]
    group = make_group(codes, np.ones(6))
    design = make_design(np.arange(6.0), np.ones(6), [group], sigma=S)

    rows = reduce_rows([group], build_residual(design))

    assert rows.strata.tolist() == [0, 1]
    assert rows.counts(2).tolist() == [1, 1]


def test_rows_without_effects_are_left_out(make_group, make_design) -> None:
    group = make_group(np.array([0, 0, 1]), np.array([0.0, 0.0, 2.0]))
    design = make_design(np.arange(3.0), np.ones(3), [group])

    rows = reduce_rows([group], build_residual(design))

    assert rows.first.tolist() == [2]
