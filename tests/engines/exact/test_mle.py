"""REML and ML against lme4 1.1-31 (R 4.2.2), `tests/reference/lme4`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design
from poolish.engines.exact import mle, structure
from poolish.errors import EngineError
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "tests" / "reference" / "lme4"
BIOEQ = ROOT.parent / "shared" / "external" / "bioeq_DS01.csv"
FITS = sorted(path.stem for path in REFERENCE.glob("*__lme4_*.json"))
SMALL = [name for name in FITS if not name.startswith("insteval")]
# lme4's factors: first level first.
FACTORS = {
    "RatPupWeight": {"Treatment": ["Control", "Low", "High"], "sex": ["Male", "Female"]},
    "InstEval": {"service": [0, 1]},
}


def read_data(name):
    if name == "InstEval":
        data = pd.read_csv(REFERENCE / "data" / "InstEval.csv.xz")
    elif name == "bioeq_DS01":
        if not BIOEQ.exists():
            pytest.skip("../shared/external is not here")
        data = pd.read_csv(BIOEQ).rename(columns={"logPK": "log_pk"})
        data["y"] = np.log(data["PK"])
        data = data.astype({"period": str, "subject": str})
    else:
        data = pd.read_csv(REFERENCE / "data" / f"{name}.csv")
    for column, levels in FACTORS.get(name, {}).items():
        data[column] = pd.Categorical(data[column], levels)
    return data


def model_of(formula, data):
    parsed = parse(formula)
    design, _ = build_design(parsed, read_table(data), {})
    return build_spec(parsed, design), design


def read_reference(name):
    return json.loads((REFERENCE / f"{name}.json").read_text())


def fit_like(reference):
    spec, design = model_of(reference["formula"], read_data(reference["dataset"]))
    return mle(spec, design, reml=reference["method"] == "REML")


@pytest.fixture(scope="module", params=SMALL)
def pair(request):
    reference = read_reference(request.param)
    return reference, fit_like(reference)


def _check_all(reference, fit):
    _check_criteria(reference, fit)
    _check_population(reference, fit)
    _check_variances(reference, fit)
    _check_modes(reference, fit)


def _check_criteria(reference, fit):
    assert fit.deviance == pytest.approx(-2 * reference["logLik"], abs=1e-3)
    assert fit.df == reference["df"]
    assert fit.aic == pytest.approx(reference["AIC"], abs=1e-3)
    assert fit.bic == pytest.approx(reference["BIC"], abs=1e-3)
    assert fit.n_obs == reference["nobs"]
    assert fit.is_singular == reference["singular"]


def _check_population(reference, fit):
    fixed = reference["fixed"]
    se = np.array(fixed["se"])
    assert np.abs((fit.b - fixed["estimate"]) / se).max() < 1e-5
    assert fit.se == pytest.approx(se, rel=1e-4)
    assert np.abs(fit.vcov - fixed["vcov"]).max() / np.max(se**2) < 2e-4


def _check_variances(reference, fit):
    assert fit.sigma == pytest.approx(reference["sigma"], rel=1e-4)
    for row in reference["varcomp"]:
        group, order = _ours(fit, row["group"], row["terms"])
        assert group.sd[order] == pytest.approx(row["sd"], rel=1e-4, abs=1e-4 * fit.sigma)
        if row["corr"] and not reference["singular"]:
            assert group.correlation[np.ix_(order, order)] == pytest.approx(
                np.array(row["corr"]), abs=1e-4
            )


def _check_modes(reference, fit):
    for name, row in reference["ranef"].items():
        group, order = _ours(fit, name, row["terms"])
        levels = [group.levels.index(_our_level(name, group.name, x)) for x in row["levels"]]
        scale = np.maximum(group.sd[order], 1e-6)[:, None]
        modes = group.modes[np.ix_(levels, order)].T
        assert np.abs((modes - np.array(row["mode"])) / scale).max() < 1e-4
        if row["cond_sd"]:
            sds = group.mode_sds[np.ix_(levels, order)].T
            assert np.abs((sds - np.array(row["cond_sd"])) / scale).max() < 1e-4


def _ours(fit, name, terms):
    """Return our group for lme4's `cask:batch` or `Subject.1`, and where its terms stand."""
    parts = set(name.split(".")[0].split(":"))
    group = next(g for g in fit.groups if set(g.name.split(":")) == parts)
    return group, [group.effects.index(t.replace("(Intercept)", "Intercept")) for t in terms]


