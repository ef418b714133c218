"""Points of every family's parameter space and outcomes it can produce, shared by the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from poolish.design.arrays import ResponseDesign


@dataclass(frozen=True)
class Case:
    """Outcomes of a family and the parameters they are judged at, one entry per row."""

    family: str
    parameters: Mapping[str, np.ndarray]
    response: ResponseDesign


def _case(
    family: str, y: list[float], *, levels: tuple[str, ...] = (), **columns: list[float]
) -> Case:
    arrays = {name: np.array(values, dtype=float) for name, values in columns.items()}
    terms = {name: arrays.pop(name) for name in ("trials", "rate") if name in arrays}
    response = ResponseDesign("y", np.array(y, dtype=float), levels=levels, **terms)
    return Case(family, arrays, response)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with a `case` argument for every family."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=lambda case: case.family)


@pytest.fixture(scope="session")
def cases() -> Mapping[str, Case]:
    return {case.family: case for case in CASES}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261120)


_CHANCES = [0.02, 0.3, 0.5, 0.97]
_MEANS = [0.05, 1.0, 3.5, 40.0]
_POSITIVE = [0.1, 0.8, 5.0, 33.0]
_COUNTS = [0, 1, 7, 60]
_SUCCESSES = [0, 2, 5, 20]
_TRIALS = [1, 4, 11, 20]
_SIGMAS = [0.3, 1.0, 2.0, 7.0]
_SHAPES = [0.4, 1.0, 3.0, 25.0]
_LEVELS = ("low", "middle", "high", "top")
_ORDINAL = {"mu": [-3.0, 0.0, 0.7, 6.0], "threshold": [-1.5, 0.2, 2.0]}

CASES: tuple[Case, ...] = (
    _case("gaussian", [-1.0, 0.5, 9.0, 30.0], mu=[0.5, 1.0, 4.0, 25.0], sigma=_SIGMAS),
    _case(
        "student",
        [-1.0, 0.5, 9.0, 30.0],
        mu=[0.5, 1.0, 4.0, 25.0],
        sigma=_SIGMAS,
        nu=[1.5, 5.0, 6.0, 40.0],
    ),
    _case(
        "skew_normal",
        [-1.0, 0.5, 9.0, 30.0],
        mu=[0.5, 1.0, 4.0, 25.0],
        sigma=_SIGMAS,
        alpha=[-5.0, 0.3, 2.0, 9.0],
    ),
    _case("lognormal", _POSITIVE, mu=[-2.0, 0.4, 1.0, 3.0], sigma=[0.3, 0.5, 1.0, 1.2]),
    _case("gamma", _POSITIVE, mu=_MEANS, shape=_SHAPES),
    _case("exponential", _POSITIVE, mu=_MEANS),
    _case("weibull", _POSITIVE, mu=[0.3, 1.0, 3.5, 40.0], shape=[0.7, 1.0, 2.0, 4.0]),
    _case("inverse_gaussian", _POSITIVE, mu=[0.3, 1.0, 3.5, 40.0], shape=_SHAPES),
    _case("beta", [0.01, 0.4, 0.5, 0.99], mu=_CHANCES, phi=[2.0, 2.0, 9.0, 80.0]),
    _case("bernoulli", [0, 1, 1, 0], mu=_CHANCES),
    _case("binomial", _SUCCESSES, mu=_CHANCES, trials=_TRIALS),
    _case("beta_binomial", _SUCCESSES, mu=_CHANCES, phi=[0.5, 2.0, 9.0, 80.0], trials=_TRIALS),
    _case("poisson", _COUNTS, mu=_MEANS),
    _case("negbinomial", _COUNTS, mu=_MEANS, shape=_SHAPES),
    _case("geometric", _COUNTS, mu=_MEANS),
    _case("zero_inflated_poisson", _COUNTS, mu=_MEANS, zi=_CHANCES),
    _case("zero_inflated_negbinomial", _COUNTS, mu=_MEANS, shape=_SHAPES, zi=_CHANCES),
    _case("zero_inflated_binomial", _SUCCESSES, mu=_CHANCES, zi=_CHANCES[::-1], trials=_TRIALS),
    _case("hurdle_poisson", _COUNTS, mu=_MEANS, hu=_CHANCES),
    _case("hurdle_negbinomial", _COUNTS, mu=_MEANS, shape=_SHAPES, hu=_CHANCES),
    _case("hurdle_gamma", [0.0, *_POSITIVE[1:]], mu=_MEANS, shape=_SHAPES, hu=_CHANCES),
    _case(
        "hurdle_lognormal",
        [0.0, *_POSITIVE[1:]],
        mu=[-2.0, 0.4, 1.0, 3.0],
        sigma=[0.3, 0.5, 1.0, 1.2],
        hu=_CHANCES,
    ),
    *(
        _case(f"{base}{link}", [0, 1, 3, 2], levels=_LEVELS, **_ORDINAL)
        for base in ("cumulative", "sratio")
        for link in ("", "_probit", "_cloglog")
    ),
    _case(
        "categorical",
        [0, 2, 1, 2],
        levels=("car", "bus", "on foot"),
        mubus=[-3.0, 0.0, 0.7, 6.0],
        muonfoot=[1.0, 0.2, -2.0, 5.0],
    ),
    _case(
        "asymmetric_laplace",
        [-1.0, 0.5, 9.0, 30.0],
        mu=[0.5, 1.0, 4.0, 25.0],
        sigma=_SIGMAS,
        quantile=[0.05, 0.3, 0.5, 0.9],
    ),
    _case(
        "von_mises", [-3.0, 0.5, 1.0, 3.1], mu=[-2.0, 0.5, 1.4, 3.0], kappa=[0.1, 1.0, 5.0, 300.0]
    ),
)
