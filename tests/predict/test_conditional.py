"""Effects of a group given its rows, against lme4's conditional modes and standard deviations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import REFERENCE, make_posterior

from poolish.predict import update_group

N_DRAWS = 10_000


def constant(**parameters) -> dict[str, np.ndarray]:
    return {n: np.broadcast_to(v, (1, N_DRAWS, *np.shape(v))) for n, v in parameters.items()}


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def lme4_estimates(fit: dict, group: str) -> dict[str, np.ndarray]:
    """Return lme4's estimates as constant draws."""
    (component,) = fit["varcomp"]
    draws = {"b": fit["fixed"]["estimate"], f"sd_{group}": component["sd"]}
    if component["corr"] is not None:
        draws[f"cor_{group}"] = component["corr"]
    if fit["sigma"] is not None:
        draws["sigma"] = fit["sigma"]
    return constant(**draws)


@pytest.mark.parametrize(
    ("name", "data", "formula", "group", "level"),
    [
        ("sleepstudy_slope", "sleepstudy", "Reaction ~ Days + (Days | Subject)", "Subject", "308"),
        (
            "radon_intercept",
            "radon",
            "log_radon ~ floor + log_uranium + (1 | county)",
            "county",
            "ANOKA",
        ),
    ],
)
def test_all_rows_of_a_level_give_its_conditional_mode(name, data, formula, group, level):
    fit = read(REFERENCE / "lme4" / f"{name}__lme4_REML.json")
    table = pd.read_csv(REFERENCE / "lme4" / "data" / f"{data}.csv")
    posterior = make_posterior(formula, table, lme4_estimates(fit, group))

    found = update_group(posterior, table[table[group].astype(str) == level])

    values = found.effects.values.reshape(N_DRAWS, -1)
    effects = fit["ranef"][group]
    place = effects["levels"].index(level)
    mode = np.array([term[place] for term in effects["mode"]])
    sd = np.array([term[place] for term in effects["cond_sd"]])
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - mode), 4 * sd / np.sqrt(N_DRAWS))
    np.testing.assert_allclose(values.std(axis=0), sd, rtol=4 / np.sqrt(2 * N_DRAWS))


CASES = {
    "cbpp": (
        "cbpp__glmer_laplace",
        "incidence | trials(size) ~ period + (1 | herd)",
        "binomial",
        "herd",
    ),
    "Contraception": (
        "contraception_age10__glmer_laplace",
        "used ~ age10 + I(age10^2) + urban + livch + (1 | district)",
        "bernoulli",
        "district",
    ),
}


def read_glmm(name: str) -> tuple[dict, pd.DataFrame]:
    fit = read(REFERENCE / "glmm" / f"{CASES[name][0]}.json")
    table = pd.read_csv(REFERENCE / "glmm" / f"{name}.csv")
    if name == "cbpp":
        return fit, table.assign(period=table["period"].astype(str))
    used = (table["use"] == "Y").astype(int)
    return fit, table.assign(used=used, age10=table["age"] / 10)


@pytest.mark.parametrize("name", CASES)
def test_draws_surround_the_conditional_mode_of_a_logistic_model(name):
    _, formula, family, group = CASES[name]
    fit, table = read_glmm(name)
    posterior = make_posterior(formula, table, lme4_estimates(fit, group), family=family)
    (tau,) = fit["varcomp"][0]["sd"]
    effects = fit["ranef"][group]
    place = int(np.argmin(effects["cond_sd"][0]))
    level = effects["levels"][place]

    found = update_group(posterior, table[table[group].astype(str) == level], seed=1)

    values, sd = found.effects.values.ravel(), effects["cond_sd"][0][place]
    # Mean and mode of a slightly skew density differ by less than its sd over 10 here.
    assert values.mean() == pytest.approx(effects["mode"][0][place], abs=0.1 * sd)
    assert values.std() == pytest.approx(sd, rel=0.08)
    assert values.std() < tau and found.khat < 0.5
