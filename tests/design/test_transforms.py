from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.design import evaluate_predictor
from poolish.errors import DataError, FormulaError
from poolish.formula.terms import Call, Name, Number
from poolish.frame import read_table


def test_center_and_scale_use_the_fitting_data_on_new_data(build, data):
    design, recipe = build("y ~ center(x) + scale(z)")
    new = pd.DataFrame({"x": [0.0, 1.0], "z": [1.0, 5.0]})

    found = evaluate_predictor(recipe, "mu", read_table(new), groups=False)

    np.testing.assert_allclose(design.main.X[:, 1].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(design.main.X[:, 2].std(ddof=1), 1)
    np.testing.assert_allclose(found.X[:, 1], new["x"] - data["x"].mean())
    np.testing.assert_allclose(found.X[:, 2], (new["z"] - data["z"].mean()) / data["z"].std())


def test_scaling_a_constant_is_an_error(build, data):
    with pytest.raises(DataError, match=r"`scale\(c\)` has no spread"):
        build("y ~ scale(c)", data.assign(c=2.0))


def test_a_polynomial_needs_more_values_than_its_degree(build):
    with pytest.raises(FormulaError, match=r"`poly\(id, 5\)`(.*\n)*.*degree from 1 to 4"):
        build("y ~ poly(id, 5)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("bs(x, df=2)", "df >= 3"), ("bs(x, degree=0)", "degree >= 1"), ("ns(x, df=0)", "df >= 1")],
)
def test_too_few_degrees_of_freedom_are_an_error(build, text, expected):
    with pytest.raises(FormulaError, match=rf"cannot be computed(.*\n)*.*{expected}"):
        build(f"y ~ {text}")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("poly", (Name("x"), Number(2), Number(3))), "expected: 1 variable"),
        (Call("within", (Name("x"),)), "expected: 2 variables"),
        (Call("poly", (Name("x"),), (("deg", Number(2)),)), "expected: `degree=`, `raw=`"),
        (Call("center", (Name("x"),), (("sd", Number(2)),)), "expected: no options"),
        (Call("bs", (Name("x"), Number(2.5))), "a whole number for `df`"),
    ],
)
def test_arguments_that_make_no_sense_are_an_error(call, expected):
    from poolish.design.options import split_arguments

    with pytest.raises(FormulaError, match=rf"cannot be computed(.*\n)*.*{expected}"):
        split_arguments(call)


def test_within_and_between_add_up_and_know_their_groups(build, data):
    design, recipe = build("y ~ within(x, id) + between(x, id)")
    means = data.groupby("id")["x"].transform("mean")
    new = pd.DataFrame({"x": [1.0, 5.0, 7.0], "id": [9, 500, 500]})

    found = evaluate_predictor(recipe, "mu", read_table(new), groups=False)

    np.testing.assert_allclose(design.main.X[:, 1], data["x"] - means, atol=1e-12)
    np.testing.assert_allclose(design.main.X[:, 2], means)
    of_nine = data.loc[data["id"] == 9, "x"].mean()
    np.testing.assert_allclose(found.X[:, 2], [of_nine, 6.0, 6.0])
    np.testing.assert_allclose(found.X[:, 1], [1.0 - of_nine, -1.0, 1.0])


def test_splines_beyond_the_data_continue_smoothly(build, data):
    _, recipe = build("y ~ ns(x, df=3)")
    top = data["x"].max()
    new = read_table({"x": [top, top + 1, top + 2]})

    found = evaluate_predictor(recipe, "mu", new, groups=False).X

    np.testing.assert_allclose(found[2] - found[1], found[1] - found[0])
