"""Models to and from bambi."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.bambi import bambi_arguments, build_bambi
from poolish.design import build_design
from poolish.errors import UnsupportedError
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec
from poolish.spec.prior import Prior

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def bmb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bambi

        return bambi


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(10, 2, n),
            "x": rng.normal(3, 1, n),
            "f": np.resize(["a", "b", "c"], n),
            "g": np.resize(list("pqrstu"), n),
            "k": rng.integers(0, 5, n),
            "n": np.full(n, 5),
        }
    )


def declare(formula: str, data: pd.DataFrame, **options: Any) -> tuple[Any, Any, Any]:
    parsed, table = parse(formula), read_table(data)
    design, _ = build_design(parsed, table, {})
    return build_spec(parsed, design, **options), design, table


def test_bambi_group_terms_become_uncorrelated(bmb: Any, data: pd.DataFrame) -> None:
    model = bmb.Model("y ~ f * x + (1 + x | g)", data)

    arguments = bambi_arguments(model)

    assert "|| g)" in arguments["formula"]
    spec, _, _ = declare(arguments["formula"], data, priors=arguments["priors"])
    assert spec.main.groups[0].blocks == ((0,), (1,))


def test_priors_of_bambi_are_carried_over_by_column(bmb: Any, data: pd.DataFrame) -> None:
    sd = bmb.Prior("HalfNormal", sigma=3)
    priors = {
        "Intercept": bmb.Prior("Normal", mu=1, sigma=7),
        "x": bmb.Prior("StudentT", nu=4, mu=0, sigma=2),
        "f": bmb.Prior("Normal", mu=np.array([1.0, 2.0]), sigma=4),
        "1|g": bmb.Prior("Normal", mu=0, sigma=bmb.Prior("Exponential", lam=0.5)),
        "x|g": bmb.Prior("Normal", mu=0, sigma=sd),
        "sigma": bmb.Prior("HalfCauchy", beta=2),
    }
    model = bmb.Model("y ~ x + f + (1 + x | g)", data, priors=priors)

    found = bambi_arguments(model)["priors"]

    assert {name: str(prior) for name, prior in found.items()} == {
        "Intercept": "normal(1, 7)",
        "b[x]": "student_t(4, 0, 2)",
        "b[f[b]]": "normal(1, 4)",
        "b[f[c]]": "normal(2, 4)",
        "sd_g[Intercept]": "exponential(0.5)",
        "sd_g[x]": "half_normal(0, 3)",
        "sigma": "half_cauchy(0, 2)",
    }


def test_prior_of_an_uncentred_bambi_model_is_on_the_raw_intercept(
    bmb: Any, data: pd.DataFrame
) -> None:
    model = bmb.Model("y ~ x", data, center_predictors=False)

    assert "b[Intercept]" in bambi_arguments(model)["priors"]


def test_binomial_response_becomes_trials(bmb: Any, data: pd.DataFrame) -> None:
    model = bmb.Model("p(k, n) ~ x + (1 | g)", data, family="binomial", link="probit")

    arguments = bambi_arguments(model)

    assert arguments["formula"].startswith("k | trials(n) ~")
    assert arguments["family"].links["mu"].name == "probit"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"family": "vonmises"}, "family `vonmises` is not carried over"),
        ({"potentials": [("x", lambda x: 0 * x)]}, "potentials are not carried over"),
        ({"priors": {"x": ("VonMises", {"mu": 0, "kappa": 1})}}, "the prior of `x` has no"),
    ],
)
def test_parts_of_bambi_without_counterpart_are_refused(
    bmb: Any, data: pd.DataFrame, options: Any, match: str
) -> None:
    priors = {k: bmb.Prior(n, **v) for k, (n, v) in options.get("priors", {}).items()}
    options = {k: v for k, v in options.items() if k != "priors"}
    model = bmb.Model("y ~ x + (1 | g)", data, priors=priors, **options)

    with pytest.raises(UnsupportedError, match=match):
        bambi_arguments(model)


def test_group_effects_that_are_not_normal_are_refused(bmb: Any, data: pd.DataFrame) -> None:
    scale = bmb.Prior("HalfNormal", sigma=2)
    priors = {"1|g": bmb.Prior("StudentT", nu=3, mu=0, sigma=scale)}
    model = bmb.Model("y ~ x + (1 | g)", data, priors=priors, noncentered=False)

    with pytest.raises(UnsupportedError, match="is not a normal of unknown scale"):
        bambi_arguments(model)


def test_formulas_of_further_parameters_are_refused(bmb: Any, data: pd.DataFrame) -> None:
    model = bmb.Model(bmb.Formula("y ~ x", "sigma ~ x"), data)

    with pytest.raises(UnsupportedError, match="further parameters are not carried over"):
        bambi_arguments(model)


def test_columns_coded_in_another_way_are_refused(bmb: Any, data: pd.DataFrame) -> None:
    model = bmb.Model("y ~ scale(x)", data)

    with pytest.raises(UnsupportedError, match="is coded in another way"):
        bambi_arguments(model)


def test_model_comes_back_from_bambi_unchanged(bmb: Any, data: pd.DataFrame) -> None:
    priors = {
        "b": "normal(0, 3)",
        "b[f[b]]": "normal(1, 2)",
        "sd_g": "normal(0, 2)",
        "sd_g[x]": "exponential(0.1)",
        "sigma": "half_student_t(3, 0, 4)",
    }
    spec, _, table = declare("y ~ f + x + (1 + x || g)", data, priors=priors)

    arguments = bambi_arguments(build_bambi(spec, table))

    again, _, _ = declare(arguments["formula"], arguments["data"], priors=arguments["priors"])
    assert again.main.priors == spec.main.priors
    assert again.main.intercept_at == spec.main.intercept_at
    assert again.main.groups[0].sd_priors == (
        Prior("half_normal", (0.0, 2.0)),
        Prior("exponential", (0.1,)),
    )
    assert again.auxiliary == spec.auxiliary


@pytest.mark.parametrize(
    ("formula", "options", "match"),
    [
        ("y ~ x + (1 + x | g)", {}, r"cannot correlate the group effects of `g`"),
        ("y ~ x + (1 | g)", {"family": "student"}, "family `student`"),
        ("y | weights(n) ~ x", {}, "weights has no counterpart"),
        ("y ~ f", {"priors": {"b[f[b]]": "cauchy(0, 1)"}}, "priors of several distributions"),
        ("y ~ x", {"priors": {"b[x]": "constant(1)"}}, "the prior of `x` has no counterpart"),
        ("y ~ x", {"priors": {"sigma": "normal(1, 2)"}}, r"normal\(1, 2\) above 0"),
    ],
)
def test_what_bambi_cannot_declare_is_refused(
    data: pd.DataFrame, formula: str, options: Any, match: str
) -> None:
    spec, _, table = declare(formula, data, **options)

    with pytest.raises(UnsupportedError, match=match):
        build_bambi(spec, table)


def test_distributional_models_are_refused(data: pd.DataFrame) -> None:
    parsed, table = parse(["y ~ x", "sigma ~ x"]), read_table(data)
    design, _ = build_design(parsed, table, {})

    with pytest.raises(UnsupportedError, match="distributional models are not carried over"):
        build_bambi(build_spec(parsed, design), table)


def test_a_bambi_model_without_bambi_names_the_extra(sleepstudy, monkeypatch):
    model = po.model("Reaction ~ Days + (1 | Subject)", sleepstudy)
    monkeypatch.setitem(sys.modules, "bambi", None)

    with pytest.raises(UnsupportedError, match=r"a bambi model needs the package `bambi`"):
        model.to_bambi()
