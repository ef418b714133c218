from __future__ import annotations

import numpy as np
import pytest

from poolish.errors import RelationError
from poolish.relations import (
    Relation,
    dense_covariance,
    mean_variance,
    missing_labels,
    precision,
    reorder,
    select,
)

LABELS = ("a", "b", "c")
K = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 3.0]])


def relation() -> Relation:
    return Relation(LABELS, K, variances=np.diagonal(K))


def test_reordering_moves_rows_columns_and_variances_together() -> None:
    moved = reorder(relation(), ("c", "a", "b"))

    order = [2, 0, 1]
    assert moved.labels == ("c", "a", "b")
    np.testing.assert_array_equal(moved.covariance, K[np.ix_(order, order)])
    np.testing.assert_array_equal(moved.variances, [3.0, 2.0, 1.0])


def test_reordering_a_precision_moves_the_inverse() -> None:
    moved = reorder(precision(np.linalg.inv(K), LABELS), ("c", "a", "b"))

    order = [2, 0, 1]
    np.testing.assert_allclose(dense_covariance(moved), K[np.ix_(order, order)], atol=1e-12)


def test_reordering_to_the_same_order_is_the_same_relation() -> None:
    same = relation()

    assert reorder(same, LABELS) is same


def test_selecting_from_a_covariance_takes_the_block() -> None:
    part = select(relation(), ("c", "a"))

    np.testing.assert_array_equal(part.covariance, [[3.0, 0.1], [0.1, 2.0]])


def test_selecting_from_a_precision_marginalises_the_rest() -> None:
    part = select(precision(np.linalg.inv(K), LABELS), ("c", "a"))

    np.testing.assert_allclose(part.covariance, [[3.0, 0.1], [0.1, 2.0]], atol=1e-12)


def test_selecting_everything_keeps_the_precision() -> None:
    assert select(precision(np.eye(3), LABELS), ("b", "a", "c")).precision is not None


def test_labels_that_a_relation_lacks_are_found_once() -> None:
    assert missing_labels(relation(), ["z", "a", "y", "z"]) == ("z", "y")


def test_mean_variance_of_a_precision_inverts_it() -> None:
    assert mean_variance(precision(np.linalg.inv(K), LABELS)) == pytest.approx(2.0)


def test_mean_variance_of_a_covariance_is_its_mean_diagonal() -> None:
    assert mean_variance(relation()) == pytest.approx(2.0)


def test_unknown_ids_are_all_listed() -> None:
    with pytest.raises(RelationError, match=r"2 ids are not in the relation `A`\n.*`x`, `y`"):
        select(relation(), ("x", "a", "y"), name="A")


def test_many_unknown_ids_are_counted() -> None:
    with pytest.raises(RelationError, match="and 15 more"):
        select(relation(), [f"x{i}" for i in range(25)])


def test_reordering_to_a_part_is_an_error() -> None:
    with pytest.raises(RelationError, match="must keep all of its units"):
        reorder(relation(), ("a", "b"))


def test_selecting_a_label_twice_is_an_error() -> None:
    with pytest.raises(RelationError, match="duplicate labels"):
        select(relation(), ("a", "a"))


def test_a_relation_prints_its_size_and_what_is_known_of_it() -> None:
    clipped = Relation(LABELS, K, smallest_eigenvalue=0.97, scaling="as in the file", notes=("x",))

    assert repr(clipped) == (
        "covariance of 3 units, `a`, `b`, `c`\nsmallest eigenvalue 0.97; as in the file; x"
    )
    many = precision(np.eye(4), list("abcd"))
    assert repr(many) == "sparse precision of 4 units, `a`, `b`, `c` and 1 more"
