"""Columns, their order and their coding against R's model.matrix (tests/reference/design)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design, evaluate_predictor
from poolish.design.encode import encode
from poolish.design.learn import learn
from poolish.design.recipe import Recipe
from poolish.errors import DataError
from poolish.formula import parse
from poolish.formula.terms import (
    INTERCEPT,
    Call,
    Formula,
    LinearFormula,
    Name,
    Number,
    Response,
    Term,
)
from poolish.frame import read_table

FOLDER = Path(__file__).parent.parent / "reference" / "design"
MATRICES = json.loads((FOLDER / "matrices.json").read_text())
LEVELS = {
    "f": pd.CategoricalDtype(["a", "b", "c"]),
    "g": pd.CategoricalDtype(["no", "yes"]),
    "o": pd.CategoricalDtype(["low", "mid", "high", "top"], ordered=True),
}
TOLERANCE = 1e-10
X = Name("x")
# Options that the formula language does not spell (yet), as terms.
BY_HAND = {
    "poly(x, 3, raw=1)": Call("poly", (X, Number(3)), (("raw", Number(1)),)),
    "0 + bs(x, df = 7, intercept = TRUE)": Call(
        "bs", (X,), (("df", Number(7)), ("intercept", Name("TRUE")))
    ),
    "0 + ns(x, df = 4, intercept = TRUE)": Call(
        "ns", (X,), (("df", Number(4)), ("intercept", Number(1)))
    ),
    "C(f, treatment(base=2))": Call(
        "C", (Name("f"), Call("treatment", (), (("base", Number(2)),)))
    ),
}


def read(name):
    return read_table(pd.read_csv(FOLDER / name).astype(LEVELS))


def read_formula(text):
    if text not in BY_HAND:
        return parse(f"y ~ {text}")
    intercept = () if text.startswith("0") else (INTERCEPT,)
    return Formula(Response(Name("y")), LinearFormula((*intercept, Term((BY_HAND[text],)))))


def encoded(text):
    formula = read_formula(text)
    table = read("data.csv")
    memory = learn((v for term in formula.main.terms for v in term.variables), table)
    return encode(formula.main.terms, table, memory), Recipe(formula, memory, {})


@pytest.mark.parametrize("case", MATRICES, ids=lambda case: case["formula"])
def test_columns_are_those_of_r(case):
    found, _ = encoded(case["formula"])

    expected = np.array(case["columns"]).T
    assert found.values.shape == expected.shape
    np.testing.assert_allclose(found.values, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    "case", [case for case in MATRICES if case["new"]], ids=lambda case: case["formula"]
)
def test_columns_on_new_data_are_those_of_r(case):
    _, recipe = encoded(case["formula"])

    found = evaluate_predictor(recipe, "mu", read("new.csv"), groups=False)

    expected = np.array(case["new"]).T
    np.testing.assert_allclose(found.X, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("case", MATRICES, ids=lambda case: case["formula"])
def test_a_design_is_refused_exactly_where_r_finds_it_rank_deficient(case):
    formula, table = read_formula(case["formula"]), read("data.csv")

    if case["rank"] == len(case["labels"]):
        design, _ = build_design(formula, table, {})
        assert design.main.X.shape[1] == case["rank"]
    else:
        with pytest.raises(DataError, match="repeats what other columns say"):
            build_design(formula, table, {})


def plain(label):
    """Return a label of ours as R writes it, for terms whose functions are spelled alike."""
    return re.sub(r"\[([^]]*)\]", r"\1", label).replace("Intercept", "(Intercept)")


@pytest.mark.parametrize(
    "case",
    [case for case in MATRICES if re.fullmatch(r"[01xzfgt :+*/()^2-]+", case["formula"])],
    ids=lambda case: case["formula"],
)
def test_labels_are_those_of_r_with_brackets(case):
    found, _ = encoded(case["formula"])

    assert [plain(label) for label in found.labels] == case["labels"]
