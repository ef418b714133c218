"""How many multiplications a sparse factor of levels takes."""

import numpy as np
import pytest

from poolish.engines.exact.fill_in import fill_in_operations


def test_one_factor_has_nothing_to_fill(make_group) -> None:
    assert fill_in_operations([make_group(np.arange(5), np.ones(5))]) == 0


def test_nested_levels_do_not_fill_in(make_group) -> None:
    pupil = np.arange(4000)
    groups = [make_group(pupil // size, np.ones(4000), name=f"g{size}") for size in (1, 10, 100)]

    # Two of the 400 and 40 coarser levels for each pupil, and every class under its own school.
    assert fill_in_operations(groups) < 4000 * 4 + 440 * 20**2


def test_complete_crossing_fills_the_whole_matrix(make_group) -> None:
    g, h = (codes.ravel() for codes in np.indices((80, 60)))
    groups = [make_group(codes, np.ones(4800), name=name) for codes, name in ((g, "g"), (h, "h"))]

    expected = 80 * 60**2 + sum(i**2 for i in range(60))
    assert fill_in_operations(groups) == pytest.approx(expected)


def test_several_effects_take_their_cube(make_group) -> None:
    g, h = (codes.ravel() for codes in np.indices((8, 6)))
    plain, mixed = (
        [make_group(g, Z, name="g"), make_group(h, np.ones(48), name="h")]
        for Z in (np.ones(48), np.ones((48, 2)))
    )

    assert fill_in_operations(mixed) == 8 * fill_in_operations(plain)
