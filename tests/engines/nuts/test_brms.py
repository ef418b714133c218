"""NUTS against long runs of brms, every parameter.

Reference: brms 2.18.0, rstan 2.21.7; `tests/reference/brms`, with the same priors on the raw
coefficients. Tolerance: 4 joint Monte Carlo standard errors of the mean, and a ratio of standard
deviations of 0.95 to 1.05.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.design import build_design
from poolish.engines.nuts import ENGINE
from poolish.engines.protocol import Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.posterior.variables import list_coords, list_variables
from poolish.spec.build import build_spec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PLAN = Plan(draws=5000, chains=4, tune=1000, seed=11, progress=False)


def cbpp() -> pd.DataFrame:
    path = ROOT / "tests/reference/nuts/cbpp.csv"  # lme4::cbpp
    return pd.read_csv(path).astype({"period": str, "herd": str})


def csv(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "models" / name / "data.csv")


CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "sleepstudy_slope": (
        "Reaction ~ Days + (Days | Subject)",
        lambda: csv("sleepstudy"),
        {
            "priors": {
                "b[Intercept]": "normal(250, 100)",
                "b[Days]": "normal(0, 25)",
                "sd_Subject[Intercept]": "half_normal(0, 50)",
                "sd_Subject[Days]": "half_normal(0, 20)",
                "cor_Subject": "lkj(2)",
                "sigma": "half_student_t(3, 0, 50)",
            }
        },
    ),
    "eight_schools": (
        "y | se(sigma) ~ 1 + (1 | school)",
        lambda: csv("eight_schools"),
        {"priors": {"b[Intercept]": "normal(0, 20)", "sd_school": "half_cauchy(0, 5)"}},
    ),
    "cbpp": (
        "incidence | trials(size) ~ period + (1 | herd)",
        cbpp,
        {
            "family": "binomial",
            "priors": {
                "b": "normal(0, 2.5)",
                "b[Intercept]": "normal(0, 2.5)",
                "sd_herd": "exponential(1)",
            },
        },
    ),
}


def brms_name(variable: str, labels: tuple[str, ...]) -> str:
    """Return brms's name of one number: `b_Days`, `sd_g__x`, `cor_g__a__b`, `r_g[1,x]`."""
    kind = variable.split("_")[0]
    labels = tuple(label.replace("[", "").replace("]", "") for label in labels)
    if kind == "r":
        return f"{variable}[{','.join(labels)}]"
    return (
        "__".join((variable, *labels)) if kind in ("sd", "cor") else "_".join((variable, *labels))
    )


@pytest.mark.parametrize("name", list(CASES))
def test_posterior_agrees_with_brms(name: str) -> None:
    formula, data, options = CASES[name]
    reference = json.loads((ROOT / "tests/reference/brms" / f"{name}.json").read_text())["summary"]
    design, _ = build_design(parse(formula), read_table(data()), {})
    spec = build_spec(parse(formula), design, **options)

    draws = ENGINE.fit(spec, design, PLAN)

    coords, seen = list_coords(spec), set()
    for variable in list_variables(spec):
        values = draws.posterior[variable.name]
        for index in np.ndindex(values.shape[2:]):
            labels = tuple(coords[dim][i] for dim, i in zip(variable.dims, index, strict=True))
            key = brms_name(variable.name, labels)
            if key not in reference:
                continue
            seen.add(key)
            chains, theirs = values[(..., *index)], reference[key]
            error = np.hypot(float(array_stats.mcse(chains, method="mean")), theirs["mcse_mean"])
            assert abs(chains.mean() - theirs["mean"]) <= 4 * error, key
            assert 0.95 <= chains.std() / theirs["sd"] <= 1.05, key
    assert seen == set(reference) - {"lp__", "lprior"}
