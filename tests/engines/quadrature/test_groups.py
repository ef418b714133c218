"""Sorting rows by group and merging groups with the same rows."""

import numpy as np

from poolish.engines.quadrature.groups import merge_groups, sort_groups

LEVELS = np.array([2, 0, 1, 2, 0, 1, 3])
CONTENT = np.array([1.0, 1.0, 5.0, 2.0, 2.0, 5.0, 5.0])[:, None]


def test_groups_with_the_same_rows_become_one():
    groups, classes = merge_groups(LEVELS, CONTENT)

    assert classes.tolist() == [0, 1, 0, 2]  # group 3 has one row of 5 only
    assert groups.counts.tolist() == [2.0, 1.0, 1.0]
    assert groups.n_groups == 3
    assert CONTENT[groups.rows, 0].tolist() == [1.0, 2.0, 5.0, 5.0, 5.0]


def test_sums_are_those_of_the_rows():
    groups = sort_groups(LEVELS)

    sums = groups.add(CONTENT[groups.rows])

    expected = [CONTENT[level == LEVELS].sum() for level in range(4)]
    assert sums[:, 0].tolist() == expected
    assert groups.spread(sums)[:, 0].tolist() == [expected[level] for level in np.sort(LEVELS)]
