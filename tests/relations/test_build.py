from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
import xarray as xr

from poolish.errors import RelationError
from poolish.relations import Pedigree, Relation, as_relation, as_relations, precision

IDS = [3, 1, 2]
K = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 3.0]])


def frame(rows: list[object] = IDS, columns: list[object] = IDS) -> pd.DataFrame:
    return pd.DataFrame(K, index=rows, columns=columns)


def test_a_data_frame_is_read_with_its_ids_as_text() -> None:
    relation = as_relation(frame())

    assert relation.labels == ("3", "1", "2")
    np.testing.assert_array_equal(relation.covariance, K)


def test_columns_in_another_order_are_matched_by_label() -> None:
    relation = as_relation(frame()[[1, 2, 3]])

    np.testing.assert_array_equal(relation.covariance, K)


def test_number_and_text_ids_of_the_two_axes_agree() -> None:
    assert as_relation(frame([3.0, 1.0, 2.0], ["3", "1", "2"])).labels == ("3", "1", "2")


def test_a_data_array_is_read_with_its_coordinates() -> None:
    array = xr.DataArray(K, coords={"id": ["a", "b", "c"], "id_bis": ["a", "b", "c"]})

    np.testing.assert_array_equal(as_relation(array[:, [2, 0, 1]]).covariance, K)


@pytest.mark.parametrize("value, ids", [((K, IDS), None), (K, IDS), (K.tolist(), IDS)])
def test_a_matrix_is_read_with_ids_given_beside_it(value: object, ids: list[int] | None) -> None:
    relation = as_relation(value, ids=ids)

    assert relation.labels == ("3", "1", "2")
    np.testing.assert_array_equal(relation.covariance, K)


def test_the_smallest_eigenvalue_is_reported() -> None:
    expected = np.linalg.eigvalsh(K)[0]

    assert as_relation((K, IDS)).smallest_eigenvalue == pytest.approx(expected)


def test_a_checked_relation_is_returned_as_it_is() -> None:
    relation = as_relation((K, IDS))

    assert as_relation(relation) is relation


def test_a_relation_made_by_hand_is_checked() -> None:
    with pytest.raises(RelationError, match="not positive semi-definite"):
        as_relation(Relation(("a", "b"), np.array([[1.0, 2.0], [2.0, 1.0]])))


def test_a_precision_made_by_hand_gets_its_determinant() -> None:
    relation = as_relation(Relation(("a", "b"), precision=sparse.csc_matrix(np.diag([2.0, 3.0]))))

    assert relation.log_determinant == pytest.approx(-np.log(6.0))


def test_a_pedigree_becomes_a_precision() -> None:
    rows = pd.DataFrame({"id": ["c"], "sire": ["a"], "dam": ["b"]})

    relation = as_relation(Pedigree.from_frame(rows, id="id", sire="sire", dam="dam"))

    assert relation.precision.shape == (3, 3)
    assert relation.log_determinant == pytest.approx(np.log(0.5))


def test_twins_make_a_singular_covariance_which_is_fine() -> None:
    twins = np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]])

    assert as_relation((twins, IDS)).smallest_eigenvalue == pytest.approx(0.0, abs=1e-12)


def test_large_covariances_are_checked_without_eigenvalues(rng: np.random.Generator) -> None:
    factor = rng.normal(size=(1600, 1000))

    relation = as_relation((factor @ factor.T, np.arange(1600)))

    assert relation.smallest_eigenvalue is None


def test_the_nearest_matrix_has_the_negative_eigenvalues_clipped() -> None:
    indefinite = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.9], [0.0, 0.9, 1.0]])

    relation = as_relation((indefinite, IDS), nearest_psd=True)

    values, vectors = np.linalg.eigh(indefinite)
    expected = vectors @ np.diag(np.maximum(values, 0)) @ vectors.T
    np.testing.assert_allclose(relation.covariance, expected, atol=1e-12)
    assert relation.notes[0].startswith("1 negative eigenvalues set to 0; the smallest was -0.27")


def test_a_sparse_precision_has_the_determinant_of_its_inverse(rng: np.random.Generator) -> None:
    factor = sparse.random_array((30, 30), density=0.1, rng=rng) + sparse.eye_array(30)
    Q = (factor @ factor.T).tocsc()

    relation = precision(Q, range(30))

    expected = -np.linalg.slogdet(Q.toarray())[1]
    assert relation.log_determinant == pytest.approx(expected, abs=1e-10)


