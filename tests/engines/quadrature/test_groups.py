"""Sorting rows by group and merging groups with the same rows."""

import numpy as np
import pytest

from poolish.engines.quadrature.groups import sort_groups

LEVELS = np.array([2, 0, 1, 2, 0, 1, 3])
CONTENT = np.array([1.0, 1.0, 5.0, 2.0, 2.0, 5.0, 5.0])[:, None]


def test_groups_with_the_same_rows_become_one():
    found = sort_groups(LEVELS, CONTENT)

    assert found.levels.tolist() == [0, 1, 2, 3]
    assert found.classes.tolist() == [0, 1, 0, 2]  # group 3 has one row of 5 only
    assert found.merged.counts.tolist() == [2.0, 1.0, 1.0]
    assert found.merged.n_groups == 3
    assert CONTENT[found.merged.rows, 0].tolist() == [1.0, 2.0, 5.0, 5.0, 5.0]


def test_groups_that_all_differ_are_not_laid_out_twice():
    found = sort_groups(LEVELS, np.arange(7.0)[:, None])

    assert found.merged is found.full
    assert found.classes.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n_groups", [3, 200], ids=["by group", "in layers"])
def test_rows_are_combined_and_spread_by_group(n_groups, rng):
    levels = rng.permutation(
        np.append(rng.integers(0, n_groups, 3 * n_groups), np.arange(n_groups))
    )
    content = rng.normal(size=(len(levels), 1))
    found = sort_groups(levels, content)
    values = content[found.full.rows]

    assert found.full.is_layered == (n_groups == 200)
    for operation in (np.add, np.multiply, np.maximum):
        exact = [operation.reduce(content[levels == level, 0]) for level in found.levels]
        np.testing.assert_allclose(found.full.combine(operation, values)[:, 0], exact, rtol=1e-12)
    spread = found.full.spread(found.levels[:, None])[:, 0]
    assert (spread == levels[found.full.rows]).all()
