"""What must not change the posterior: units, order of rows, names and reference of levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base import array_stats

import poolish as po

RNG = np.random.default_rng(12)
N = 96
DATA = pd.DataFrame(
    {
        "x": RNG.normal(2, 3, N),
        "f": np.tile(list("uvw"), N // 3),
        "h": np.tile(["a", "a", "b", "b"], N // 4),
        "g": np.repeat(list("abcdefgh"), N // 8),
    }
)
DATA["y"] = (
    100
    + 4 * DATA["x"]
    + DATA["f"].map({"u": 0, "v": 9, "w": -6})
    + np.repeat(RNG.normal(0, 12, 8), N // 8)
    + RNG.normal(0, 20, N)
)
FORMULA = "y ~ x + f + (x | g)"


def draws_of(data: pd.DataFrame, formula: str = FORMULA, **options: object) -> po.Fit:
    fit = po.fit(formula, data, draws=1000, seed=5, **options)
    assert fit.result.record.engine == "exact"
    return fit


@pytest.fixture(scope="module")
def fit() -> po.Fit:
    return draws_of(DATA)


def assert_means_agree(one: xr.DataArray, other: xr.DataArray) -> None:
    """Hold the means of all draws to 4 joint Monte Carlo errors."""
    pairs = [values.to_numpy().reshape(*values.shape[:2], -1) for values in (one, other)]
    error = np.hypot(
        *(
            [float(array_stats.mcse(values[..., i], method="mean")) for i in range(values.shape[2])]
            for values in pairs
        )
    )
    first, second = (values.mean((0, 1)) for values in pairs)
    fixed = first == second  # a correlation with itself
    assert np.all(np.abs(first - second)[~fixed] <= 4 * error[~fixed]), one.name


def test_units_of_response_and_predictor_rescale_the_posterior(fit: po.Fit) -> None:
    """Default priors follow the data."""
    other = draws_of(DATA.assign(y=DATA["y"] * 10, x=DATA["x"] / 4)).posterior

    for name, values in fit.posterior.items():
        effect = values[values.dims[-1]]
        factor = 1.0 if name == "cor_g" else xr.where(effect == "x", 40.0, 10.0)
        assert_means_agree(values * factor, other[name])


def test_order_of_rows_does_not_matter(fit: po.Fit) -> None:
    other = draws_of(DATA.sample(frac=1.0, random_state=1)).posterior

    for name, values in fit.posterior.items():
        assert_means_agree(values, other[name])


def test_names_of_levels_change_no_draw(fit: po.Fit) -> None:
    renamed = DATA.assign(g="school " + DATA["g"], f=DATA["f"].map({"u": "k", "v": "l", "w": "m"}))
    other = draws_of(renamed).posterior

    for name, values in fit.posterior.items():
        np.testing.assert_array_equal(other[name], values, err_msg=name)


def test_a_product_is_its_three_terms() -> None:
    short, long = (
        draws_of(DATA, f"y ~ {right} + (1 | g)").posterior for right in ("f * h", "f + h + f:h")
    )

    assert short.identical(long)


def test_the_reference_level_changes_no_prediction() -> None:
    """Flat coefficients, as the default priors of dummies depend on the reference."""
    flat = {"priors": {"b": "flat()"}}
    one, other = (
        draws_of(DATA, f"y ~ x + {factor} + (1 | g)", **flat).predict(DATA[:12])
        for factor in ("f", 'C(f, treatment("w"))')
    )

    assert_means_agree(one, other)
