from __future__ import annotations

import time

import numpy as np
import pytest

from poolish.relations.inbreeding import (
    generation_numbers,
    inbreeding_coefficients,
    mendelian_variance,
)


def livestock(n: int, *, generations: int, n_sires: int, n_dams: int, seed: int = 1) -> np.ndarray:
    """Few sires and more dams of each generation have all of the next."""
    rng = np.random.default_rng(seed)
    size = n // generations
    parents = np.full((2, n), -1)
    for g in range(1, generations):
        previous = np.arange((g - 1) * size, g * size)
        own = slice(g * size, (g + 1) * size)
        parents[0, own] = rng.choice(rng.choice(previous[::2], n_sires, replace=False), size)
        parents[1, own] = rng.choice(rng.choice(previous[1::2], n_dams, replace=False), size)
    return parents


def wright(parents: np.ndarray) -> np.ndarray:
    """Half the relationship of the parents, by the recursion that expands the younger one."""
    known: dict[tuple[int, int], float] = {}

    def relationship(i: int, j: int) -> float:
        i, j = max(i, j), min(i, j)
        if j < 0:
            return 0.0
        if (i, j) not in known:
            s, d = parents[:, i]
            own = 1.0 + 0.5 * relationship(s, d)
            known[i, j] = own if i == j else 0.5 * (relationship(s, j) + relationship(d, j))
        return known[i, j]

    return np.array([0.5 * relationship(*pair) for pair in parents.T])


@pytest.mark.parametrize("max_entries", [40_000_000, 1500, 0])
def test_both_methods_agree_with_the_recursion(max_entries: int) -> None:
    parents = livestock(600, generations=6, n_sires=5, n_dams=20)

    inbreeding = inbreeding_coefficients(parents, max_entries=max_entries)

    expected = wright(parents)
    assert expected.max() > 0.1
    np.testing.assert_allclose(inbreeding, expected, atol=1e-14)


def test_the_indirect_method_takes_the_sex_with_fewer_parents() -> None:
    parents = livestock(600, generations=6, n_sires=5, n_dams=20)[::-1]

    np.testing.assert_allclose(
        inbreeding_coefficients(parents, max_entries=0), wright(parents), atol=1e-14
    )


def test_overlapping_generations_agree_with_the_recursion() -> None:
    rng = np.random.default_rng(2)
    parents = np.full((2, 200), -1)
    for i in range(10, 200):
        parents[0, i] = rng.choice(np.arange(0, i, 2))
        parents[1, i] = rng.choice([*range(1, i, 2), -1])

    for max_entries in (40_000_000, 3000, 0):
        inbreeding = inbreeding_coefficients(parents, max_entries=max_entries)
        np.testing.assert_allclose(inbreeding, wright(parents), atol=1e-14)


def test_mating_full_sibs_approaches_one() -> None:
    # Full-sib mating (Wright 1921, Genetics 6, 124-143): 1/4, 3/8, 1/2, 19/32.
    parents = np.array([[-1, -1, 0, 0, 2, 2, 4, 4, 6, 6, 8], [-1, -1, 1, 1, 3, 3, 5, 5, 7, 7, 9]])

    inbreeding = inbreeding_coefficients(parents)

    expected = [0, 0, 1 / 4, 3 / 8, 1 / 2, 19 / 32]
    np.testing.assert_array_equal(inbreeding[::2], expected)


def test_the_parents_given_are_not_changed() -> None:
    parents = np.array([[-1, -1, 0], [-1, -1, 1]])

    inbreeding_coefficients(parents)

    assert parents.tolist() == [[-1, -1, 0], [-1, -1, 1]]


@pytest.mark.parametrize(
    "parents, expected",
    [([-1, -1], 1.0), ([0, -1], 0.75 - 0.25 * 0.25), ([0, 1], 0.5 - 0.25 * 0.25)],
)
def test_the_mendelian_variance_depends_on_the_known_parents(
    parents: list[int], expected: float
) -> None:
    family = np.array([[-1, -1, parents[0]], [-1, -1, parents[1]]])

    assert mendelian_variance(family, np.array([0.25, 0.0, 0.0]))[2] == expected


def test_generations_are_the_longest_lines() -> None:
    parents = np.array([[-1, -1, 0, 2, 0], [-1, -1, 1, 1, -1]])

    assert generation_numbers(parents).tolist() == [0, 0, 1, 2, 1]


def test_a_loop_has_no_generation() -> None:
    assert generation_numbers(np.array([[1, 0, -1], [-1, -1, -1]])).tolist() == [-1, -1, 0]


def test_no_animals_have_no_inbreeding() -> None:
    assert inbreeding_coefficients(np.zeros((2, 0), dtype=int)).shape == (0,)


@pytest.mark.slow
def test_a_million_animals_take_seconds() -> None:
    parents = livestock(1_000_000, generations=10, n_sires=500, n_dams=25_000)
    start = time.process_time()

    inbreeding = inbreeding_coefficients(parents)

    assert time.process_time() - start < 20
    assert 0 < inbreeding.mean() < 0.01
