"""Exact and quadrature engines against NUTS on random models: every scalar compared.

Nothing but the model is shared: NUTS samples every effect of the PyMC model, the other engines
integrate them out. Standard deviations are compared on the log scale, where tails are light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.design import Design, build_design
from poolish.engines.choose import ENGINES
from poolish.engines.protocol import Draws, Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.relations import as_relation, precision
from poolish.spec.build import build_spec
from poolish.spec.model import ModelSpec

pytestmark = pytest.mark.slow

SEED, N_MODELS, MAX_Z = 2026, 20, 4.5
N_OBS, N_IDS = 96, 12
PLAN = Plan(draws=1000, tune=1000, chains=4, seed=3, progress=False)

# What a model is put together from; every list is dealt round, so that all of it occurs.
GROUPS = (
    "(1 | g)",
    "(x | g)",
    "(x + z | g)",
    "(x + z || g)",
    "(0 + f || g)",
    "(1 | a / c)",
    "(1 | g) + (1 | h)",
    "(x | g) + (x || h)",
    "(1 | kin(id, K)) + (1 | id)",
    "(x | kin(id, K))",
    "(1 | kin(id, Q)) + (1 | g)",
)
CORRELATED = {text for text in GROUPS if "x | " in text or "z | " in text}
LEFT = ("y", "y | weights(w)", "y | se(s)")
RIGHT = ("x", "x + f", "0 + f", "x + offset(o)", "1")
SIGMA = (None, None, "sigma ~ 0 + f", "sigma ~ f")
COEFS = (None, "normal(0, 2)", "flat()", "normal(1, 0.5)")
SDS = (
    None,
    "half_student_t(4, 0, 1)",
    "half_normal(0, 1)",
    "half_cauchy(0, 1)",
    "exponential(1)",
    "gamma(2, 1.5)",
    "inverse_gamma(3, 2)",
    "sqrt_inverse_gamma(2, 1)",
    "uniform(0, 4)",
    "lognormal(-0.5, 0.7)",
    "constant(0.6)",
)
ETAS = (None, "lkj(1)", "lkj(0.7)", "lkj(4)")


@dataclass(frozen=True)
class RandomModel:
    """Formulas and priors of one model."""

    formulas: tuple[str, ...]
    priors: dict[str, str]


def _deal(rng: np.random.Generator, options: tuple[Any, ...]) -> list[Any]:
    """Return one option a model, each as often as the others, in random order."""
    return [options[i] for i in rng.permutation(np.arange(N_MODELS) % len(options))]


def _models() -> Iterator[RandomModel]:
    rng = np.random.default_rng(SEED)
    dealt = [_deal(rng, row) for row in (LEFT, RIGHT, GROUPS, SIGMA, COEFS, SDS, SDS, ETAS)]
    for left, right, groups, sigma, coefs, sd, residual, eta in zip(*dealt, strict=True):
        known = "se(" in left
        formulas = [f"{left} ~ {right} + {groups}", *([sigma] if sigma and not known else [])]
        priors = {
            "b[Intercept]" if right == "1" else "b": coefs,
            "sd": sd,
            "cor": eta if groups in CORRELATED else None,
            "sigma": residual if len(formulas) == 1 and not known else None,
        }
        yield RandomModel(tuple(formulas), {k: v for k, v in priors.items() if v is not None})


MODELS = tuple(_models())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(SEED)
    columns = {
        "x": rng.normal(1, 1, N_OBS),
        "z": rng.normal(size=N_OBS),
        "o": rng.normal(size=N_OBS),
        "w": rng.uniform(0.5, 2, N_OBS),
        "s": rng.uniform(0.4, 1, N_OBS),
        "f": np.array(["u", "v", "w"])[rng.integers(0, 3, N_OBS)],
        "g": np.arange(N_OBS) % 10,
        "h": rng.integers(0, 7, N_OBS),
        "a": np.arange(N_OBS) % 6,
        "c": rng.integers(0, 3, N_OBS),
        "id": np.arange(N_OBS) % N_IDS,
    }
    frame = pd.DataFrame(columns)
    effects = rng.normal(size=(4, 12)) * 0.7
    mean = 1 + 0.5 * frame["x"] + effects[0][frame["g"]] + effects[1][frame["g"]] * frame["x"]
    mean = mean + effects[2][frame["h"]] + effects[3][frame["id"]]
    frame["y"] = mean + rng.normal(size=N_OBS) * (0.6 + 0.4 * (frame["f"] == "u"))
    return frame


@pytest.fixture(scope="module")
def relations() -> dict[str, Any]:
    rng = np.random.default_rng(SEED + 1)
    ids, root = list(range(N_IDS)), rng.normal(size=(N_IDS, 2 * N_IDS))
    chain = np.eye(N_IDS) - 0.5 * np.eye(N_IDS, k=-1)
    return {
        "K": as_relation((root @ root.T / (2 * N_IDS), ids), name="K"),
        "Q": precision(chain.T @ chain, ids),
    }


def _scalars(draws: Draws) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and draws, shape (chain, draw), of all that varies."""
    for name, values in draws.posterior.items():
        for place in np.ndindex(values.shape[2:]):
            one = values[(slice(None), slice(None), *place)]
            if np.ptp(one) > 1e-12:
                is_scale = name in ("sigma", "shape", "phi") or name.startswith("sd_")
                yield f"{name}{list(place)}", np.log(one) if is_scale else one


