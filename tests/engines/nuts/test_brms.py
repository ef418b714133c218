"""NUTS against long runs of brms, every parameter.

Reference: brms 2.18.0, rstan 2.21.7; `tests/reference/brms`, with the same priors on the raw
coefficients. Tolerance: 4 joint Monte Carlo standard errors of the mean, and a ratio of standard
deviations of 0.95 to 1.05.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.design import build_design
from poolish.engines.nuts import ENGINE
from poolish.engines.protocol import Plan
from poolish.face.model import build_model
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


# Fits of `fits.R`: formulas, data, family and the priors stated there.
FITS: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {
    "cumulative": (
        ("factor(rating) ~ treat + period + carry + (1 | subject)",),
        lambda: pd.read_csv(ROOT / "tests/reference/families/inhaler.csv"),
        {
            "family": "cumulative",
            "priors": {
                "b": "normal(0, 2)",
                "threshold": "student_t(3, 0, 2.5)",
                "sd_subject": "half_normal(0, 2)",
            },
        },
    ),
    "distributional": (
        ("Reaction ~ Days + (1 |p| Subject)", "sigma ~ Days + (1 |p| Subject)"),
        lambda: csv("sleepstudy"),
        {
            "priors": {
                "b": "normal(0, 20)",
                "b[Intercept]": "normal(300, 50)",
                "b_sigma": "normal(0, 0.5)",
                "b_sigma[Intercept]": "normal(3, 1)",
                "sd_Subject": "half_normal(0, 50)",
                "sd_Subject_sigma": "half_normal(0, 1)",
            }
        },
    ),
}


def name_in_fits(variable: str, labels: tuple[str, ...]) -> str:
    """Return brms's name of one number of `FITS`: `b_Intercept[1]`, `b_sigma_Days`."""
    kind, *rest = variable.split("_")
    if kind == "threshold":
        return f"b_Intercept[{labels[0].split(' ')[0]}]"
    if kind == "cor":
        return f"cor_{rest[0]}__{'__'.join(labels)}"
    if kind == "sd":
        return f"sd_{rest[0]}__{'_'.join((*rest[1:], *labels))}"
    return "_".join((variable, *labels))


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


@pytest.mark.parametrize("name", list(FITS))
def test_ordinal_and_distributional_fits_agree_with_brms(name: str) -> None:
    """`fits.R` there; the spread to 4 Monte Carlo errors too, theirs from its ESS."""
    formulas, data, options = FITS[name]
    reference = pd.read_csv(ROOT / "tests/reference/brms" / f"fit_{name}.csv").set_index("variable")
    model = build_model(formulas, data(), **options)

    draws = ENGINE.fit(model.spec, model.design, replace(PLAN, draws=1000))

    coords, seen = list_coords(model.spec), set()
    for variable in list_variables(model.spec):
        values = draws.posterior[variable.name]
        for index in np.ndindex(values.shape[2:]):
            labels = tuple(coords[dim][i] for dim, i in zip(variable.dims, index, strict=True))
            key = name_in_fits(variable.name, labels)
            if key not in reference.index:
                continue
            seen.add(key)
            chains, theirs = values[(..., *index)], reference.loc[key]
            error = np.hypot(float(array_stats.mcse(chains, method="mean")), theirs["se_mean"])
            assert abs(chains.mean() - theirs["mean"]) <= 4 * error, key
            own = float(array_stats.mcse(chains, method="sd"))
            error = np.hypot(own, theirs["sd"] / np.sqrt(2 * theirs["n_eff"]))
            assert abs(chains.std() - theirs["sd"]) <= 4 * error, key
    assert seen == set(reference.index)
