"""Text that reads as numbers or dates is not taken for a factor silently."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import DataError

N = 60


def data_with(values: object) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame({"y": rng.normal(size=N), "x": values, "g": np.repeat(range(12), 5)})


DOSES = np.tile(["0.5", "1.0", "2"], 20)
YEARS = [str(1960 + k) for k in range(N)]
DAYS = [f"2024-03-{1 + k % 30:02d}" for k in range(N)]


@pytest.mark.parametrize(
    ("values", "kind", "given"),
    [
        (DOSES, "numbers", "`0.5` in row 0, one of 3 values"),
        (YEARS, "numbers", "`1960` in row 0, one of 60 values"),
        (np.tile(["1,5", "2", "3,25"], 20), "numbers", "`1,5` in row 0"),
        (DAYS, "dates", "`2024-03-01` in row 0, one of 30 values"),
        (np.tile(["3.4.2024", "10/4/2024"], 30), "dates", "`3.4.2024` in row 0"),
        (["7"] + [f"{k}.5" for k in range(58)] + ["1O"], "numbers but for a few cells",
         "`1O` in row 59"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("formula", ["y ~ x", "y ~ 1 + (1 + x | g)", "y ~ g:x"])
def test_numbers_and_dates_in_text_are_no_predictor(formula, values, kind, given):
    with pytest.raises(DataError, match=f"predictor `x` holds {kind}, written as text") as raised:
        po.model(formula, data_with(values))

    assert given in raised.value.given
    assert "factor(x)" in raised.value.fix
    assert "^" in str(raised.value)


def test_rows_left_out_do_not_hide_it():
    data = data_with(DOSES)
    data.loc[3, "y"] = np.nan

    with pytest.raises(DataError, match="predictor `x` holds numbers"):
        po.model("y ~ x", data, missing="drop")


@pytest.mark.parametrize(
    "values",
    [
        np.tile(["1", "2", "3"], 20),  # codes
        np.tile(["a", "b", "3"], 20),
        np.tile(["0", "1-2", "3+"], 20),
        np.tile(["1", "2", "3", "4", "5+"], 12),
        pd.Categorical(DOSES),
        pd.Categorical(DAYS),
    ],
    ids=["codes", "words", "ranges", "open range", "categories", "dates as categories"],
)
def test_codes_words_and_categories_are_factors(values):
    coefs = po.model("y ~ x", data_with(values)).design.main.coefs

    assert len(coefs) == len(set(values))


@pytest.mark.parametrize("values", [DOSES, YEARS, DAYS])
def test_factor_and_groups_take_them_as_they_are(values):
    data = data_with(values)

    assert len(po.model("y ~ factor(x)", data).design.main.coefs) == len(set(values))
    assert po.model("y ~ 1 + (1 | x)", data).design.main.groups[0].n_levels == len(set(values))