def _z(a: np.ndarray, b: np.ndarray, method: str) -> float:
    """Return the distance of two estimates in joint Monte Carlo standard errors."""
    value = np.mean if method == "mean" else np.std
    error = np.hypot(*(float(array_stats.mcse(x, method=method)) for x in (a, b)))
    return float(abs(value(a) - value(b)) / error)


def test_the_random_models_have_every_part() -> None:
    text = [" ; ".join(model.formulas) + str(model.priors) for model in MODELS]

    for part in (*LEFT, *GROUPS, *filter(None, (*COEFS, *SDS, *ETAS, *SIGMA)), *RIGHT):
        assert any(part in one for one in text), part


@pytest.mark.parametrize("model", MODELS, ids=lambda m: " ; ".join(m.formulas).replace(" ", ""))
def test_engines_agree_on_every_scalar(model: RandomModel, data: Any, relations: Any) -> None:
    parsed = parse(model.formulas)
    text = " ".join(model.formulas)
    used = {k: relation for k, relation in relations.items() if f"{k})" in text}
    design, _ = build_design(parsed, read_table(data), used)
    spec = build_spec(parsed, design, priors=model.priors)

    assert_engines_agree("exact", spec, design)


def assert_engines_agree(engine: str, spec: ModelSpec, design: Design) -> None:
    assert ENGINES[engine].can_fit(spec, design) is None
    found, nuts = (ENGINES[name].fit(spec, design, PLAN) for name in (engine, "nuts"))

    assert ENGINES[engine].gate(found) is None
    ours, theirs = dict(_scalars(found)), dict(_scalars(nuts))
    assert set(ours) == set(theirs)
    for name, values in ours.items():
        for method in ("mean", "sd"):
            assert _z(values, theirs[name], method) < MAX_Z, (name, method)


# --- Counts, times and shares: quadrature against NUTS. ---

FAMILIES = ("negbinomial", "gamma", "beta")
SCALAR_GROUPS = (
    "(1 | g) + (1 | h)",
    "(1 | a / c)",
    "(x || g) + (1 | h)",
    "(1 | id) + (0 + x | g)",
)
AUXILIARY = {"negbinomial": "shape", "gamma": "shape", "beta": "phi"}


def _quadrature_models() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield formula, family and priors: every family with each kind of groups."""
    rng = np.random.default_rng(SEED + 2)
    sds = [prior for prior in SDS if prior != "constant(0.6)"]
    for family in FAMILIES:
        for groups in SCALAR_GROUPS:
            right, coefs, sd = (rng.choice(row) for row in (RIGHT[:4], COEFS[1:], sds[1:]))
            own = {AUXILIARY[family]: str(rng.choice(["exponential(0.5)", "gamma(2, 0.5)"]))}
            formula = f"{family} ~ {right} + {groups}"
            yield formula, family, {"b": str(coefs), "sd": str(sd)} | own


@pytest.fixture(scope="module")
def outcomes(data: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(SEED + 3)
    effects = 0.5 * rng.normal(size=(3, 12))
    eta = 0.3 + 0.4 * data["x"] + effects[0][data["g"]] + effects[1][data["h"]]
    mean, share = np.exp(eta), 1 / (1 + np.exp(-eta))
    return data.assign(
        negbinomial=rng.negative_binomial(3, 3 / (3 + mean)),
        gamma=rng.gamma(3, mean / 3),
        beta=np.clip(rng.beta(6 * share, 6 * (1 - share)), 1e-4, 1 - 1e-4),
    )


@pytest.mark.parametrize(
    ("formula", "family", "priors"),
    tuple(_quadrature_models()),
    ids=lambda part: part.replace(" ", "") if isinstance(part, str) and "~" in part else "",
)
def test_quadrature_agrees_on_every_scalar(
    formula: str, family: str, priors: dict[str, str], outcomes: pd.DataFrame
) -> None:
    design, _ = build_design(parse(formula), read_table(outcomes), {})
    spec = build_spec(parse(formula), design, family=family, priors=priors)

    assert_engines_agree("quadrature", spec, design)
