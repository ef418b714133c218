"""The textbook example is in chapter 2 of Mrode & Pocrnic (2023), Linear Models for the Prediction
of Animal Breeding Values, 4th edition; `tests/reference/genetics` holds a simulated pedigree whose
inverse relationship comes from other code (README.md there)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from poolish.errors import RelationError, UnknownColumnError
from poolish.relations import Pedigree, dense_covariance, reorder

GENETICS = Path(__file__).parents[1] / "reference" / "genetics"
MRODE = pd.DataFrame({"calf": [3, 4, 5, 6], "sire": [1, 1, 4, 5], "dam": [2, 0, 3, 2]})
MRODE_A = np.array(
    [
        [1.00, 0.00, 0.500, 0.500, 0.500, 0.250],
        [0.00, 1.00, 0.500, 0.000, 0.250, 0.625],
        [0.50, 0.50, 1.000, 0.250, 0.625, 0.5625],
        [0.50, 0.00, 0.250, 1.000, 0.625, 0.3125],
        [0.50, 0.25, 0.625, 0.625, 1.125, 0.6875],
        [0.25, 0.625, 0.5625, 0.3125, 0.6875, 1.125],
    ]
)


def mrode() -> Pedigree:
    return Pedigree.from_frame(MRODE, id="calf", sire="sire", dam="dam")


def simulated_rows() -> pd.DataFrame:
    return pd.read_csv(GENETICS / "ped_pedigree.csv", dtype={"sire": str, "dam": str})


def simulated(rows: pd.DataFrame) -> Pedigree:
    return Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


def tabular(parents: np.ndarray) -> np.ndarray:
    """The tabular rule one entry at a time; parents must come first."""
    n = parents.shape[1]
    A = np.zeros((n, n))
    for i in range(n):
        known = [p for p in parents[:, i] if p >= 0]
        for j in range(i):
            A[i, j] = A[j, i] = 0.5 * sum(A[j, p] for p in known)
        A[i, i] = 1.0 + (0.5 * A[known[0], known[1]] if len(known) == 2 else 0.0)
    return A


def test_the_textbook_table_is_met_exactly() -> None:
    pedigree = mrode()

    assert pedigree.labels == ("1", "2", "3", "4", "5", "6")
    np.testing.assert_array_equal(pedigree.relationship(), MRODE_A)


def test_the_textbook_inbreeding_is_met_exactly() -> None:
    np.testing.assert_array_equal(mrode().inbreeding(), [0, 0, 0, 0, 0.125, 0.125])


def test_the_whole_textbook_inverse_is_met() -> None:
    # Mrode & Pocrnic, table of A^-1 with inbreeding accounted for, as printed.
    printed = [
        [1.833, 0.500, -1.000, -0.667, 0.000, 0.000],
        [0.500, 2.033, -1.000, 0.000, 0.533, -1.067],
        [-1.000, -1.000, 2.500, 0.500, -1.000, 0.000],
        [-0.667, 0.000, 0.500, 1.833, -1.000, 0.000],
        [0.000, 0.533, -1.000, -1.000, 2.533, -1.067],
        [0.000, -1.067, 0.000, 0.000, -1.067, 2.133],
    ]

    inverse = mrode().inverse().toarray()

    np.testing.assert_array_equal(inverse.round(3), printed)


def full_sibs(generations: int) -> Pedigree:
    """Brothers mated to their sisters: two of each generation, `m1` and `f1` and so on."""
    rows = [("m0", "", ""), ("f0", "", "")]
    for t in range(generations):
        rows += [(f"m{t + 1}", f"m{t}", f"f{t}"), (f"f{t + 1}", f"m{t}", f"f{t}")]
    return simulated(pd.DataFrame(rows, columns=["id", "sire", "dam"]))


def test_full_sib_mating_has_the_inbreeding_of_wright() -> None:
    # Falconer & Mackay (1996), Introduction to Quantitative Genetics, 4th edition, table 5.1:
    # F_t = (1 + 2 F_(t-1) + F_(t-2)) / 4.
    expected = [Fraction(0), Fraction(0)]
    for _ in range(14):
        expected.append((1 + 2 * expected[-1] + expected[-2]) / 4)
    assert [round(float(F), 3) for F in expected[2:7]] == [0.25, 0.375, 0.5, 0.594, 0.672]

    F = full_sibs(15).inbreeding()

    found = [float(F.sel(individual=f"f{t}")) for t in range(16)]
    assert found == [float(value) for value in expected]


def exact_inverse(A: list[list[Fraction]]) -> np.ndarray:
    """Gauss and Jordan in rational numbers."""
    n = len(A)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(A)]
    for i in range(n):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [b - rows[k][i] * a for a, b in zip(rows[i], rows[k], strict=True)]
    return np.array([[float(value) for value in row[n:]] for row in rows])


@pytest.mark.parametrize("make", [mrode, lambda: full_sibs(6)], ids=["textbook", "full sibs"])
def test_the_inverse_is_that_of_rational_numbers(make: Callable[[], Pedigree]) -> None:
    pedigree = make()
    # Entries of A are sums of powers of 1/2, so those of the tabular rule are exact.
    A = [[Fraction(float(value)) for value in row] for row in tabular(pedigree.parents)]

    inverse = pedigree.inverse().toarray()

    np.testing.assert_allclose(inverse, exact_inverse(A), rtol=1e-14, atol=1e-14)


def test_the_relationship_is_that_of_genes_dropped_through_the_pedigree() -> None:
    # A_ij is twice the chance that a gene of i and one of j descend from the same founder's gene.
    pedigree, n_drops = simulated(simulated_rows()), 20_000
    rng = np.random.default_rng(11)
    genes = np.empty((pedigree.n_individuals, 2, n_drops), dtype=np.int32)
    for i in np.argsort(pedigree.generation, kind="stable"):
        for side, parent in enumerate(pedigree.parents[:, i]):
            taken = rng.integers(0, 2, n_drops)
            genes[i, side] = (
                2 * i + side if parent < 0 else genes[parent, taken, np.arange(n_drops)]
            )
    A = pedigree.relationship().to_numpy()
    pairs = np.concatenate([np.tile(np.arange(300), (2, 1)).T, rng.integers(0, 300, (2000, 2))])

    for i, j in pairs[A[tuple(pairs.T)] > 0]:
        same = genes[i, :, None] == genes[j, None]
        shared = 0.5 * same.sum(axis=(0, 1))
        error = shared.std() / np.sqrt(n_drops)
        # 5: the largest of a thousand.
        assert abs(shared.mean() - A[i, j]) <= 5 * error
    assert not any(
        (genes[i, :, None] == genes[j, None]).any() for i, j in pairs[A[tuple(pairs.T)] == 0]
    )


def test_the_determinant_is_that_of_the_relationship() -> None:
    expected = np.linalg.slogdet(MRODE_A)[1]

    assert mrode().relation().log_determinant == pytest.approx(expected, abs=1e-12)


def test_the_relationship_is_labelled_on_both_axes() -> None:
    A = mrode().relationship()

    assert float(A.sel(individual="6", individual_bis="2")) == 0.625


def test_the_inverse_of_the_simulated_pedigree_agrees() -> None:
    rows = simulated_rows()
    expected = sparse.load_npz(GENETICS / "ped_Ainv.npz")

    difference = simulated(rows).inverse() - expected

    assert abs(difference).max() < 1e-12


def test_the_inbreeding_of_the_simulated_pedigree_agrees() -> None:
    rows = simulated_rows()

    np.testing.assert_allclose(simulated(rows).inbreeding(), rows["inbreeding"], atol=1e-15)


def test_the_relationship_of_the_simulated_pedigree_agrees() -> None:
    rows = simulated_rows()
    pedigree = simulated(rows)

    A = pedigree.relationship()

    np.testing.assert_array_equal(A, tabular(pedigree.parents))


def test_row_order_does_not_matter() -> None:
    rows = simulated_rows()
    ids = rows["id"].tolist()

    shuffled = simulated(rows.sample(frac=1.0, random_state=1))

    expected = simulated(rows).relationship()
    A = shuffled.relationship().sel(individual=ids, individual_bis=ids)
    np.testing.assert_array_equal(A, expected)
    moved = reorder(shuffled.relation(), ids)
    np.testing.assert_allclose(dense_covariance(moved), expected, atol=1e-12)


def test_the_root_whitens_in_generation_order() -> None:
    relation = simulated(simulated_rows().sample(frac=1.0, random_state=1)).relation()

    triangle = relation.root[relation.generation_order][:, relation.generation_order]

    assert sparse.triu(triangle, 1).nnz == 0
    assert abs(relation.root.T @ relation.root - relation.precision).max() < 1e-12


def test_reordering_keeps_the_root_triangular() -> None:
    relation = simulated(simulated_rows()).relation()
    moved = reorder(relation, relation.labels[::-1])

    triangle = moved.root[relation.generation_order][:, moved.generation_order]

    assert sparse.triu(triangle, 1).nnz == 0
    assert abs(moved.root.T @ moved.root - moved.precision).max() < 1e-12


def test_the_variances_are_one_plus_inbreeding() -> None:
    np.testing.assert_array_equal(mrode().relation().variances, np.diagonal(MRODE_A))


@pytest.mark.parametrize("unknown", [None, "", "0", "NA", float("nan"), 0])
def test_unknown_parents_may_be_written_in_several_ways(unknown: object) -> None:
    rows = pd.DataFrame({"id": ["a", "b"], "sire": [unknown, "a"], "dam": [unknown, unknown]})

    assert simulated(rows).parents.tolist() == [[-1, 0], [-1, -1]]


def test_ids_read_as_decimal_numbers_are_matched() -> None:
    rows = pd.DataFrame(
        {"id": [1, 2, 3], "sire": [np.nan, np.nan, 1.0], "dam": [np.nan, np.nan, 2]}
    )

    assert simulated(rows).parents[:, 2].tolist() == [0, 1]


def test_parents_without_a_row_become_founders_first() -> None:
    rows = pd.DataFrame({"id": ["x"], "sire": ["s10"], "dam": ["s9"]})

    pedigree = simulated(rows)

    assert pedigree.labels == ("s9", "s10", "x")
    assert pedigree.generation.tolist() == [0, 0, 1]


def test_a_polars_frame_is_read() -> None:
    assert (
        Pedigree.from_frame(pl.from_pandas(MRODE), id="calf", sire="sire", dam="dam").n_individuals
        == 6
    )


def test_a_loop_is_named() -> None:
    rows = pd.DataFrame(
        {"id": ["a", "b", "c", "d"], "sire": ["c", "a", "", "c"], "dam": ["", "", "b", "b"]}
    )

    with pytest.raises(
        RelationError, match="its own ancestor\n  given:    `a` <- `c` <- `b` <- `a`"
    ):
        simulated(rows)


def test_an_individual_that_is_its_own_parent_is_named() -> None:
    rows = pd.DataFrame({"id": ["a"], "sire": ["a"], "dam": [""]})

    with pytest.raises(RelationError, match="`a` <- `a`"):
        simulated(rows)


def test_an_individual_as_sire_and_dam_is_named() -> None:
    rows = pd.DataFrame({"id": ["b", "c"], "sire": ["a", "x"], "dam": ["y", "a"]})

    with pytest.raises(RelationError, match="both sire and dam\n  given:    `a`"):
        simulated(rows)


def test_a_duplicate_row_is_named() -> None:
    rows = pd.DataFrame({"id": ["b", "b"], "sire": ["", ""], "dam": ["", ""]})

    with pytest.raises(RelationError, match="duplicate labels\n  given:    more than once: `b`"):
        simulated(rows)


def test_a_row_without_id_is_refused() -> None:
    rows = pd.DataFrame({"id": ["b", None], "sire": ["", ""], "dam": ["", ""]})

    with pytest.raises(RelationError, match="no label at position 1"):
        simulated(rows)


def test_a_column_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownColumnError, match="pedigree column `father` is not a column"):
        Pedigree.from_frame(MRODE, id="calf", sire="father", dam="dam")


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_any_pedigree_agrees_with_the_tabular_rule(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(f"f{i}", None, None) for i in range(4)]
    for i in range(n):
        males = [r[0] for r in rows[::2]]
        females = [r[0] for r in rows[1::2]]
        sire, dam = rng.choice([*males, ""]), rng.choice([*females, ""])
        rows.append((f"i{i}", sire, dam))
    table = pd.DataFrame(rows, columns=["id", "sire", "dam"])
    pedigree = simulated(table.sample(frac=1.0, random_state=seed))
    ids = table["id"].tolist()

    A = pedigree.relationship().sel(individual=ids, individual_bis=ids)

    expected = tabular(simulated(table).parents)
    np.testing.assert_allclose(A, expected, atol=1e-15)
    np.testing.assert_allclose(
        pedigree.inbreeding().sel(individual=ids), np.diagonal(expected) - 1, atol=1e-15
    )
    dense = np.linalg.inv(reorder(pedigree.relation(), ids).precision.toarray())
    np.testing.assert_allclose(dense, expected, atol=1e-9)


def test_a_table_is_sent_to_from_frame() -> None:
    rows = pd.DataFrame({"id": ["a"], "sire": [None], "dam": [None]})

    with pytest.raises(RelationError, match=r"write `po\.Pedigree\.from_frame"):
        Pedigree(rows)  # type: ignore[call-arg, arg-type]  # what the test is about


def test_a_pedigree_prints_its_size() -> None:
    assert repr(mrode()) == (
        "pedigree of 6 individuals, `1`, `2`, `3` and 3 more\n2 founders; 4 generations"
    )


@pytest.mark.parametrize("value", ["pedigree.csv", {"id": ["a"]}])
def test_what_is_no_table_is_refused(value: object) -> None:
    with pytest.raises(RelationError, match=r"not a table(.*\n)*.*pd\.read_csv"):
        Pedigree.from_frame(value, id="id", sire="sire", dam="dam")  # type: ignore[arg-type]  # the test