def _our_level(theirs, ours, level):
    by_factor = dict(zip(theirs.split(":"), level.split(":"), strict=True))
    return ":".join(by_factor[factor] for factor in ours.split(":"))


def test_criteria_are_those_of_lme4(pair):
    _check_criteria(*pair)


def test_population_effects_are_those_of_lme4(pair):
    _check_population(*pair)


def test_variances_are_those_of_lme4(pair):
    _check_variances(*pair)


def test_conditional_modes_are_those_of_lme4(pair):
    _check_modes(*pair)


MORE = json.loads((REFERENCE / "more" / "more.json").read_text())


def read_more(name):
    data = pd.read_csv(REFERENCE / "more" / f"{name}.csv", keep_default_na=False)
    for column, levels in MORE["levels"][name].items():
        data[column] = pd.Categorical(data[column].astype(str), levels)
    return data


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", MORE["models"])
def test_models_of_every_spelling_are_those_of_lme4(name, method):
    row = MORE["models"][name]
    expected = {key: np.atleast_1d(value) for key, value in row[method].items()}

    fit = mle(*model_of(row["formula"], read_more(row["table"])), reml=method == "REML")

    assert fit.deviance == pytest.approx(-2 * row[method]["logLik"], abs=1e-3)
    assert (fit.df, fit.n_obs) == (row[method]["df"], row[method]["nobs"])
    assert fit.is_singular == row[method]["singular"]
    assert np.abs((fit.b - expected["estimate"]) / expected["se"]).max() < 1e-5
    assert fit.se == pytest.approx(expected["se"], rel=1e-4)
    assert fit.sigma == pytest.approx(row[method]["sigma"], rel=1e-4)
    # lme4 orders the groups by size: all sds, and all correlations, in order of their size.
    sds, cors = (
        np.sort([v for n, v in fit.to_frame()["estimate"].items() if n.startswith(kind)])
        for kind in ("sd_", "cor_")
    )
    assert sds == pytest.approx(np.sort(expected["sd"]), rel=1e-4, abs=1e-4 * fit.sigma)
    assert cors == pytest.approx(np.sort(expected["cor"]), abs=1e-4)


@pytest.mark.parametrize("name", ["pastes__lme4_REML", "penicillin__lme4_ML"])
def test_the_sparse_factor_of_very_many_levels_gives_what_lme4_gives(name, monkeypatch):
    monkeypatch.setattr(structure, "MAX_PLACED", 0)
    monkeypatch.setattr(structure, "MIN_PLACED", 0)
    reference = read_reference(name)

    fit = fit_like(reference)

    _check_all(reference, fit)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_insteval_is_that_of_lme4(method):
    reference = read_reference(f"insteval__lme4_{method}")

    fit = fit_like(reference)

    _check_all(reference, fit)


def test_no_fit_of_the_reference_is_left_out():
    shared = ROOT.parent / "shared" / "reference" / "lme4"
    if not shared.exists():
        pytest.skip("../shared/reference is not here")

    assert sorted(path.stem for path in shared.glob("*__lme4_*.json")) == FITS


def test_singular_fits_say_so():
    spec, design = model_of("Yield ~ 1 + (1 | Batch)", read_data("Dyestuff2"))

    text = repr(mle(spec, design))

    assert "Singular: a variance is 0" in text
    assert "REML criterion 161.828" in text


def test_printed_estimates_are_those_that_lme4_prints():
    spec, design = model_of("Reaction ~ Days + (Days | Subject)", read_data("sleepstudy"))

    lines = [" ".join(line.split()) for line in repr(mle(spec, design)).splitlines()]

    # lme4 1.1-31: print(summary(lmer(Reaction ~ Days + (Days | Subject), sleepstudy)))
    for line in (
        "180 observations; groups: Subject 18",
        "Scaled residuals: min -3.95, 1st quartile -0.46, median 0.02, 3rd quartile 0.46, max 5.18",
        "Subject Days 35.072 5.9221 0.07",
        "residual 654.94 25.592",
        "Intercept 251.41 6.8246 36.84",
        "Days 10.467 1.5458 6.77",
        "Days -0.14",
    ):
        assert line in lines


