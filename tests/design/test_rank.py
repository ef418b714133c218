from __future__ import annotations

import numpy as np
import pytest

from poolish.design.encode import Encoded
from poolish.design.rank import CHUNK, check_columns, triangular_factor
from poolish.errors import DataError


def test_the_triangular_factor_is_that_of_all_rows():
    X = np.random.default_rng(1).normal(size=(2 * CHUNK + 7, 3))

    found = triangular_factor(X)

    np.testing.assert_allclose(found.T @ found, X.T @ X)
    np.testing.assert_allclose(np.tril(found, -1), 0, atol=1e-12)


def test_a_repeated_column_is_named_with_those_it_repeats(build, data):
    data["w"] = 2 * data["x"] - data["z"] + 1
    expected = (
        r"predictor `w` repeats what other columns say\n"
        r"  given:    `w` is a linear combination of `Intercept`, `x`, `z`\n"
        r"(.*\n)*  fix:      remove the term that makes `w`, or the intercept by `0 \+`"
    )

    with pytest.raises(DataError, match=expected):
        build("y ~ x + z + s + w", data)


def test_a_constant_predictor_is_named_with_its_value(build, data):
    with pytest.raises(DataError, match=r"`c` has the same value in every row\n.*3 in all 40 rows"):
        build("y ~ x + c", data.assign(c=3.0))


def test_a_predictor_that_varies_less_than_rounding_is_not_called_constant(build, data):
    with pytest.raises(DataError, match=r"`x` varies too little for its size\n.*near 1e\+12"):
        build("y ~ x", data.assign(x=1e12 + data["x"]))


@pytest.mark.parametrize(("factor", "word"), [(1e200, "large"), (1e-200, "small")])
def test_a_predictor_beyond_double_precision_is_named(build, data, factor, word):
    with pytest.raises(DataError, match=f"`x` is too {word} to compute with"):
        build("y ~ x", data.assign(x=factor * data["x"]))


def test_a_combination_that_never_occurs_is_named(build, data):
    kept = data[~((data["f"] == "b") & (data["h"] == "v"))]

    with pytest.raises(DataError, match=r"`f\[b\]:h\[v\]` has the same value in every row"):
        build("y ~ f * h", kept)


def test_a_factor_with_one_level_is_named(build, data):
    with pytest.raises(DataError, match="factor `f` has only the level `a`"):
        build("y ~ factor(f)", data.assign(f="a"))


def test_more_coefficients_than_rows_is_an_error(build, data):
    with pytest.raises(DataError, match="3 rows for 4 coefficients"):
        build("y ~ x + z + s", data[:3])


def test_many_others_are_counted():
    X = np.random.default_rng(1).normal(size=(20, 11))
    X[:, 10] = X[:, :10].sum(axis=1)
    encoded = Encoded(tuple(f"x{j}" for j in range(11)), X)

    with pytest.raises(DataError, match=r"`x7` and 2 more"):
        check_columns(encoded, has_intercept=False)


def test_a_predictor_far_from_zero_is_accepted(build, data):
    seconds = 1.7e9 + 100 * data["x"]

    design, _ = build("y ~ seconds + z", data.assign(seconds=seconds))

    assert design.main.coefs == ("Intercept", "seconds", "z")


def test_a_constant_column_can_stand_for_the_intercept(build, data):
    design, _ = build("y ~ 0 + c + x", data.assign(c=1.0))

    assert not design.main.has_intercept
