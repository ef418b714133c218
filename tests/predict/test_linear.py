"""The linear predictor: X b + Z r, row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import DataError, UnknownColumnError
from poolish.predict import blocks, linear_predictors, predict


def by_hand(posterior, frame) -> np.ndarray:
    """Return b0 + b1 x + r[g, 0] + r[g, 1] x, from labelled draws."""
    b, r = posterior.draws["b"], posterior.draws["r_g"]
    columns = []
    for _, row in frame.iterrows():
        own = r.sel(g=str(int(row["g"])))
        intercept = b.sel(coef="Intercept") + own.sel(g_effect="Intercept")
        slope = b.sel(coef="x") + own.sel(g_effect="x")
        columns.append((intercept + slope * row["x"]).values)
    return np.stack(columns, axis=2)


def test_fitted_rows_get_their_own_groups(slopes, rows):
    found = linear_predictors(slopes)

    assert list(found) == ["mu"]
    np.testing.assert_allclose(found["mu"], by_hand(slopes, rows), rtol=1e-12)


def test_new_rows_are_evaluated_by_the_recipe(slopes):
    new = pd.DataFrame({"x": [-1.0, 0.5, 3.0], "g": [310, 20, 310]}, index=["p", "q", "r"])

    found = predict(slopes, new, kind="linear")

    np.testing.assert_allclose(found.values, by_hand(slopes, new), rtol=1e-12)
    assert found.dims == ("chain", "draw", "obs")
    assert list(found.coords["obs"].values) == ["p", "q", "r"]


def test_prediction_of_the_fitted_table_is_that_of_the_fit(slopes, rows):
    for kind in ("linear", "mean", "response"):
        here = predict(slopes, kind=kind, seed=4)

        np.testing.assert_array_equal(predict(slopes, rows, kind=kind, seed=4), here)


def test_order_of_rows_does_not_matter(slopes, rows):
    order = np.random.default_rng(0).permutation(len(rows))

    found = predict(slopes, rows.iloc[order], kind="linear")

    np.testing.assert_allclose(found, predict(slopes, kind="linear").values[:, :, order])


def test_typical_group_has_no_effects(slopes):
    new = pd.DataFrame({"x": [0.0, 2.0]})

    found = predict(slopes, new, kind="linear", groups="zero")

    b = slopes.draws["b"].values
    expected = np.stack([b[..., 0], b[..., 0] + 2.0 * b[..., 1]], axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_groups_of_a_crossed_model_are_asked_for_one_by_one(crossed):
    new = pd.DataFrame({"x": [0.5, 0.5], "g": [308, 22], "item": ["never", "seen"]})

    found = predict(crossed, new, kind="linear", groups={"g": "observed", "item": "zero"})

    b, r = crossed.draws["b"].values, crossed.draws["r_g"].sel(g=["308", "22"]).values[..., 0]
    np.testing.assert_allclose(found, r + (b[..., :1] + 0.5 * b[..., 1:]), rtol=1e-12)


def test_column_of_a_group_set_to_zero_may_be_absent(crossed):
    new = pd.DataFrame({"x": [0.5], "g": [308]})

    found = predict(crossed, new, groups={"g": "observed", "item": "zero"})

    assert np.isfinite(found).all()


def test_levels_that_were_not_fitted_are_named(slopes):
    new = pd.DataFrame({"x": 0.0, "g": [308, 999, 1000, 999]})

    with pytest.raises(DataError, match=r"(?s)2 level\(s\) of `g` were not fitted.*999, 1000"):
        predict(slopes, new)


def test_the_fix_for_a_new_level_keeps_the_other_groups(crossed):
    new = pd.DataFrame({"x": [0.5], "g": [999], "item": ["u"]})

    with pytest.raises(DataError) as error:
        predict(crossed, new)

    assert '`groups={"g": "new", "item": "observed"}`' in error.value.fix


def test_nested_levels_that_were_not_fitted_are_named(rows):
    posterior = make_posterior("y ~ x + (1 | g:item)", rows)
    new = pd.DataFrame({"x": 0.0, "g": [308, 308], "item": ["u", "never"]})

    with pytest.raises(DataError, match="levels 308:never"):
        predict(posterior, new)


def test_long_lists_of_levels_are_cut(slopes):
    new = pd.DataFrame({"x": 0.0, "g": range(1000, 1009)})

    with pytest.raises(DataError, match="1000, 1001, 1002, 1003, 1004 and 4 more"):
        predict(slopes, new)


@pytest.mark.parametrize("groups", ["observed", "new"])
def test_group_column_is_needed_where_groups_differ(slopes, groups):
    with pytest.raises(UnknownColumnError, match="`g`"):
        predict(slopes, pd.DataFrame({"x": [0.0]}), groups=groups)


def test_blocks_of_draws_do_not_change_the_answer(slopes, rows, monkeypatch):
    whole = [predict(slopes, rows, groups=g, seed=2).values for g in ("observed", "new")]

    monkeypatch.setattr(blocks, "BLOCK_BYTES", 8 * len(rows) * 7)
    in_blocks = [predict(slopes, rows, groups=g, seed=2).values for g in ("observed", "new")]

    np.testing.assert_allclose(in_blocks, whole, rtol=1e-12)


def test_model_without_groups_or_coefficients_predicts(rows):
    plain = make_posterior("y ~ x", rows)
    empty = make_posterior("y ~ 0 + offset(x) + (1 | g)", rows)

    zero = predict(empty, kind="linear", groups="zero")

    assert np.isfinite(predict(plain)).all()
    np.testing.assert_allclose(zero, np.broadcast_to(rows["x"], zero.shape))


def test_other_parameters_have_their_own_linear_predictor(rows):
    posterior = make_posterior(["y ~ x", "sigma ~ x + (1 | g)"], rows)

    found = linear_predictors(posterior)

    b = posterior.draws["b_sigma"].values
    r = posterior.draws["r_g_sigma"].sel(g=[str(g) for g in rows["g"]]).values[..., 0]
    expected = b[..., :1] + b[..., 1:] * rows["x"].to_numpy() + r
    np.testing.assert_allclose(found["sigma"], expected, rtol=1e-12)
