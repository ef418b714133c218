"""The marginal likelihood: held to SciPy's quadrature, to lme4, and to differences."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import poolish as po
from poolish.engines.quadrature.problem import build_problem
from poolish.spec.families.table import FAMILIES

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
    return float(problem.evaluate(theta[None], w[None]).log_likelihood[0])


# Coefficients at which the mean of every row is possible for some effects of its group.
PLACES = {"identity": (0.35, 0.04), "log": (-1.2, 0.1), "inverse": (0.8, 0.1), "sqrt": (0.6, 0.4)}
CASES = [(name, link) for name in FORMULAS for link in FAMILIES[name].main.links]


@pytest.mark.parametrize(("family", "link"), CASES)
def test_likelihood_is_that_of_brute_force_quadrature(family, link, make_model, rng):
    formula = FORMULAS[family]
    if (family, link) == ("negbinomial", "sqrt"):
        # A weight that is not whole makes a corner at mean 0, where no rule converges fast.
        formula = formula.replace(" + weights(w)", "")
    spec, design = make_model(formula, small_data(rng), family=po.family(family, link=link))
    problem = build_problem(spec, design, n_nodes=61)
    theta, w = np.full(problem.outer.size, 0.2), np.array(PLACES.get(link, (-0.3, 0.4)))

    found = at(problem, theta, w)

    assert found == pytest.approx(brute_force(problem, spec, design, w), abs=1e-8)


def test_likelihood_of_binary_rows_by_products_is_that_of_brute_force(make_model, rng):
    spec, design = make_model("b ~ x + (1 | g)", small_data(rng), family="bernoulli")
    problem = build_problem(spec, design, n_nodes=61)

    found = at(problem, np.array([0.2]), np.array([-0.3, 0.4]))

    exact = brute_force(problem, spec, design, np.array([-0.3, 0.4]))
    assert found == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "gamma"])
def test_no_effect_makes_an_impossible_mean_possible(family, make_model, rng):
    spec, design = make_model(
        FORMULAS[family], small_data(rng), family=po.family(family, link="identity")
    )
    problem = build_problem(spec, design, n_nodes=9)

    found = at(problem, np.full(problem.outer.size, -1.0), np.array([0.4, 40.0]))

    assert found == -np.inf


def brute_force(problem, spec, design, w):
    """Return the log likelihood at theta = 0.2 by SciPy's quadrature over each group's effect."""
    sd, aux = np.exp(0.2), np.exp(0.2)
    b, response = problem.inner.typed(w[None])[0], design.response
    group, link = design.main.groups[0], spec.main.link

    def integrand(v, rows):
        eta = design.main.offset + design.main.X @ b + sd * v[..., None] * group.Z[:, 0]
        # A chance rounds to 1 far out, where SciPy's beta has no density; other rows do not count.
        mu = np.where(rows, np.minimum(link.inverse(eta), highest), 0.5)
        values = {"mu": mu, "shape": aux, "phi": aux}
        logs = spec.family.log_density(response.y, {n: values[n] for n in names}, response)
        total = (weights * logs)[..., rows].sum(axis=-1)
        return np.nan_to_num(np.exp(total)) * stats.norm.pdf(v)

    names = [row.name for row in spec.family.parameters]
    highest = 1.0 - 1e-13 if spec.family.main.upper == 1.0 else np.inf
    weights = 1.0 if response.weights is None else response.weights
    exact = 0.0
    for level in range(group.n_levels):
        rows = group.codes == level
        ends = possible_effects(spec, design.main.offset + design.main.X @ b, group, rows, sd)
        with np.errstate(all="ignore"):
            # From level 6 on: the error estimate of a lower one overlooks the poles of cauchit.
            found = integrate.tanhsinh(
                lambda v, rows=rows: integrand(v, rows), *ends, rtol=1e-11, minlevel=6
            )
        assert found.success
        exact += np.log(found.integral)
    return exact


def possible_effects(spec, eta, group, rows, sd):
    """Return the ends of the effects at which each mean is in its range, within (-12, 12)."""
    main, link = spec.family.main, spec.main.link.name
    limits = {
        "identity": (main.lower, main.upper),
        "log": (-np.inf, np.log(main.upper)),
        "inverse": (0.0, np.inf),
        "sqrt": (0.0, np.inf),
    }.get(link, (-np.inf, np.inf))
    low, high = -12.0, 12.0
    for one, z in zip(eta[rows], group.Z[rows, 0], strict=True):
        ends = sorted((limit - one) / (sd * z) for limit in limits)
        low, high = max(low, ends[0]), min(high, ends[1])
    return low, high


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("b ~ x + (1 | g) + (1 | n)", "bernoulli"),
        ("c ~ x + (1 | g)", "negbinomial"),
        ("t ~ x + (x || g)", "gamma"),
        ("p ~ x + (1 | n) + (1 | g)", "beta"),
        ("b ~ x + (1 | g)", po.family("bernoulli", link="identity")),
        ("c ~ x + (1 | g) + (1 | n)", po.family("poisson", link="identity")),
        ("t ~ x + (1 | g)", po.family("gamma", link="inverse")),
        ("s | trials(n) ~ x + (1 | g)", po.family("binomial", link="log")),
    ],
)
def test_inner_derivatives_are_those_of_differences(formula, family, make_model, rng):
    data = small_data(rng)
    if "(1 | n)" in formula:
        data = data.astype({"n": str})
    priors = {"b[x]": "half_normal(0, 3)", "b[Intercept]": "student_t(3, 0, 2)"}
    spec, design = make_model(formula, data, family=family, priors=priors)
    problem = build_problem(spec, design, n_nodes=25)
    theta = np.full(problem.outer.size, -0.1)
    w = rng.normal(scale=0.3, size=problem.inner.size)
    if spec.main.link.name in PLACES:
        w[: problem.inner.n_coefs] = problem.inner.start(np.array(PLACES[spec.main.link.name]))[:2]

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
