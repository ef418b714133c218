from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from poolish.design.arrays import ResponseDesign
from poolish.spec.distributions import DISTRIBUTIONS
from poolish.spec.families import FAMILIES
from poolish.spec.families.defaults import mad
from poolish.spec.priors import parse_prior

# By default_priors.R, brms 2.18.0.
BRMS = pd.read_csv(Path(__file__).parents[2] / "reference" / "brms" / "default_priors.csv")

# Reaction of lme4::sleepstudy rounded; R 4.2.2: mad(c(249.6, 258.7, 250.8, 321.4, 356.9, 414.7)).
REACTIONS = np.array([249.6, 258.7, 250.8, 321.4, 356.9, 414.7])


def _default(family: str, parameter: str, response: ResponseDesign) -> str:
    row = next(row for row in FAMILIES[family].active(response) if row.name == parameter)
    assert row.default_prior is not None
    return str(row.default_prior(response))


def test_mad_is_that_of_r() -> None:
    assert mad(REACTIONS) == pytest.approx(59.08161, rel=1e-12)


@pytest.mark.parametrize(
    ("family", "parameter", "expected"),
    [
        ("gaussian", "sigma", "half_student_t(3, 0, 59.08)"),
        ("student", "sigma", "half_student_t(3, 0, 59.08)"),
        ("student", "nu", "gamma(2, 0.1)"),
        ("skew_normal", "alpha", "normal(0, 4)"),
        ("lognormal", "sigma", "half_student_t(3, 0, 2.5)"),
        ("gamma", "shape", "gamma(0.01, 0.01)"),
        ("negbinomial", "shape", "inverse_gamma(0.4, 0.3)"),
        ("beta", "phi", "gamma(0.01, 0.01)"),
        ("zero_inflated_poisson", "zi", "beta(1, 1)"),
        ("hurdle_gamma", "hu", "beta(1, 1)"),
        ("von_mises", "kappa", "gamma(2, 0.01)"),
        ("cumulative", "threshold", "student_t(3, 0, 2.5)"),
    ],
)
def test_default_priors_are_those_of_brms(family: str, parameter: str, expected: str) -> None:
    response = ResponseDesign("y", REACTIONS, levels=("a", "b", "c"))

    assert _default(family, parameter, response) == expected


@pytest.mark.parametrize("name", FAMILIES)
def test_every_default_prior_exists_and_has_its_numbers(name: str) -> None:
    response = ResponseDesign("y", REACTIONS, levels=("a", "b", "c"))

    for parameter in FAMILIES[name].active(response)[1:]:
        prior = parameter.default_prior(response) if parameter.default_prior else None
        if prior is not None:
            row = DISTRIBUTIONS[prior.distribution]
            assert len(prior.arguments) == len(row.arguments)


def test_default_of_a_hurdle_sd_ignores_the_zeros() -> None:
    response = ResponseDesign("y", np.array([0.0, 1.0, 1e6, 1e9]))

    text = _default("hurdle_lognormal", "sigma", response)

    without = _default("lognormal", "sigma", replace(response, y=response.y[1:]))
    assert text == without


@pytest.mark.parametrize(
    "row", list(BRMS.itertuples()), ids=lambda row: f"{row.family}-{row.parameter}"
)
def test_defaults_are_those_that_brms_itself_lists(row: Any) -> None:
    parameter = next(p for p in FAMILIES[row.family].parameters if p.name == row.parameter)
    assert parameter.default_prior is not None

    own = parameter.default_prior(ResponseDesign("y", REACTIONS))
    intercept = parameter.intercept_prior

    # docs/priors.md says where we differ: negative binomial shapes, intercepts of a log scale.
    if not row.family.endswith("negbinomial") or row.parameter != "shape":
        assert own == parse_prior(row.own)
    assert intercept == (None if "student" in row.intercept else parse_prior(row.intercept))
