"""Every family row: density, normalisation, sampler and moments, before any response term."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families import FAMILIES
from poolish.spec.family import Family

REFERENCE = Path(__file__).parents[2] / "reference" / "families"
BY_BRMS = pd.read_csv(REFERENCE.parent / "brms" / "densities.csv")
N_DRAWS = 20_000
# Change of variable to the whole line, y(t) and log dy/dt, so that poles at an end are tame.
LINE = {
    "real": (lambda t: np.sinh(t), lambda t: np.log(np.cosh(t)), (-20.0, 0.0, 2.5, 20.0)),
    "positive": (np.exp, lambda t: t, (-700.0, -20.0, 0.0, 3.0, 10.0, 40.0)),
    "proportion": (
        special.expit,
        lambda t: special.log_expit(t) + special.log_expit(-t),
        (-700.0, -20.0, 0.0, 36.0),
    ),
    "angle": (lambda t: t, lambda t: 0.0 * t, (-np.pi, 0.5, 1.4, 3.0, np.pi)),
}


@pytest.fixture(scope="session")
def densities() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "densities.csv").set_index(["family", "row"])


def test_log_density_equals_that_of_base_r(case: Any, densities: pd.DataFrame) -> None:
    """Source and date in densities.R; R sums probabilities, hence 1e-9 for tiny ones."""
    family = FAMILIES[case.family]

    values = family.log_density(case.response.y, case.parameters, case.response)

    expected = densities.loc[case.family, "log_density"].to_numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", BY_BRMS["family"].unique())
def test_log_density_equals_that_of_brms(name: str) -> None:
    """By brms's own functions, at ten random points: see densities.R there."""
    points = BY_BRMS[BY_BRMS["family"] == name].dropna(axis="columns").drop(columns="family")
    columns = {column: points[column].to_numpy(dtype=float) for column in points}
    y, expected = columns.pop("y"), columns.pop("log_density")
    response = ResponseDesign("y", y, trials=columns.pop("trials", None))

    values = FAMILIES[name].log_density(y, columns, response)

    assert len(expected) == 10
    np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-8)


def test_density_sums_to_one(case: Any) -> None:
    family = FAMILIES[case.family]

    for row in range(len(case.response.y)):
        total = _total(family, *_one_row(case, row))

        assert total == pytest.approx(1.0, abs=1e-7), row


def test_draws_have_the_stated_mean_and_variance(case: Any, rng: np.random.Generator) -> None:
    if case.family == "von_mises":
        return  # directions: see test_circular
    family = FAMILIES[case.family]
    parameters = {name: values[None, ...] for name, values in case.parameters.items()}
    repeated = {
        name: np.repeat(values, N_DRAWS, axis=0) if name == "mu" else values
        for name, values in parameters.items()
    }
    if case.family == "categorical":
        repeated = {name: np.repeat(values, N_DRAWS, axis=0) for name, values in parameters.items()}

    draws = family.sample(rng, repeated, case.response)

    mean = family.mean(case.parameters, case.response)
    variance = family.variance(case.parameters, case.response)
    assert draws.shape == (N_DRAWS, len(case.response.y))
    assert np.all(np.isfinite(mean))
    squares = (draws - mean) ** 2
    known = np.isfinite(variance)
    error = np.sqrt(np.maximum(variance, 1e-12) / N_DRAWS)
    np.testing.assert_array_less(np.abs(draws.mean(0) - mean)[known], (4 * error + 1e-9)[known])
    error = squares.std(0) / np.sqrt(N_DRAWS)
    np.testing.assert_array_less(
        np.abs(squares.mean(0) - variance)[known], (4 * error + 1e-9)[known]
    )


def test_scalar_parameters_broadcast_over_chains_draws_and_rows(
    case: Any, rng: np.random.Generator
) -> None:
    family = FAMILIES[case.family]
    parameters = _with_draws(case.parameters)

    results = (
        family.log_density(case.response.y, parameters, case.response),
        family.sample(rng, parameters, case.response),
        family.mean(parameters, case.response),
        family.variance(parameters, case.response),
    )

    assert [result.shape for result in results] == [(2, 3, 4)] * 4


def test_same_seed_gives_the_same_draws(case: Any) -> None:
    family = FAMILIES[case.family]

    first, second = (
        family.sample(np.random.default_rng(7), case.parameters, case.response) for _ in range(2)
    )

    np.testing.assert_array_equal(first, second)


def test_own_outcomes_pass_the_support_check(case: Any) -> None:
    FAMILIES[case.family].check(case.response)


def test_draws_pass_the_support_check(case: Any, rng: np.random.Generator) -> None:
    family = FAMILIES[case.family]

    drawn = family.sample(rng, case.parameters, case.response)

    family.check(replace(case.response, y=drawn.astype(float)))


def test_order_of_the_parameters_does_not_matter(cases: Mapping[str, Any]) -> None:
    case = cases["negbinomial"]
    family = FAMILIES[case.family]
    turned = dict(reversed(case.parameters.items()))

    np.testing.assert_array_equal(family.mean(turned, case.response), case.parameters["mu"])


def _with_draws(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return predictors by (chain, draw, obs), auxiliary scalars by (chain, draw, 1)."""
    shaped = {}
    for name, values in parameters.items():
        if name.startswith("mu") or name == "threshold":
            shaped[name] = np.broadcast_to(values, (2, 3, len(values)))
        else:
            shaped[name] = np.full((2, 3, 1), values[1])
    return shaped


def _one_row(case: Any, row: int) -> tuple[dict[str, np.ndarray], Any]:
    parameters = {
        name: values if name == "threshold" else values[row : row + 1]
        for name, values in case.parameters.items()
    }
    trials = case.response.trials
    return parameters, replace(
        case.response,
        y=case.response.y[row : row + 1],
        trials=None if trials is None else trials[row : row + 1],
    )


def _total(family: Family, parameters: dict[str, np.ndarray], response: Any) -> float:
    def density(y: np.ndarray | float) -> np.ndarray:
        values = np.atleast_1d(np.asarray(y, dtype=float))
        return family.log_density(values, parameters, response)

    if family.is_discrete:
        last = {"binary": 1, "binomial": int(np.max(response.trials or [0]))}.get(
            family.response_kind, len(response.levels) - 1 if response.levels else 20_000
        )
        return float(np.exp(density(np.arange(last + 1.0))).sum())
    point = float(np.exp(density(0.0))[0]) if "hurdle" in family.name else 0.0
    place, log_slope, corners = LINE[family.response_kind]
    pieces = (
        integrate.quad(
            lambda t: float(np.exp(density(place(t))[0] + log_slope(t))), *ends, limit=400
        )[0]
        for ends in itertools.pairwise(corners)
    )
    return point + sum(pieces)
