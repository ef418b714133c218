"""Posteriors against quadrature (`tests/reference/exact`) and brms (`tests/reference/brms`)."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.design import build_design
from poolish.engines.exact import ENGINE, fit, fit_prepared, gate, prepare
from poolish.engines.exact.trust import scalar_draws
from poolish.engines.protocol import Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "tests" / "reference"
EXTERNAL = ROOT.parent / "shared" / "external"
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
PLAN = Plan(seed=11)
GAMMA = "sqrt_inverse_gamma(0.001, 0.001)"  # precision ~ Gamma(0.001, 0.001)


def model_of(formula, data, priors=None):
    parsed = parse(formula)
    design, _ = build_design(parsed, read_table(data), {})
    return build_spec(parsed, design, priors=priors or {}), design


def read_json(*path):
    return json.loads(REFERENCE.joinpath(*path).read_text())


def eight_schools(intercept):
    data = pd.DataFrame(
        {
            "y": [28.0, 8, -3, 7, -1, 1, 18, 12],
            "se": [15.0, 10, 16, 11, 9, 11, 10, 18],
            "school": list("ABCDEFGH"),
        }
    )
    priors = {"b[Intercept]": intercept, "sd_school": "half_cauchy(5)"}
    return model_of("y | se(se) ~ 1 + (1 | school)", data, priors)


def dyes():
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "Dyestuff.csv")
    priors = {"b[Intercept]": "normal(0, 1e5)", "sd_Batch": GAMMA, "sigma": GAMMA}
    return model_of("Yield ~ 1 + (1 | Batch)", data, priors)


def external(*path):
    file = EXTERNAL.joinpath(*path)
    if not file.exists():
        pytest.skip("../shared/external is not here")
    return json.loads(file.read_text())


def rats(coefs, sds):
    Y = np.array(external("bugs", "rats.json")["data"]["rats-data.R"]["Y"], dtype=float)
    x = np.array([8.0, 15, 22, 29, 36]) - 22
    data = pd.DataFrame(
        {
            "y": Y.ravel(),
            "x": np.tile(x, len(Y)),
            "rat": np.repeat([f"r{i:02}" for i in range(len(Y))], 5),
        }
    )
    priors = {"b[Intercept]": coefs, "b[x]": coefs, "sd_rat": sds, "sigma": sds}
    return model_of("y ~ x + (x || rat)", data, priors)


def equiv():
    source = external("bugs", "equiv.json")["data"]["equiv-data.R"]
    Y, group = np.array(source["Y"]), np.array(source["group"])
    sign = np.array([1, -1])
    data = pd.DataFrame(
        {
            "y": Y.ravel(),
            "phi": (group[:, None] * sign).ravel() / 2,
            "pi": np.tile(sign, len(Y)) / 2,
            "subject": np.repeat([f"s{i:02}" for i in range(len(Y))], 2),
        }
    )
    priors = {
        **{f"b[{c}]": "normal(0, 1000)" for c in ("Intercept", "phi", "pi")},
        "sd_subject": GAMMA,
        "sigma": GAMMA,
    }
    return model_of("y ~ phi + pi + (1 | subject)", data, priors)


# Reference file -> model, and our place of each of its parameters.
RATS_PLACES = {"sigma_y": ("sigma",), "sd_u[0]": ("sd_rat", 0), "sd_u[1]": ("sd_rat", 1)}
CASES = {
    "eight_schools": (
        lambda: eight_schools("normal(0, 5)"),
        {"mu": ("b", 0), "sd_u[0]": ("sd_school", 0)},
    ),
    "bugs-dyes": (
        dyes,
        {"theta": ("b", 0), "sigma_y": ("sigma",), "sd_u[0]": ("sd_Batch", 0)},
    ),
    "bugs-rats": (
        lambda: rats("normal(0, 100)", GAMMA),
        {"alpha.c": ("b", 0), "beta.c": ("b", 1), **RATS_PLACES},
    ),
    "bugs-birats1": (
        lambda: rats("normal(0, 316.22776601683796)", GAMMA),
        {"mu.beta[1]": ("b", 0), "mu.beta[2]": ("b", 1), **RATS_PLACES},
    ),
    "rats_data-rats_model": (
        # Flat sds: the bound is out of reach.
        lambda: rats("normal(0, 100)", "uniform(0, 1000)"),
        {"mu_alpha": ("b", 0), "mu_beta": ("b", 1), **RATS_PLACES},
    ),
    "bugs-equiv": (
        equiv,
        {
            "mu": ("b", 0),
            "phi": ("b", 1),
            "pi": ("b", 2),
            "sigma_y": ("sigma",),
            "sd_u[0]": ("sd_subject", 0),
        },
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    build, places = CASES[request.param]
    spec, design = build()
    return fit(spec, design, PLAN), places, read_json("exact", f"{request.param}.json")


def _place(draws, place):
    name, *index = place
    return draws.posterior[name][(slice(None), slice(None), *index)]


def _joint_z(values, mean, mcse=0.0):
    own = float(array_stats.mcse(values))
    return abs(values.mean() - mean) / np.hypot(own, mcse)


def test_quantiles_are_those_of_quadrature(case):
    draws, places, reference = case

    for name, place in places.items():
        values = _place(draws, place)
        for key, p in QUANTILES.items():
            mcse = float(array_stats.mcse(values, method="quantile", prob=p))
            z = abs(np.quantile(values, p) - reference["parameters"][name][key]) / mcse
            assert z < 4, (name, key)


def test_means_and_sds_are_those_of_quadrature(case):
    draws, places, reference = case

    for name, place in places.items():
        expected, values = reference["parameters"][name], _place(draws, place)
        # log sd has light tails where the sd itself has not
        if "mean_log" in expected:
            assert _joint_z(np.log(values), expected["mean_log"]) < 4, name
        else:
            assert _joint_z(values, expected["mean"]) < 4, name
            mcse = float(array_stats.mcse(values, method="sd"))
            assert abs(values.std() - expected["sd"]) < 4 * mcse, name


@pytest.mark.parametrize("name", CASES)
def test_group_effects_are_those_of_quadrature(name):
    # The sds of heavy-tailed effects are known to 5 % from this many draws, not from 1,000.
    draws = fit(*CASES[name][0](), replace(PLAN, draws=5000))
    reference = read_json("exact", f"{name}.json")

    (effects,) = [v for name, v in draws.posterior.items() if name.startswith("r_")]
    expected = {name: np.array(values) for name, values in reference["groups"].items()}
    for place in np.ndindex(*expected["u_mean"].shape):
        values = effects[(slice(None), slice(None), *place)]
        assert _joint_z(values, expected["u_mean"][place]) < 4, place
        _check_sd(values, expected["u_sd"][place])
    for level in range(effects.shape[2]):
        values = draws.posterior["b"][:, :, 0] + effects[:, :, level, 0]
        assert _joint_z(values, expected["b0_plus_u0_mean"][level]) < 4, level
        _check_sd(values, expected["b0_plus_u0_sd"][level])


def _check_sd(values, expected):
    assert abs(values.std() - expected) < 4 * float(array_stats.mcse(values, method="sd"))
    assert 0.95 < values.std() / expected < 1.05


def test_draws_are_nearly_independent(case):
    draws, *_ = case

    assert gate(draws) is None
    for name, values in scalar_draws(draws.posterior):
        assert float(array_stats.ess(values)) >= 1500, name


@pytest.fixture(scope="module")
def sleep():
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "sleepstudy.csv")
    priors = {
        "b[Intercept]": "normal(250, 100)",
        "b[Days]": "normal(0, 25)",
        "sd_Subject[Intercept]": "half_normal(50)",
        "sd_Subject[Days]": "half_normal(20)",
        "cor_Subject": "lkj(2)",
        "sigma": "half_student_t(3, 0, 50)",
    }
    return model_of("Reaction ~ Days + (Days | Subject)", data, priors)


def _brms_variables(draws, spec):
    """Yield (brms name, draws) of every scalar."""
    for group in spec.main.groups:
        sd, r = draws.posterior[f"sd_{group.name}"], draws.posterior[f"r_{group.name}"]
        for a, effect in enumerate(group.effects):
            yield f"sd_{group.name}__{effect}", sd[:, :, a]
            for j, level in enumerate(group.levels):
                yield f"r_{group.name}[{level},{effect}]", r[:, :, j, a]
        if len(group.effects) == 2:
            cor = draws.posterior[f"cor_{group.name}"]
            yield f"cor_{group.name}__{'__'.join(group.effects)}", cor[:, :, 0, 1]
    for i, coef in enumerate(spec.main.coefs):
        yield f"b_{coef}", draws.posterior["b"][:, :, i]
    if "sigma" in draws.posterior:
        yield "sigma", draws.posterior["sigma"]


@pytest.mark.parametrize("name", ["sleepstudy_slope", "eight_schools"])
def test_every_parameter_is_that_of_brms(name, sleep):
    spec, design = sleep if name == "sleepstudy_slope" else eight_schools("normal(0, 20)")
    summary = read_json("brms", f"{name}.json")["summary"]

    draws = fit(spec, design, PLAN)

    compared = 0
    for variable, values in _brms_variables(draws, spec):
        expected = summary[variable]
        assert _joint_z(values, expected["mean"], expected["mcse_mean"]) < 4, variable
        spread = np.hypot(0.04, 4 * expected["mcse_sd"] / expected["sd"])
        assert abs(values.std() / expected["sd"] - 1) < max(0.05, spread), variable
        compared += 1
    assert compared == len([key for key in summary if key != "lp__" and key != "lprior"])


def test_sd_near_zero_and_three_groups_pass_the_gate():
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "Dyestuff2.csv")
    near_zero = model_of("Yield ~ 1 + (1 | Batch)", data)
    three = model_of("Yield ~ 1 + (1 | Batch)", data[data["Batch"].isin(list("ABC"))])

    for spec, design in (near_zero, three):
        draws = fit(spec, design, PLAN)

        assert gate(draws) is None
        assert float(draws.sample_stats["khat"]) < 0.7


@pytest.mark.parametrize("draws", [1000, 6250])
def test_no_weight_stands_out_where_an_sd_may_be_zero(draws):
    # Dyestuff's batches and groups of three: the density of log sd falls slowly towards 0.
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(3), 5)
    three = pd.DataFrame({"y": rng.normal(size=3)[g] * 3 + rng.normal(size=15), "g": g.astype(str)})
    dyestuff = pd.read_csv(REFERENCE / "lme4" / "data" / "Dyestuff.csv")
    models = [model_of("y ~ 1 + (1 | g)", three), model_of("Yield ~ 1 + (1 | Batch)", dyestuff)]

    khats = [
        float(fit(*model, Plan(seed=seed, draws=draws)).sample_stats["khat"])
        for model in models
        for seed in range(5)
    ]

    assert max(khats) < 0.5


def test_same_seed_gives_the_same_draws(sleep):
    first, second = (fit(*sleep, Plan(draws=50, seed=3)) for _ in range(2))

    for name, values in first.posterior.items():
        assert np.array_equal(values, second.posterior[name]), name


def test_posterior_has_the_agreed_variables_and_shapes(sleep):
    draws = fit(*sleep, Plan(draws=20, chains=3, seed=3))

    assert {name: values.shape[2:] for name, values in draws.posterior.items()} == {
        "b": (2,),
        "sd_Subject": (2,),
        "cor_Subject": (2, 2),
        "sigma": (),
        "r_Subject": (18, 2),
    }
    assert draws.sample_stats["lp"].shape == (3, 20)
    assert draws.engine == "exact"


def test_constants_are_kept_and_a_zero_sd_gives_zero_effects():
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "sleepstudy.csv")
    priors = {
        "sd_Subject[Days]": "constant(0)",
        "b[Days]": "constant(10)",
        "sigma": "constant(25)",
    }
    spec, design = model_of("Reaction ~ Days + (Days | Subject)", data, priors)

    draws = fit(spec, design, PLAN)

    assert (draws.posterior["b"][:, :, 1] == 10).all()
    assert (draws.posterior["sigma"] == 25).all()
    assert (draws.posterior["r_Subject"][..., 1] == 0).all()
    assert draws.posterior["r_Subject"][..., 0].std() > 1


def test_plain_regression_has_the_textbook_posterior():
    # Flat coefficients and p(sigma) ~ 1/sigma is the t posterior of least squares; with sigma
    # known it is exactly normal (Gelman et al. 2013, Bayesian Data Analysis, eq. 14.4).
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=40)})
    data["y"] = 1 + 2 * data["x"] + rng.normal(size=40)
    priors = {"b[Intercept]": "flat()", "b[x]": "flat()", "sigma": "constant(1)"}
    spec, design = model_of("y ~ x", data, priors)

    draws = fit(spec, design, PLAN)

    X = design.main.X
    covariance = np.linalg.inv(X.T @ X)
    mean = covariance @ X.T @ data["y"].to_numpy()
    for i in range(2):
        values = draws.posterior["b"][:, :, i]
        assert _joint_z(values, mean[i]) < 4
        assert abs(values.std() / np.sqrt(covariance[i, i]) - 1) < 4 / np.sqrt(2 * values.size)


def test_intercept_prior_at_average_predictors_is_not_that_at_zero():
    # One tight prior, far predictors: at average it pins the mean of y, at zero the raw intercept.
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": 100 + rng.normal(size=30)})
    data["y"] = 5 + 0.5 * (data["x"] - 100) + 0.1 * rng.normal(size=30)
    average = model_of("y ~ x", data, {"Intercept": "normal(0, 0.001)"})
    raw = model_of("y ~ x", data, {"b[Intercept]": "normal(0, 0.001)"})

    at_average, at_zero = (fit(*model, PLAN).posterior["b"] for model in (average, raw))

    mean_x = data["x"].mean()
    assert abs((at_average[:, :, 0] + mean_x * at_average[:, :, 1]).mean()) < 0.01
    assert abs(at_zero[:, :, 0].mean()) < 0.001


def test_residual_sd_by_stratum_is_sampled():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"f": np.repeat(["a", "b"], 200), "g": np.tile(np.arange(20), 20)})
    data["y"] = rng.normal(size=20)[data["g"]] + rng.normal(size=400) * np.repeat([0.5, 2.0], 200)
    spec, design = model_of(["y ~ 1 + (1 | g)", "sigma ~ 0 + f"], data)

    draws = fit(spec, design, PLAN)

    assert ENGINE.can_fit(spec, design) is None
    estimates = np.exp(draws.posterior["b_sigma"].mean(axis=(0, 1)))
    assert estimates == pytest.approx([0.5, 2.0], rel=0.15)


def test_new_response_gives_what_a_new_model_gives():
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "Penicillin.csv")
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    priors = {"Intercept": "normal(20, 10)", "sd": "half_normal(5)", "sigma": "half_normal(5)"}
    spec, design = model_of(formula, data, priors)
    y = data["diameter"].to_numpy() + np.random.default_rng(4).normal(size=len(data))
    new_spec, new_design = model_of(formula, data.assign(diameter=y), priors)

    again = fit_prepared(prepare(spec, design).with_response(y), PLAN)

    fresh = fit(new_spec, new_design, PLAN)
    for name in ("b", "sd_plate", "sigma", "r_sample"):
        assert again.posterior[name] == pytest.approx(fresh.posterior[name], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("efficiency", "n_attempts"), [(0.9, 3), (0.05, 2)])
def test_a_hopeless_proposal_is_not_adapted_a_third_time(efficiency, n_attempts, monkeypatch):
    module = sys.modules["poolish.engines.exact.fit"]
    attempts, sample = [], module.sample

    def counted(*arguments, effort):
        attempts.append(effort)
        return replace(sample(*arguments, effort=effort), efficiency=efficiency)

    monkeypatch.setattr(module, "sample", counted)
    monkeypatch.setattr(module, "gate", lambda draws: "not good enough")
    fit_prepared(prepare(*dyes()), Plan(draws=20, seed=1, progress=False))

    assert attempts == list(range(n_attempts))
