from __future__ import annotations

import numpy as np
import pytest

from poolish.design.contrasts import Contrast, contrast_columns, dummy_columns
from poolish.errors import FormulaError, UnknownNameError
from poolish.formula.terms import Call, Name, Number, Text

LEVELS = ("a", "b", "c", "d")
# contr.treatment(4), contr.sum(4), contr.helmert(4), contr.poly(4) of R 4.2.2
LINEAR = np.array([-3, -1, 1, 3]) / np.sqrt(20)


@pytest.mark.parametrize(
    ("contrast", "labels", "matrix"),
    [
        (Contrast("treatment"), "bcd", [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (Contrast("treatment", 1), "acd", [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (Contrast("sum"), "abc", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]]),
        (Contrast("helmert"), "bcd", [[-1, -1, -1], [1, -1, -1], [0, 2, -1], [0, 0, 3]]),
    ],
)
def test_codings_are_those_of_r(contrast, labels, matrix):
    columns = contrast_columns(contrast, LEVELS)

    assert list(columns) == list(labels)
    np.testing.assert_array_equal(np.column_stack(list(columns.values())), matrix)


def test_polynomial_coding_is_orthonormal_and_starts_with_the_line():
    columns = contrast_columns(Contrast("poly"), (*LEVELS, "e"))

    matrix = np.column_stack(list(columns.values()))
    assert list(columns) == ["L", "Q", "C", "^4"]
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(contrast_columns(Contrast("poly"), LEVELS)["L"], LINEAR)


def test_dummies_are_one_column_per_level():
    np.testing.assert_array_equal(dummy_columns(("a", "b"))["b"], [0, 1])


@pytest.mark.parametrize(
    "coding",
    [
        Call("treatment", (Text("c"),)),
        Call("treatment", (), (("ref", Text("c")),)),
        Call("treatment", (), (("base", Number(3.0)),)),
    ],
)
def test_the_reference_is_named_or_counted(build, coding):
    from poolish.design.evaluate import evaluate
    from poolish.design.learn import learn
    from poolish.frame import read_table

    call = Call("C", (Name("f"), coding))
    table = read_table({"f": ["a", "b", "c"]})

    factor = evaluate(call, table, learn([call], table))

    assert factor.contrast == Contrast("treatment", 2)


def test_factor_takes_a_reference(build):
    design, _ = build('y ~ factor(f, ref="b")')

    labels = [f'factor(f, ref="b")[{level}]' for level in "acd"]
    assert list(design.main.coefs) == ["Intercept", *labels]


def test_a_number_can_be_the_reference(build):
    design, _ = build("y ~ C(id, treatment(10))")

    assert "C(id, treatment(10))[9]" in design.main.coefs
    assert "C(id, treatment(10))[10]" not in design.main.coefs


def test_an_unknown_reference_is_an_error_with_the_levels(build):
    with pytest.raises(UnknownNameError, match=r"`e` is not a level of `f`(.*\n)*.*a, b, c, d"):
        build('y ~ C(f, treatment("e"))')


def evaluate_call(call):
    from poolish.design.evaluate import evaluate
    from poolish.design.learn import learn
    from poolish.frame import read_table

    table = read_table({"f": ["a", "b"]})
    return evaluate(call, table, learn([call], table))


def test_an_unknown_coding_is_an_error_with_the_codings():
    with pytest.raises(FormulaError, match=r"(.*\n)*.*treatment, sum, helmert, poly"):
        evaluate_call(Call("C", (Name("f"), Name("dummy"))))


def test_an_unknown_option_of_a_coding_is_an_error():
    coding = Call("treatment", (), (("level", Text("a")),))

    with pytest.raises(FormulaError, match="has an option `level` that does not exist"):
        evaluate_call(Call("C", (Name("f"), coding)))