def test_scaled_residuals_take_account_of_weights():
    formula = "distance | weights(w) ~ age * Sex + (age | Subject)"

    fit = mle(*model_of(formula, read_more("Orthodont")))

    # quantile(residuals(lmer(distance ~ age * Sex + (age | Subject), weights = w), "pearson",
    # scaled = TRUE)), lme4 1.1-31
    assert np.quantile(fit.scaled_residuals, np.linspace(0, 1, 5)) == pytest.approx(
        [-3.366647, -0.419819, 0.027080, 0.424947, 3.831292], abs=1e-4
    )


def test_a_formula_for_sigma_is_printed_by_its_own_names():
    data = read_more("Machines")
    spec, design = model_of(["score ~ Machine + (1 | Worker)", "sigma ~ Machine"], data)

    fit = mle(spec, design)

    assert "b_sigma[Machine[B]]" in fit.to_frame().index
    assert "Log of the residual sd" in repr(fit)


def test_frame_has_one_row_per_parameter():
    spec, design = model_of("Reaction ~ Days + (Days | Subject)", read_data("sleepstudy"))

    frame = mle(spec, design).to_frame()

    assert list(frame.index) == [
        "b[Intercept]",
        "b[Days]",
        "sd_Subject[Intercept]",
        "sd_Subject[Days]",
        "cor_Subject[Intercept, Days]",
        "sigma",
    ]
    assert frame.loc["b[Days]", "se"] == pytest.approx(1.54578889, rel=1e-6)


def test_known_standard_errors_give_the_precision_weighted_mean():
    # Eight schools: the ML estimate of tau is 0 (Rubin 1981), so b is the precision-weighted mean.
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    se = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    data = pd.DataFrame({"y": y, "se": se, "school": list("ABCDEFGH")})
    spec, design = model_of("y | se(se) ~ 1 + (1 | school)", data)

    fit = mle(spec, design, reml=False)

    weights = se**-2.0
    assert fit.sigma is None
    assert fit.is_singular
    assert fit.b[0] == pytest.approx((weights @ y) / weights.sum(), rel=1e-9)
    assert fit.se[0] == pytest.approx(weights.sum() ** -0.5, rel=1e-9)


def test_residual_sd_by_stratum_is_that_of_separate_regressions():
    # Without group terms, ML with one sigma a stratum and one mean a stratum is two regressions.
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"f": ["a"] * 20 + ["b"] * 30})
    data["y"] = np.where(data["f"] == "a", rng.normal(1, 2, 50), rng.normal(3, 0.5, 50))
    spec, design = model_of(["y ~ 0 + f", "sigma ~ 0 + f"], data)

    fit = mle(spec, design, reml=False)

    sds = data.groupby("f")["y"].std(ddof=0)
    assert np.exp(fit.b_sigma) == pytest.approx(sds.to_numpy(), rel=1e-6)
    assert fit.b == pytest.approx(data.groupby("f")["y"].mean().to_numpy(), rel=1e-9)


def test_families_other_than_gaussian_are_refused():
    data = pd.DataFrame({"y": [0.0, 1, 2, 3], "g": list("aabb")})
    parsed = parse("y ~ 1 + (1 | g)")
    design, _ = build_design(parsed, read_table(data), {})
    spec = build_spec(parsed, design, family="poisson")

    with pytest.raises(EngineError, match="the family is poisson, not gaussian"):
        mle(spec, design)


def test_collinear_predictors_are_refused():
    data = pd.DataFrame({"y": [0.0, 1, 2, 3], "x": [1.0, 2, 3, 4], "g": list("aabb")})
    parsed = parse("y ~ x + (1 | g)")
    design, _ = build_design(parsed, read_table(data), {})
    spec = build_spec(parsed, design)
    object.__setattr__(design.main, "X", np.ones((4, 2)))

    with pytest.raises(EngineError, match="not determined by the data"):
        mle(spec, design)
