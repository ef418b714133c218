"""Posteriors: held to brms, to published keys, to brute-force grids and to NUTS."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import special, stats

import poolish as po
from poolish.design.arrays import ResponseDesign
from poolish.engines import nuts
from poolish.engines.protocol import Draws, Plan
from poolish.engines.quadrature import ENGINE
from poolish.spec.families.table import FAMILIES
from poolish.spec.links import LINKS

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
PLAN = Plan(draws=2500, chains=4, seed=3, progress=False)


def mcse(chains):
    return float(array_stats.mcse(chains, method="mean"))


@pytest.fixture(scope="module")
def cbpp(make_model):
    data = pd.read_csv(ROOT / "tests/reference/nuts/cbpp.csv")  # lme4::cbpp
    spec, design = make_model(
        "incidence | trials(size) ~ period + (1 | herd)",
        data.astype({"period": str, "herd": str}),
        family="binomial",
        priors={
            "b": "normal(0, 2.5)",
            "b[Intercept]": "normal(0, 2.5)",
            "sd_herd": "exponential(1)",
        },
    )
    return spec, design, ENGINE.fit(spec, design, PLAN)


def test_every_parameter_agrees_with_brms(cbpp):
    # brms 2.18.0, rstan 2.21.7, 24,000 draws: tests/reference/brms. Tolerance: 4 joint MCSE.
    spec, _, draws = cbpp
    summary = json.loads((ROOT / "tests/reference/brms/cbpp.json").read_text())["summary"]
    b, sd, r = (draws.posterior[name] for name in ("b", "sd_herd", "r_herd"))
    coefs = [coef.replace("[", "").replace("]", "") for coef in spec.main.coefs]
    chains = {f"b_{coef}": b[..., i] for i, coef in enumerate(coefs)}
    chains["sd_herd__Intercept"] = sd[..., 0]
    for j, herd in enumerate(spec.main.groups[0].levels):
        chains[f"r_herd[{herd},Intercept]"] = r[..., j, 0]

    assert set(chains) == set(summary) - {"lp__", "lprior"}
    for name, values in chains.items():
        theirs = summary[name]
        error = np.hypot(mcse(values), theirs["mcse_mean"])
        assert abs(values.mean() - theirs["mean"]) <= 4 * error, name
        assert 0.95 <= values.std() / theirs["sd"] <= 1.05, name


def test_the_draws_pass_the_gate(cbpp):
    _, _, draws = cbpp

    assert ENGINE.gate(draws) is None
    assert float(draws.sample_stats["efficiency"]) > 0.6
    assert draws.notes == ("5 quadrature nodes per group",)


def test_the_same_seed_gives_the_same_draws(cbpp):
    spec, design, draws = cbpp

    again = ENGINE.fit(spec, design, PLAN)

    for name, values in draws.posterior.items():
        np.testing.assert_array_equal(again.posterior[name], values)


def test_group_effects_are_left_out_when_they_are_not_kept(cbpp):
    spec, design, _ = cbpp

    draws = ENGINE.fit(spec, design, Plan(draws=50, seed=3, progress=False, keep_groups=False))

    assert "r_herd" not in draws.posterior
    assert "draws of the group effects are not kept" in draws.notes[-1]


def test_too_few_nodes_do_not_pass_the_gate(cbpp):
    _, _, draws = cbpp
    rough = {**draws.sample_stats, "quadrature_error": np.array(0.3)}

    problem = ENGINE.gate(Draws(draws.posterior, rough, "quadrature", 0.0))

    assert problem == "the log density by quadrature is off by 0.30"


@pytest.fixture(scope="module")
def epil():
    path = SHARED / "external/bugs/epil.json"
    if not path.exists():
        pytest.skip("the shared data are not here")
    read = json.loads(path.read_text())["data"]["epil-data.R"]
    y = np.array(read["y"]).reshape(59, 4)
    base, age = np.log(np.array(read["Base"]) / 4), np.log(read["Age"])
    return pd.DataFrame(
        {
            "y": y.ravel(),
            "base": np.repeat(base, 4),
            "trt": np.repeat(read["Trt"], 4),
            "age": np.repeat(age, 4),
            "v4": np.tile([0, 0, 0, 1], 59),
            "subject": np.repeat([f"s{i}" for i in range(59)], 4),
        }
    )


def test_epil_agrees_with_its_key(epil, make_model):
    # tests/reference/exact: 21 nodes a group, QMC over the coefficients; 0.01 sd at worst.
    key = json.loads((ROOT / "tests/reference/exact/bugs-epil2.json").read_text())["parameters"]
    spec, design = make_model(
        "y ~ base * trt + age + v4 + (1 | subject)",
        epil,
        family="poisson",
        priors={
            "b": "normal(0, 100)",
            "b[Intercept]": "normal(0, 100)",
            "sd_subject": "sqrt_inverse_gamma(0.001, 0.001)",
        },
    )

    draws = ENGINE.fit(spec, design, PLAN)

    names = {
        "Intercept": "alpha0",
        "base": "alpha.Base",
        "trt": "alpha.Trt",
        "base:trt": "alpha.BT",
        "age": "alpha.Age",
        "v4": "alpha.V4",
    }
    chains = {names[c]: draws.posterior["b"][..., i] for i, c in enumerate(spec.main.coefs)}
    chains["sigma"] = draws.posterior["sd_subject"][..., 0]
    assert set(chains) == set(key)
    assert ENGINE.gate(draws) is None
    for name, values in chains.items():
        off = abs(values.mean() - key[name]["mean"])
        assert off <= max(0.02 * key[name]["sd"], 4 * mcse(values)), name
        assert 0.95 <= values.std() / key[name]["sd"] <= 1.05, name


# The pump data of the BUGS examples: failures and thousands of hours.
PUMPS = pd.DataFrame(
    {
        "x": [5, 1, 5, 14, 3, 19, 1, 1, 4, 22],
        "t": [94.3, 15.7, 62.9, 126.0, 5.24, 31.4, 1.05, 1.05, 2.1, 10.5],
        "pump": [f"p{i}" for i in range(10)],
    }
)


def midpoints(low, high, n):
    return low + (high - low) * (np.arange(n) + 0.5) / n


def pump_grid(log_prior_b, log_prior_sd, b_range, sd_range):
    """Return means of b, sd and the first effect, by the midpoint rule over b, log sd and v."""
    b = midpoints(*b_range, 130)
    log_sd = midpoints(*np.log(sd_range), 90)
    v = np.linspace(-9, 9, 241)
    sd = np.exp(log_sd)
    log_post = log_prior_b(b)[:, None] + (log_prior_sd(sd) + log_sd)[None]
    first = None
    for x, t in zip(PUMPS["x"], PUMPS["t"], strict=True):
        eta = b[:, None, None] + sd[None, :, None] * v
        logs = x * eta - t * np.exp(np.minimum(eta, 300)) - 0.5 * v * v
        high = logs.max(axis=2, keepdims=True)
        dense = np.exp(logs - high)
        if first is None:
            first = (dense * v).sum(axis=2) / dense.sum(axis=2) * sd
        log_post = log_post + high[..., 0] + np.log(dense.sum(axis=2))
    share = np.exp(log_post - log_post.max())
    share /= share.sum()
    moments = {}
    for name, values in (("b", b[:, None]), ("sd", sd[None])):
        mean = (share * values).sum()
        moments[name] = mean
    moments["first"] = (share * first).sum()
    return moments


WIDE_B, WIDE_SD = (-8.0, 5.0), (0.005, 12.0)


@pytest.mark.parametrize(
    ("priors", "log_prior_b", "log_prior_sd", "b_range", "sd_range"),
    [
        (
            {"b[Intercept]": "normal(0, 3)", "sd_pump": "half_normal(0, 1)"},
            lambda b: stats.norm.logpdf(b, 0, 3),
            lambda s: stats.halfnorm.logpdf(s),
            WIDE_B,
            WIDE_SD,
        ),
        (
            {"b[Intercept]": "laplace(-1, 0.3)", "sd_pump": "lognormal(0, 0.5)"},
            lambda b: stats.laplace.logpdf(b, -1, 0.3),
            lambda s: stats.lognorm.logpdf(s, 0.5),
            WIDE_B,
            WIDE_SD,
        ),
        (
            {"b[Intercept]": "student_t(3, 0, 1)", "sd_pump": "uniform(0.2, 1.2)"},
            lambda b: stats.t.logpdf(b, 3),
            lambda s: stats.uniform.logpdf(s, 0.2, 1.0),
            WIDE_B,
            (0.2, 1.2),
        ),
        (
            {"b[Intercept]": "uniform(-2, -1)", "sd_pump": "gamma(2, 1)"},
            lambda b: stats.uniform.logpdf(b, -2, 1),
            lambda s: stats.gamma.logpdf(s, 2),
            (-2.0, -1.0),
            WIDE_SD,
        ),
        (
            {"b[Intercept]": "flat()", "sd_pump": "inverse_gamma(2, 1)"},
            lambda b: 0.0 * b,
            lambda s: stats.invgamma.logpdf(s, 2),
            WIDE_B,
            WIDE_SD,
        ),
    ],
)
def test_any_prior_agrees_with_a_brute_force_grid(
    priors, log_prior_b, log_prior_sd, b_range, sd_range, make_model
):
    spec, design = make_model(
        "x | rate(t) ~ 1 + (1 | pump)", PUMPS, family="poisson", priors=priors
    )

    draws = ENGINE.fit(spec, design, PLAN)

    moments = pump_grid(log_prior_b, log_prior_sd, b_range, sd_range)
    chains = {
        "b": draws.posterior["b"][..., 0],
        "sd": draws.posterior["sd_pump"][..., 0],
        "first": draws.posterior["r_pump"][..., 0, 0],
    }
    assert ENGINE.gate(draws) is None
    for name, values in chains.items():
        assert abs(values.mean() - moments[name]) <= 4 * mcse(values), name


LINKED = {
    # family: link, range of b, standard deviation between groups
    "bernoulli": ("identity", (-0.6, 1.6), 0.2),
    "binomial": ("log", (-3.0, 0.9), 0.4),
    "poisson": ("identity", (-4.0, 9.0), 1.0),
    "negbinomial": ("sqrt", (-1.5, 3.5), 0.5),
    "gamma": ("inverse", (-0.8, 2.2), 0.2),
    "beta": ("cauchit", (-3.0, 3.0), 0.8),
}


# The cheapest two in the fast suite.
@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=() if name in ("bernoulli", "gamma") else pytest.mark.slow)
        for name in LINKED
    ],
)
def test_links_that_end_a_density_agree_with_a_brute_force_grid(family, make_model, rng):
    link, b_range, sd = LINKED[family]
    middle = {"log": -1.5, "cauchit": 0.3, "identity": 0.45 if family == "bernoulli" else 2.0}
    auxiliary = {"shape": 3.0, "phi": 6.0}
    row, n_groups, n_each = FAMILIES[family], 12, 4
    g = np.repeat(np.arange(n_groups), n_each)
    eta = middle.get(link, 0.9) + sd * np.clip(rng.normal(size=n_groups), -1.2, 1.2)[g]
    empty = ResponseDesign("y", np.zeros(len(g)), trials=np.full(len(g), 5.0))
    names = [p.name for p in row.parameters]
    truth = {"mu": LINKS[link].inverse(eta)} | auxiliary
    y = row.sample(rng, {name: truth[name] for name in names}, empty).astype(float)
    fixed = {name: f"constant({auxiliary[name]})" for name in names[1:]}
    spec, design = make_model(
        f"y{' | trials(n)' if family == 'binomial' else ''} ~ 1 + (1 | g)",
        pd.DataFrame({"y": y, "n": 5, "g": [f"g{i:02d}" for i in g]}),
        family=po.family(family, link=link),
        priors={"b[Intercept]": "normal(0.5, 1.5)", "sd_g": f"half_normal(0, {sd})"} | fixed,
    )

    draws = ENGINE.fit(spec, design, PLAN)

    b, log_sd = midpoints(*b_range, 100), midpoints(np.log(sd / 60), np.log(sd * 5), 60)
    v = np.linspace(-6, 6, 401)
    log_post = stats.norm.logpdf(b, 0.5, 1.5)[:, None] + (
        stats.halfnorm.logpdf(np.exp(log_sd), 0, sd) + log_sd
    )
    with np.errstate(all="ignore"):
        fine = np.linspace(b_range[0] - 35 * sd, b_range[1] + 35 * sd, 40_001)
        mu = LINKS[link].inverse(fine)
        possible = (mu >= row.main.lower) & (mu <= row.main.upper)
        rows = ResponseDesign("y", y, trials=np.full(len(y), 5.0))
        values = {"mu": np.where(possible, mu, 0.5)[:, None]} | auxiliary
        logs = row.log_density(y, {name: values[name] for name in names}, rows)
    logs = np.where(possible[:, None] & ~np.isnan(logs), logs, -np.inf)
    first = None
    for group in range(n_groups):
        density = np.exp(logs[:, g == group].sum(axis=1))
        at = b[:, None, None] + np.exp(log_sd)[:, None] * v
        dense = np.interp(at, fine, density) * stats.norm.pdf(v)
        total = np.maximum(dense.sum(axis=2), 1e-300)
        first = (dense * v).sum(axis=2) / total * np.exp(log_sd) if first is None else first
        log_post = log_post + np.log(total)
    share = np.exp(log_post - log_post.max())
    share /= share.sum()
    assert ENGINE.gate(draws) is None
    for name, chain, grid in (
        ("b", draws.posterior["b"][..., 0], b[:, None]),
        ("sd", draws.posterior["sd_g"][..., 0], np.exp(log_sd)),
        ("first", draws.posterior["r_g"][..., 0, 0], first),
    ):
        assert abs(chain.mean() - (share * grid).sum()) <= 4 * mcse(chain), name


def test_constants_stay_what_they_are(make_model):
    priors = {"b[Intercept]": "constant(-1.5)", "sd_pump": "constant(0.8)"}
    spec, design = make_model(
        "x | rate(t) ~ 1 + (1 | pump)", PUMPS, family="poisson", priors=priors
    )

    draws = ENGINE.fit(spec, design, PLAN)

    assert (draws.posterior["b"] == -1.5).all()
    assert (draws.posterior["sd_pump"] == 0.8).all()
    grid = np.linspace(-8, 8, 4001)
    logs = 5 * (-1.5 + grid) - 94.3 * np.exp(-1.5 + grid) + stats.norm.logpdf(grid, 0, 0.8)
    share = np.exp(logs - special.logsumexp(logs))
    values = draws.posterior["r_pump"][..., 0, 0]
    assert abs(values.mean() - share @ grid) <= 4 * mcse(values)


def test_a_model_without_groups_agrees_with_a_grid(make_model):
    spec, design = make_model(
        "x | rate(t) ~ 1",
        PUMPS,
        family="negbinomial",
        priors={"b[Intercept]": "normal(0, 2)", "shape": "exponential(1)"},
    )

    draws = ENGINE.fit(spec, design, PLAN)

    b, k = np.meshgrid(np.linspace(-6, 4, 401), np.exp(np.linspace(-6, 3, 301)), indexing="ij")
    log_post = stats.norm.logpdf(b, 0, 2) - k + np.log(k)
    for x, t in zip(PUMPS["x"], PUMPS["t"], strict=True):
        # The shape of a count over t units is t times that of one.
        log_post += stats.nbinom.logpmf(x, k * t, k / (k + np.exp(b)))
    share = np.exp(log_post - log_post.max())
    share /= share.sum()
    for name, values, grid in (
        ("b", draws.posterior["b"][..., 0], b),
        ("shape", draws.posterior["shape"], k),
    ):
        assert abs(values.mean() - (share * grid).sum()) <= 4 * mcse(values), name


def test_a_level_without_rows_keeps_its_prior(make_model):
    pump = pd.Categorical(PUMPS["pump"], categories=[*PUMPS["pump"], "spare"])
    spec, design = make_model(
        "x | rate(t) ~ 1 + (1 | pump)", PUMPS.assign(pump=pump), family="poisson"
    )
    if "spare" not in spec.main.groups[0].levels:
        assert len(spec.main.groups[0].levels) == 10
        return

    draws = ENGINE.fit(spec, design, PLAN)

    z = draws.posterior["r_pump"][..., -1, 0] / draws.posterior["sd_pump"][..., 0]
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4


@pytest.mark.slow
def test_ohio_sits_at_the_many_node_estimate_and_not_at_laplace(make_model):
    # lme4 1.1-31: sd 2.167 with 25 nodes, 2.346 by Laplace; standard error 0.18.
    path = SHARED / "data/ohio.csv"
    if not path.exists():
        pytest.skip("the shared data are not here")
    spec, design = make_model(
        "resp ~ age * smoke + (1 | id)",
        pd.read_csv(path),
        family="bernoulli",
        priors={"b": "normal(0, 10)", "b[Intercept]": "normal(0, 10)", "sd_id": "uniform(0, 20)"},
    )

    draws = ENGINE.fit(spec, design, Plan(seed=1))

    sd = draws.posterior["sd_id"]
    # A flat prior moves the mean of a right-skewed posterior a little above its mode, the estimate.
    assert 2.15 < np.median(sd) < 2.24
    assert ENGINE.gate(draws) is None


@pytest.fixture(scope="module")
def crossed():
    rng = np.random.default_rng(7)
    n_persons, n_items = 40, 12
    person, item = np.repeat(np.arange(n_persons), n_items), np.tile(np.arange(n_items), n_persons)
    eta = 0.3 + rng.normal(size=n_persons)[person] + 0.7 * rng.normal(size=n_items)[item]
    y = (rng.random(len(eta)) < special.expit(eta)).astype(int)
    labels = {"p": [f"p{i}" for i in person], "i": [f"i{i}" for i in item]}
    return pd.DataFrame({"y": y, "x": item % 2, **labels})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x + (1 | p) + (1 | i)", "bernoulli"),
        ("y ~ x + (x || p) + (1 | i)", "bernoulli"),
    ],
)
def test_crossed_and_several_effects_agree_with_nuts(formula, family, crossed, make_model):
    spec, design = make_model(formula, crossed, family=family)

    ours = ENGINE.fit(spec, design, PLAN)
    theirs = nuts.ENGINE.fit(spec, design, Plan(draws=2000, tune=1000, seed=5, progress=False))

    assert ENGINE.gate(ours) is None
    for name, values in ours.posterior.items():
        for place in np.ndindex(values.shape[2:]):
            at = (slice(None), slice(None), *place)
            one, other = values[at], theirs.posterior[name][at]
            error = np.hypot(mcse(one), mcse(other))
            assert abs(one.mean() - other.mean()) <= 4 * error, (name, place)
            assert 0.9 <= one.std() / other.std() <= 1.1, (name, place)


def test_a_shape_that_may_be_infinite_is_no_obstacle(make_model, rng):
    data = pd.DataFrame(
        {"y": rng.poisson(3.0, 120), "g": np.repeat([f"g{i}" for i in range(15)], 8)}
    )
    spec, design = make_model("y ~ 1 + (1 | g)", data, family="negbinomial")

    draws = ENGINE.fit(spec, design, Plan(seed=1, progress=False))

    assert ENGINE.gate(draws) is None
    assert draws.posterior["shape"].max() > 1e6
