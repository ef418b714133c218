"""The marginal likelihood: held to SciPy's quadrature, to lme4, and to differences."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from poolish.engines.quadrature.problem import build_problem

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"


def small_data(rng):
    g = np.repeat(["a", "b", "c", "d"], [4, 3, 5, 2])
    x = rng.normal(size=14)
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "n": rng.integers(2, 9, size=14),
            "d": rng.uniform(0.5, 3.0, size=14),
            "w": rng.uniform(0.5, 2.0, size=14),
            "o": rng.normal(scale=0.3, size=14),
            "s": rng.integers(0, 3, size=14),
            "c": rng.poisson(3.0, size=14),
            "b": rng.integers(0, 2, size=14),
            "t": rng.gamma(2.0, size=14),
            "p": rng.beta(2.0, 3.0, size=14),
        }
    )


FORMULAS = {
    "binomial": "s | trials(n) ~ x + offset(o) + (1 | g)",
    "bernoulli": "b | weights(w) ~ x + (0 + x | g)",
    "poisson": "c | rate(d) ~ x + (1 | g)",
    "negbinomial": "c | rate(d) + weights(w) ~ x + (1 | g)",
    "gamma": "t | weights(w) ~ x + (1 | g)",
    "beta": "p ~ x + (1 | g)",
}


def at(problem, theta, w):
    natural = problem.outer.natural(theta[None])
    beta = problem.inner.linear(w[None], natural.sds).beta
    return float(problem.log_likelihood(natural, beta)[0])


@pytest.mark.parametrize("family", list(FORMULAS))
def test_likelihood_is_that_of_brute_force_quadrature(family, make_model, rng):
    data = small_data(rng)
    spec, design = make_model(FORMULAS[family], data, family=family)
    problem = build_problem(spec, design, n_nodes=61)
    theta, w = np.full(problem.outer.size, 0.2), np.array([-0.3, 0.4])

    found = at(problem, theta, w)

    sd, aux = np.exp(0.2), np.exp(0.2)
    b, response = problem.inner.typed(w[None])[0], design.response
    group, link = design.main.groups[0], spec.main.link

    def integrand(v, rows):
        eta = design.main.offset + design.main.X @ b + sd * v * group.Z[:, 0]
        names = [row.name for row in spec.family.parameters]
        values = {"mu": link.inverse(eta), "shape": aux, "phi": aux}
        logs = spec.family.log_density(response.y, {n: values[n] for n in names}, response)
        weights = 1.0 if response.weights is None else response.weights
        return np.exp((weights * logs)[rows].sum()) * stats.norm.pdf(v)

    exact = 0.0
    for level in range(group.n_levels):
        rows = group.codes == level
        value, _ = integrate.quad(
            integrand, -12, 12, args=(rows,), epsabs=0, epsrel=1e-11, limit=400, points=[-2, 0, 2]
        )
        exact += np.log(value)
    assert found == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("b ~ x + (1 | g) + (1 | n)", "bernoulli"),
        ("c ~ x + (1 | g)", "negbinomial"),
        ("t ~ x + (x || g)", "gamma"),
        ("p ~ x + (1 | n) + (1 | g)", "beta"),
    ],
)
def test_inner_derivatives_are_those_of_differences(formula, family, make_model, rng):
    data = small_data(rng).astype({"n": str})
    priors = {"b[x]": "half_normal(0, 3)", "b[Intercept]": "student_t(3, 0, 2)"}
    spec, design = make_model(formula, data, family=family, priors=priors)
    problem = build_problem(spec, design, n_nodes=25)
    theta = np.full(problem.outer.size, -0.1)
    w = rng.normal(scale=0.3, size=problem.inner.size)

    found = problem.inner_shape(theta, w)

    h = 1e-4
    around = [
        [problem.inner_shape(theta, w + step) for step in (e, -e)] for e in h * np.eye(len(w))
    ]
    slope = [(up.value - down.value) / (2 * h) for up, down in around]
    second = np.array([(up.slope - down.slope) / (2 * h) for up, down in around])
    np.testing.assert_allclose(found.slope, slope, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.precision, -second, rtol=1e-4, atol=1e-4)
    assert found.value == pytest.approx(problem.log_density(theta[None], w[None])[0], abs=1e-8)


def contraception():
    data = pd.read_csv(SHARED / "data" / "Contraception.csv").astype({"district": str})
    return data.assign(use=(data["use"] == "Y").astype(int))


# lme4 1.1-31, glmer(nAGQ = 25), refitted with tight tolerances: ../shared/reference/lme4.
LME4 = {
    "cbpp__glmer_agq25": (
        "incidence | trials(size) ~ period + (1 | herd)",
        "binomial",
        lambda: pd.read_csv(SHARED / "data" / "cbpp.csv").astype({"period": str, "herd": str}),
    ),
    "contraception_intercept__glmer_agq25": (
        "use ~ age + I(age^2) + urban + livch + (1 | district)",
        "bernoulli",
        contraception,
    ),
    "epil_poisson__glmer_agq25": (
        "y ~ lbase * trt + lage + V4 + (1 | subject)",
        "poisson",
        lambda: pd.read_csv(SHARED / "data" / "epil.csv"),
    ),
    "ohio__glmer_agq25": (
        "resp ~ age * smoke + (1 | id)",
        "bernoulli",
        lambda: pd.read_csv(SHARED / "data" / "ohio.csv"),
    ),
}


@pytest.fixture(params=list(LME4))
def lme4_case(request, make_model):
    if not (SHARED / "reference" / "lme4").exists():
        pytest.skip("the shared reference is not here")
    formula, family, read = LME4[request.param]
    reference = json.loads((SHARED / "reference/lme4" / f"{request.param}.json").read_text())
    priors = {"b": "flat()", "b[Intercept]": "flat()"}
    spec, design = make_model(formula, read(), family=family, priors=priors)
    problem = build_problem(spec, design, n_nodes=25)
    fixed = reference["fixed"]
    names = [coef_name(name) for name in fixed["names"]]
    order = [names.index(coef) for coef in spec.main.coefs]
    b = np.array(fixed["estimate"])[order]
    sd = reference["varcomp"][0]["sd"][0]
    x = np.append(np.linalg.solve(problem.inner.to_typed, b), np.log(sd))
    scale = np.append(np.array(fixed["se"])[order], 0.15)
    return problem, x, scale, reference


def coef_name(name):
    """Return our label of a coefficient of R: `period2` is `period[2]`."""
    renamed = {"(Intercept)": "Intercept", "age": "age", "I(age^2)": "I(age^2)", "V4": "V4"}
    if name in renamed:
        return renamed[name]
    for factor in ("period", "urban", "livch", "trt"):
        if factor in name and name != factor:
            return name.replace(factor, f"{factor}[") + "]"
    return name


def value(problem, x):
    return at(problem, x[-1:], x[:-1])


def test_the_estimates_of_lme4_maximise_the_likelihood(lme4_case):
    problem, x, scale, _ = lme4_case

    steps = 0.01 * np.diag(scale)
    rises = np.array([value(problem, x + e) - value(problem, x - e) for e in steps]) / 0.02

    # In standard errors: half the rise over one, 1e-3 being the tolerance of the optimiser there.
    assert np.abs(rises).max() < 2e-3


def test_the_log_likelihood_is_that_of_lme4(lme4_case):
    problem, x, _, reference = lme4_case
    if reference["family"] != "binomial" or reference["name"].startswith("cbpp"):
        return  # constants of the data are left out there when nAGQ > 1

    assert value(problem, x) == pytest.approx(reference["logLik"], abs=1e-6)
