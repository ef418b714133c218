"""Every family from formula to saved file and back: nothing between row and face is missing.

The posterior is draws of the prior, clipped (`tests/made_fits.py`), so no engine runs here. What a
family predicts is held to its own row: `tests/spec/families` holds the rows to SciPy and R.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

import poolish as po
from poolish.posterior import list_variables
from poolish.predict.pointwise import log_likelihood
from poolish.predict.predict import linear_predictors
from poolish.spec.families import FAMILIES
from poolish.spec.links import LINKS

N_GROUPS, N_EACH = 6, 4
N_OBS = N_GROUPS * N_EACH
RNG = np.random.default_rng(20261120)
LEVELS = ("low", "middle", "high", "top")
ORDER = np.arange(N_OBS) % len(LEVELS)
OUTCOMES: dict[str, object] = {
    "real": RNG.normal(2.0, 1.0, N_OBS),
    "positive": RNG.gamma(2.0, 1.0, N_OBS) + 0.05,
    "non-negative": np.where(ORDER == 0, 0.0, RNG.gamma(2.0, 1.0, N_OBS)),
    "count": RNG.poisson(2.0, N_OBS),
    "binary": ORDER % 2,
    "binomial": RNG.integers(0, 7, N_OBS),
    "proportion": RNG.uniform(0.05, 0.95, N_OBS),
    "ordinal": pd.Categorical([LEVELS[i] for i in ORDER], LEVELS, ordered=True),
    "category": np.array(LEVELS)[ORDER],
    "angle": RNG.uniform(-3.0, 3.0, N_OBS),
}
ROWS = pd.DataFrame(
    {
        "x": RNG.normal(size=N_OBS),
        "n": np.full(N_OBS, 6),
        "g": np.repeat(list("abcdef"), N_EACH),
    }
)
NEW = pd.DataFrame({"x": [0.1, -1.0, 0.4], "n": [3, 6, 1], "g": ["b", "f", "b"]})

# Prior draws reach what no double holds; those of a posterior are moderate.
TAME = {"b": (-1.0, 1.0), "sd": (0.2, 1.0), "r": (-1.0, 1.0), "auxiliary": (0.2, 3.0)}

each_family = pytest.mark.parametrize("family", FAMILIES)


def outcome_kind(family: str) -> str:
    """Return the key of `OUTCOMES` that a family can have produced."""
    kind = FAMILIES[family].response_kind
    return kind if kind in OUTCOMES else "non-negative"


def make_case(family: str) -> tuple[str, pd.DataFrame]:
    """Return a formula of one slope and one grouping factor, and data for it."""
    kind = outcome_kind(family)
    left = "y | trials(n)" if kind == "binomial" else "y"
    return f"{left} ~ x + (1 | g)", ROWS.assign(y=OUTCOMES[kind])


def mean_kind(family: str) -> str:
    """Return the kind of prediction that has no noise: unordered levels have no mean."""
    return "probability" if FAMILIES[family].response_kind == "category" else "mean"


@pytest.fixture(scope="module")
def fits() -> dict[str, po.Fit]:
    """Return a fit of every family with draws from its prior, made moderate."""
    return {name: _make_fit(name) for name in FAMILIES}


def _make_fit(family: str) -> po.Fit:
    formula, data = make_case(family)
    prior = make_posterior(formula, data, family=family, size=(2, 8))
    vectors = prior.spec.lengths  # thresholds, which clipping would make equal
    tame = {
        variable.name: prior.draws[variable.name].values.clip(*TAME[variable.kind])
        for variable in list_variables(prior.spec)
        if variable.name not in vectors
    }
    return po.Fit(make_posterior(formula, data, tame, family=family))


@each_family
def test_prior_predictive_draws_are_outcomes_of_the_family(family: str) -> None:
    formula, data = make_case(family)

    tree = po.model(formula, data, family=family).prior_predictive(draws=3, seed=1)

    drawn = tree["prior_predictive"]["y"].values.reshape(-1, N_OBS)
    assert drawn.shape == (3, N_OBS)
    if FAMILIES[family].is_discrete:
        finite = drawn[np.isfinite(drawn)]
        np.testing.assert_array_equal(finite, np.round(finite))


@each_family
@pytest.mark.parametrize("groups", ["observed", "new", "zero"])
def test_every_kind_of_prediction_exists(family: str, groups: str, fits: dict[str, po.Fit]) -> None:
    fit = fits[family]

    for data, n_rows in ((None, N_OBS), (NEW, len(NEW))):
        for kind in ("linear", mean_kind(family), "response"):
            draws = fit.predict(data, kind=kind, groups=groups)
            assert draws.dims[:3] == ("chain", "draw", "obs")
            assert draws.shape[:3] == (2, 8, n_rows)
            assert draws.ndim == (4 if kind == "probability" else 3)
            if kind == "linear":
                assert np.isfinite(draws.values).all()


@each_family
def test_the_mean_is_that_of_the_families_row(family: str, fits: dict[str, po.Fit]) -> None:
    result = fits[family].result
    response = result.design.response
    predictors = result.spec.predictors
    linear = linear_predictors(result)
    parameters = {name: predictors[name].link.inverse(eta[0]) for name, eta in linear.items()}
    for name in result.spec.auxiliary:
        values = result.draws[name].values[0]
        parameters[name] = values if values.ndim > 1 else values[:, None]

    mean = predicted_mean(fits[family])

    expected = FAMILIES[family].mean(parameters, response)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)


def predicted_mean(fit: po.Fit) -> np.ndarray:
    """Return the mean of the fitted rows' outcomes, that of the level's number for categories."""
    predicted = fit.predict(kind=mean_kind(fit.result.spec.family.name)).values[0]
    return predicted if predicted.ndim == 2 else predicted @ np.arange(predicted.shape[-1])


@each_family
def test_a_linear_predictor_is_its_coefficients_and_effects(
    family: str, fits: dict[str, po.Fit]
) -> None:
    result = fits[family].result
    spec = result.spec.main
    b = result.draws[spec.variable("b")].values
    r = result.draws[spec.variable("r", spec.groups[0])].values[..., 0]
    x = dict(zip(spec.coefs, b.transpose(2, 0, 1), strict=True))
    codes = np.repeat(np.arange(N_GROUPS), N_EACH)

    linear = fits[family].predict(kind="linear").values

    slope = x["x"][..., None] * ROWS["x"].to_numpy()
    expected = slope + r[..., codes] + (x["Intercept"][..., None] if "Intercept" in x else 0.0)
    np.testing.assert_allclose(linear, expected, rtol=1e-10, atol=1e-12)


@each_family
def test_a_loaded_fit_answers_as_the_saved_one_did(
    family: str, fits: dict[str, po.Fit], tmp_path: Path
) -> None:
    fit = fits[family]
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    assert repr(loaded) == repr(fit)
    for kind in (mean_kind(family), "response"):
        before = fit.predict(NEW, kind=kind, groups="new", seed=5)
        after = loaded.predict(NEW, kind=kind, groups="new", seed=5)
        np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(log_likelihood(loaded.result), log_likelihood(fit.result))


EVERY_LINK = [(name, link) for name, row in FAMILIES.items() for link in row.main.links]
OTHER_LINKS = [(name, link) for name, link in EVERY_LINK if link != FAMILIES[name].main.links[0]]
# One family of each link in the fast suite.
FIRST_OF_LINK = {(family, link) for link, family in {k: f for f, k in OTHER_LINKS[::-1]}.items()}


def make_constant(family: str, link: str, n_draws: int) -> po.Fit:
    """Return a fit whose draws are all equal, within the range of the link."""
    formula, data = make_case(family)
    low, high = {"identity": (0.4, 0.6), "log": (-0.8, -0.6)}.get(link, (0.4, 0.8))
    size = (1, n_draws)
    values = {"nu": 5.0, "threshold": [-0.5, 0.3, 1.1]}
    names = [row.name for row in FAMILIES[family].parameters[1:]]
    own = {name: np.asarray(values.get(name, 0.7)) for name in names}
    given = {name: np.broadcast_to(value, (*size, *value.shape)) for name, value in own.items()}
    main = [""] if FAMILIES[family].response_kind != "category" else ["_muhigh", "_mumiddle"]
    for suffix in main:
        slopes = [0.01] if FAMILIES[family].replaces_intercept else [low, 0.01]
        given[f"b{suffix}"] = np.tile(slopes, (*size, 1))
        given[f"sd_g{suffix}"] = np.full((*size, 1), 0.1)
        effects = np.linspace(0.0, high - low, N_GROUPS)
        given[f"r_g{suffix}"] = np.tile(effects[:, None], (*size, 1, 1))
    choice = family if link == "latent" else po.family(family, link=link)
    return po.Fit(make_posterior(formula, data, given, family=choice))


@pytest.mark.parametrize(
    ("family", "link"),
    [
        pytest.param(*case, marks=() if case in FIRST_OF_LINK else pytest.mark.slow)
        for case in OTHER_LINKS
    ],
)
def test_every_other_link_is_saved_loaded_and_predicted_with(
    family: str, link: str, tmp_path: Path
) -> None:
    fit = make_constant(family, link, 4)
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    for kind in ("mean", "response"):
        drawn = loaded.predict(NEW, kind=kind, groups="observed", seed=5)
        before = fit.predict(NEW, kind=kind, groups="observed", seed=5)
        np.testing.assert_array_equal(drawn, before)
        assert np.isfinite(drawn.values).all()
    assert np.isfinite(log_likelihood(loaded.result).values).all()


@pytest.mark.parametrize(("family", "link"), EVERY_LINK)
def test_simulated_outcomes_have_the_mean_at_every_link(family: str, link: str) -> None:
    n_draws = 4000
    fit = make_constant(family, link, n_draws)
    result = fit.result

    mean = predicted_mean(fit)
    drawn = fit.predict(kind="response", seed=11).values[0]

    linear = linear_predictors(result)
    parameters = {name: LINKS[link].inverse(eta[0]) for name, eta in linear.items()}
    for name in result.spec.auxiliary:
        values = result.draws[name].values[0]
        parameters[name] = values if values.ndim > 1 else values[:, None]
    expected = FAMILIES[family].mean(parameters, result.design.response)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    gap = drawn - mean
    if FAMILIES[family].response_kind == "angle":
        gap = np.sin(gap)  # directions have no other mean
    error = gap.std(axis=0) / np.sqrt(n_draws)
    # 24 rows of 87 cases: 4.9 standard errors are passed once in 500 runs.
    assert (np.abs(gap.mean(axis=0)) <= 4.9 * error).all()


def test_outcomes_of_an_impossible_mean_are_missing_with_a_warning() -> None:
    formula, data = make_case("poisson")
    choice = po.family("poisson", link="identity")
    given = {"b": np.tile([-1.0, 0.0], (1, 4, 1)), "r_g": np.zeros((1, 4, N_GROUPS, 1))}
    given["r_g"][:, :, 1] = 4.0
    fit = po.Fit(make_posterior(formula, data, given, family=choice))

    # NEW has two rows of group b, whose mean is 3, and one of f, whose mean would be -1.
    text = (
        r"link `identity` gives `mu` of family `poisson` values that are not positive in 4 of 12 "
        r'predictions \(1 of 3 rows\).* `po.family\("poisson", link="log"\)`'
    )
    with pytest.warns(UserWarning, match=text) as caught:
        drawn = fit.predict(NEW, kind="response", groups="observed", seed=1).values
    with pytest.warns(UserWarning, match=text):
        mean = fit.predict(NEW, kind="mean", groups="observed").values

    assert caught[0].filename == __file__
    assert np.isfinite(drawn[..., [0, 2]]).all()
    assert np.isnan(drawn[..., 1]).all()
    assert (mean == [3.0, -1.0, 3.0]).all()
    assert fit.predict(NEW, kind="linear").shape == (1, 4, 3)  # predicts no outcome: silent


@pytest.mark.parametrize(
    ("family", "link", "low", "high", "advice"),
    [
        ("gamma", "identity", -0.5, 2.0, 'link="log"'),
        ("gamma", "inverse", -0.5, 2.0, 'link="log"'),
        ("negbinomial", "sqrt", -0.5, 2.0, 'link="log"'),
        ("inverse_gaussian", "1/mu^2", -0.5, 2.0, 'link="log"'),
        ("bernoulli", "identity", 0.5, 1.5, 'link="logit"'),
        ("beta", "log", -0.5, 0.5, 'link="logit"'),
    ],
)
def test_every_link_that_leaves_the_range_is_warned_of(
    family: str, link: str, low: float, high: float, advice: str
) -> None:
    formula, data = make_case(family)
    levels = np.full((1, 4, N_GROUPS, 1), low)
    levels[:, :2] = high
    given = {"b": np.zeros((1, 4, 2)), "r_g": levels}
    fit = po.Fit(make_posterior(formula, data, given, family=po.family(family, link=link)))

    with pytest.warns(UserWarning, match=rf"`{re.escape(link)}` gives `mu`.* 6 of 12 .*{advice}"):
        drawn = fit.predict(NEW, kind="response", seed=1).values

    assert np.isnan(drawn).sum() == 6


def test_a_modelled_shape_out_of_its_range_is_warned_of_by_its_name() -> None:
    data = ROWS.assign(y=OUTCOMES["angle"])
    given = {"b_kappa": np.tile([-1.0, 0.0], (1, 4, 1))}
    choice = po.family("von_mises", kappa="identity")
    fit = po.Fit(make_posterior(["y ~ x", "kappa ~ x"], data, given, family=choice))

    with pytest.warns(UserWarning, match=r'`kappa` of family `von_mises`.*, kappa="log"\)`'):
        drawn = fit.predict(kind="response").values

    assert np.isnan(drawn).all()


@each_family
def test_the_log_likelihood_is_finite(family: str, fits: dict[str, po.Fit]) -> None:
    density = log_likelihood(fits[family].result)

    assert density.shape == (2, 8, N_OBS)
    assert np.isfinite(density.values).all()


@each_family
def test_every_table_of_a_family_can_be_made(family: str, fits: dict[str, po.Fit]) -> None:
    fit = fits[family]

    assert fit.result.spec.family.name.split("_")[0] in repr(fit)
    assert len(fit.summary().to_df()) >= 3
    assert len(fit.groups("g").to_df()) == N_GROUPS
    assert len(fit.pooling("g").to_df()) >= N_GROUPS
    assert len(fit.variance().to_df()) >= 1
    assert len(fit.priors().to_df()) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("family", ["student", "cumulative", "zero_inflated_poisson", "weibull"])
def test_nuts_fits_a_family_and_the_saved_fit_predicts(family: str, tmp_path: Path) -> None:
    formula, data = make_case(family)

    fit = po.fit(
        formula,
        data,
        family=family,
        engine="nuts",
        seed=1,
        draws=100,
        tune=200,
        chains=2,
        progress=False,
    )
    fit.save(tmp_path / "fit.nc")

    again = po.load(tmp_path / "fit.nc").predict(NEW, kind="response", groups="new", seed=3)
    np.testing.assert_array_equal(again, fit.predict(NEW, kind="response", groups="new", seed=3))
    assert np.isfinite(log_likelihood(fit.result).values).all()