def test_a_labelled_precision_frame_is_matched_by_label() -> None:
    relation = precision(frame()[[1, 2, 3]])

    np.testing.assert_allclose(relation.precision.toarray(), K)


@pytest.mark.parametrize(
    "value, ids, message",
    [
        (K, None, "the matrix `K` has no ids"),
        (K, ["a", "b"], r"given:    a matrix of shape \(3, 3\) and 2 ids"),
        (K[:2], IDS, r"given:    a matrix of shape \(2, 3\) and 3 ids"),
        ("K.csv", None, "a value of type `str`"),
        (K, ["a", "b", "a"], "duplicate labels\n  given:    more than once: `a`"),
        (K, ["a", None, "b"], "units without a label\n  given:    no label at position 1"),
        (frame(), None, None),
        (frame(IDS, [1, 2, 4]), None, "on one axis only: `3`, `4`"),
        (pd.DataFrame(K, columns=list("abc")), None, "read with `index_col=0`"),
        (pd.DataFrame(K[:, :1], columns=["sire"]), None, r"po\.Pedigree\.from_frame\(table, id="),
        (xr.DataArray(K), None, "needs two dimensions with ids"),
        (sparse.csc_matrix(K), IDS, "may be a covariance or a precision"),
        (np.where(K == 0.1, np.nan, K), IDS, "not finite\n  given:    nan between `3` and `2`"),
        (K + np.triu(K, 1) * 1e-6, IDS, "not symmetric"),
        (-K, IDS, "3 of 3 negative"),
        (K - 2 * np.eye(3), IDS, r"offers|nearest_psd=True"),
    ],
)
def test_a_matrix_that_is_not_a_relation_is_refused(
    value: object, ids: list[object] | None, message: str | None
) -> None:
    if message is None:
        assert as_relation(value, ids=ids).labels == ("3", "1", "2")
        return
    with pytest.raises(RelationError, match=message):
        as_relation(value, ids=ids)


@pytest.mark.parametrize(
    "matrix, message",
    [
        (np.array([[1.0, -1.0], [-1.0, 1.0]]), "the precision `K` is not positive definite"),
        (np.array([[1.0, -2.0], [-2.0, 1.0]]), "not positive definite"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), "a diagonal entry that is not positive"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "is not symmetric"),
        (np.array([[1.0, np.inf], [np.inf, 1.0]]), "not finite"),
    ],
)
def test_a_matrix_that_is_not_a_precision_is_refused(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(RelationError, match=message):
        precision(sparse.csc_matrix(matrix), ["a", "b"])


@pytest.mark.parametrize(
    "relation, given",
    [(Relation(("a",)), "neither"), (Relation(("a",), np.eye(1), sparse.eye(1)), "both")],
)
def test_a_relation_has_a_covariance_or_a_precision(relation: Relation, given: str) -> None:
    with pytest.raises(RelationError, match=f"given:    {given}"):
        as_relation(relation)


def test_an_indefinite_large_covariance_is_refused(rng: np.random.Generator) -> None:
    matrix = np.eye(1501)
    matrix[0, 1] = matrix[1, 0] = 1.5

    with pytest.raises(RelationError, match=r"smallest eigenvalue -0\.5, largest 2\.5; 1 of 1501"):
        as_relation((matrix, range(1501)))


def test_relations_without_names_are_refused() -> None:
    with pytest.raises(RelationError, match=r"`relations` has no names(.*\n)*.*\{\"K\": K\}"):
        as_relations((K, IDS))


def test_a_matrix_without_ids_is_told_how_to_have_them() -> None:
    with pytest.raises(RelationError, match=r'relations=\{"K": \(matrix, ids\)\}'):
        as_relations({"K": K})


def test_no_relations_are_none() -> None:
    assert as_relations(None) == {}


def test_entries_that_are_no_numbers_are_refused() -> None:
    table = pd.DataFrame([["1", "0,5"], ["0,5", "1"]], list("ab"), list("ab"))

    with pytest.raises(RelationError, match=r"no numbers\n  given:    could not .* '0,5'"):
        as_relation(table)
    with pytest.raises(RelationError, match="no numbers"):
        as_relation((table.to_numpy(), ["a", "b"]))
