from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse

from poolish.errors import RelationError
from poolish.relations import car_precision, dense_covariance

PATH = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
IDS = ["a", "b", "c"]


def test_the_full_conditionals_are_those_of_the_model() -> None:
    relation = car_precision(PATH, IDS, rho=0.8)

    K = dense_covariance(relation)
    others = K[np.ix_([0, 2], [0, 2])]
    slope = np.linalg.solve(others, K[[0, 2], 1])
    np.testing.assert_allclose(slope, 0.8 * np.array([1, 2]) / 3)
    assert K[1, 1] - K[1, [0, 2]] @ slope == pytest.approx(1 / 3)


def test_sparse_and_labelled_neighbours_are_read() -> None:
    expected = car_precision(PATH, IDS).precision.toarray()
    frame = pd.DataFrame(PATH, IDS, IDS)[["c", "a", "b"]]

    np.testing.assert_array_equal(car_precision(frame).precision.toarray(), expected)
    matrix = sparse.csc_matrix(PATH)
    np.testing.assert_array_equal(car_precision(matrix, IDS).precision.toarray(), expected)


def test_the_determinant_is_that_of_the_covariance() -> None:
    relation = car_precision(PATH, IDS, rho=0.5)

    expected = np.linalg.slogdet(dense_covariance(relation))[1]
    assert relation.log_determinant == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rho", [1.0, -1.0, 1.5, float("nan")])
def test_an_improper_strength_is_refused(rho: float) -> None:
    with pytest.raises(RelationError, match="must lie between -1 and 1"):
        car_precision(PATH, IDS, rho=rho)


@pytest.mark.parametrize(
    "weights, ids, message",
    [
        (PATH * [1, 0, 1], IDS, "is not symmetric|have no neighbours"),
        (PATH + np.eye(3), IDS, "3 units their own neighbour"),
        (-PATH, IDS, "smallest weight -2"),
        (np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), IDS, "no neighbours\n  given:    `c`"),
        (PATH, None, "a matrix without ids"),
        (pd.DataFrame(PATH, IDS, ["a", "b", "d"]), None, "rows and columns with different labels"),
        (np.array([[0.0, 1.0], [2.0, 0.0]]), ["a", "b"], "is not symmetric"),
    ],
)
def test_weights_that_are_not_neighbours_are_refused(
    weights: object, ids: list[str] | None, message: str
) -> None:
    with pytest.raises(RelationError, match=message):
        car_precision(weights, ids)
