from __future__ import annotations

import numpy as np
import pytest

from poolish.frame import FactorColumn, NumericColumn, as_factor, label_value, relabel


@pytest.mark.parametrize(
    ("value", "label"), [(308, "308"), (308.0, "308"), (2.5, "2.5"), ("a", "a"), (True, "True")]
)
def test_labels_are_written_without_needless_decimals(value, label):
    assert label_value(value) == label


def test_numbers_become_levels_in_numerical_order():
    factor = as_factor(NumericColumn(np.array([10.0, 9.0, 10.0, 2.5])))

    assert factor.levels == ("2.5", "9", "10")
    np.testing.assert_array_equal(factor.codes, [2, 1, 2, 0])


def test_a_missing_number_has_no_level():
    factor = as_factor(NumericColumn(np.array([2.0, np.nan, 1.0])))

    assert factor.levels == ("1", "2")
    np.testing.assert_array_equal(factor.codes, [1, -1, 0])


def test_a_factor_stays_itself():
    factor = FactorColumn(np.array([0]), ("a",))

    assert as_factor(factor) is factor
    assert relabel(factor, ("a",)) is factor


def test_relabelling_keeps_labels_and_marks_unknown_ones():
    factor = FactorColumn(np.array([0, 1, -1, 2]), ("a", "b", "c"))

    found = relabel(factor, ("c", "a"))

    np.testing.assert_array_equal(found.codes, [1, -1, -1, 0])
    assert found.levels == ("c", "a")
