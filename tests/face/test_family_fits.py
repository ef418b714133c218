"""A small NUTS fit of every family through the public face: fitted, saved, loaded, predicted.

The data are simulated by the family's own sampler. PyMC's sampler runs without a compiler: one to
four CPU-seconds a family, where compiling takes half a minute. `make test-slow` fits through nutpie
(`test_families.py`, the gallery).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import poolish as po
from poolish.design.arrays import ResponseDesign
from poolish.engines.nuts import sampling
from poolish.spec.families import FAMILIES
from poolish.spec.links import LINKS

N_GROUPS, N_EACH, N_TRIALS = 4, 4, 6
N_OBS, N_DRAWS = N_GROUPS * N_EACH, 20
LEVELS = ("low", "middle", "top")
X = np.tile([-1.0, -0.3, 0.4, 1.1], N_GROUPS)
CODES = np.repeat(np.arange(N_GROUPS), N_EACH)
EFFECTS = np.array([-0.4, 0.1, 0.5, -0.2])
# Each family's own parameters in the simulation; the linear predictor is 0.4 + 0.5 x + effect.
TRUTH = {
    "sigma": 0.5, "nu": 5.0, "alpha": 2.0, "shape": 2.0, "phi": 8.0, "kappa": 4.0,
    "zi": 0.3, "hu": 0.3, "quantile": 0.5, "threshold": [-0.3, 1.1],
}  # fmt: skip
NEW = pd.DataFrame({"x": [0.1, -1.0], "n": [3, 6], "g": ["g1", "g3"]})


def simulate(name: str) -> pd.DataFrame:
    """Return a data set drawn by the family's own sampler."""
    family = FAMILIES[name]
    kind = family.response_kind
    eta = 0.4 + 0.5 * X + EFFECTS[CODES]
    response = ResponseDesign(
        "y",
        np.zeros(N_OBS),
        trials=np.full(N_OBS, float(N_TRIALS)) if kind == "binomial" else None,
        levels=LEVELS if kind in ("ordinal", "category") else (),
    )
    own = {row.name for row in family.active(response)}
    parameters = {key: np.asarray(value) for key, value in TRUTH.items() if key in own}
    if kind == "category":
        parameters |= {"mumiddle": eta, "mutop": 0.5 - eta}
    else:
        parameters["mu"] = LINKS[family.main.links[0]].inverse(eta)
    y = family.sample(np.random.default_rng(20261127), parameters, response)
    if kind == "ordinal":
        y = pd.Categorical.from_codes(y, LEVELS, ordered=True)
    elif kind == "category":
        y = np.array(LEVELS)[y]
    return pd.DataFrame({"y": y, "x": X, "g": [f"g{k}" for k in CODES], "n": N_TRIALS})


def formula_of(name: str) -> str:
    trials = " | trials(n)" if FAMILIES[name].response_kind == "binomial" else ""
    return f"y{trials} ~ x + (1 | g)"


@dataclass(frozen=True)
class Case:
    """A model that is fitted; `formula` is left out where it is that of every family."""

    family: str
    formula: str | list[str] = ""

    def fit(self) -> po.Fit:
        return po.fit(
            self.formula or formula_of(self.family),
            simulate(self.family),
            family=self.family,
            engine="nuts",
            seed=1,
            draws=N_DRAWS,
            tune=20,
            chains=1,
            progress=False,
        )


CASES = {name: Case(name) for name in FAMILIES} | {
    "distributional": Case("gaussian", ["y ~ x + (1 | g)", "sigma ~ x + (1 | g)"]),
    "shared": Case("negbinomial", ["y ~ x + (1 |p| g)", "shape ~ (1 |p| g)"]),
    "ordinal slopes": Case("cumulative", "y ~ x + (x | g)"),
}
each_case = pytest.mark.parametrize("name", CASES)


@dataclass(frozen=True)
class Made:
    """A fit, and the same after a round trip to disk."""

    fit: po.Fit
    loaded: po.Fit


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Return a function that fits, saves and loads a case once."""
    folder, made = tmp_path_factory.mktemp("families"), {}

    def get(name: str) -> Made:
        if name not in made:
            fit = fit_cheaply(CASES[name])
            fit.save(folder / f"{name}.nc")
            made[name] = Made(fit, po.load(folder / f"{name}.nc"))
        return made[name]

    return get


def fit_cheaply(case: Case) -> po.Fit:
    """Return a fit by PyMC's own sampler, on a model that nothing compiles."""
    import pytensor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "find_spec", lambda name: None)
        with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE"):
            return case.fit()


@each_case
def test_a_fit_has_finite_draws_of_every_parameter(name: str, fits: Any) -> None:
    fit = fits(name).fit

    assert fit.result.record.engine == "nuts"
    assert fit.result.record.is_complete
    assert fit.tree["sample_stats"]["diverging"].shape == (1, N_DRAWS)
    spec = fit.result.spec
    names = {p.variable(kind) for p in spec.predictors.values() for kind in ("b", "sd", "r")}
    assert names <= {name.replace("_g", "") for name in fit.posterior}
    assert set(spec.auxiliary) <= set(fit.posterior)
    for values in fit.posterior.data_vars.values():
        assert values.shape[:2] == (1, N_DRAWS)
        assert np.isfinite(values.values).all()
    slope = fit.posterior[spec.main.variable("b")].values[0, :, -1]
    assert len(np.unique(slope)) > N_DRAWS / 2  # the chain moves


@each_case
def test_a_loaded_fit_is_the_saved_one(name: str, fits: Any) -> None:
    fit, loaded = fits(name).fit, fits(name).loaded

    xr.testing.assert_identical(loaded.posterior, fit.posterior)
    for group in ("sample_stats", "observed_data"):
        xr.testing.assert_identical(loaded.tree[group].ds, fit.tree[group].ds)
    assert repr(loaded) == repr(fit)
    assert CASES[name].family.split("_")[0] in repr(fit)
    for kind in ("linear", mean_kind(name), "response"):
        for groups in ("observed", "new"):
            before = fit.predict(NEW, kind=kind, groups=groups, seed=5)
            xr.testing.assert_identical(
                loaded.predict(NEW, kind=kind, groups=groups, seed=5), before
            )


def mean_kind(name: str) -> str:
    """Return the kind of prediction that has no noise: unordered levels have no mean."""
    is_category = FAMILIES[CASES[name].family].response_kind == "category"
    return "probability" if is_category else "mean"


# Where outcomes of each kind can be, written down again.
SUPPORTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "real": np.isfinite,
    "positive": lambda y: np.isfinite(y) & (y > 0),
    "count": lambda y: (y >= 0) & (y == np.round(y)),
    "binary": lambda y: np.isin(y, (0, 1)),
    "binomial": lambda y: np.isin(y, np.arange(N_TRIALS + 1)),
    "proportion": lambda y: (y > 0) & (y < 1),
    "ordinal": lambda y: np.isin(y, np.arange(len(LEVELS))),
    "category": lambda y: np.isin(y, np.arange(len(LEVELS))),
    "angle": lambda y: np.abs(y) <= np.pi,
}


@each_case
@pytest.mark.parametrize("groups", ["observed", "new"])
def test_predicted_outcomes_are_ones_the_family_can_have(name: str, groups: str, fits: Any) -> None:
    loaded, family = fits(name).loaded, FAMILIES[CASES[name].family]
    is_outcome = SUPPORTS[family.response_kind]

    fitted = loaded.predict(kind="response", groups=groups, seed=3)
    new = loaded.predict(NEW, kind="response", groups=groups, seed=3)

    assert fitted.shape == (1, N_DRAWS, N_OBS) and new.shape == (1, N_DRAWS, len(NEW))
    for drawn in (fitted, new):
        is_good = is_outcome(drawn.values)
        if family.has_zeros:
            is_good = is_good | (drawn.values == 0)
        assert is_good.all()
    if family.response_kind == "binomial":
        assert (new.values <= NEW["n"].to_numpy()).all()


@each_case
def test_means_are_within_the_range_of_outcomes(name: str, fits: Any) -> None:
    loaded, family = fits(name).loaded, FAMILIES[CASES[name].family]
    lowest = {"real": -np.inf, "angle": -np.pi}.get(family.response_kind, 0.0)
    highest = {
        "binary": 1.0, "proportion": 1.0, "category": 1.0, "binomial": N_TRIALS, "angle": np.pi,
        "ordinal": len(LEVELS) - 1,
    }.get(family.response_kind, np.inf)  # fmt: skip

    for groups in ("observed", "new"):
        mean = loaded.predict(kind=mean_kind(name), groups=groups).values

        assert np.isfinite(mean).all()
        assert (mean >= lowest).all() and (mean <= highest).all()


@each_case
def test_predictive_checks_hold_what_was_observed(name: str, fits: Any) -> None:
    loaded, family = fits(name).loaded, FAMILIES[CASES[name].family]
    y = loaded.result.design.response.y

    statistics = loaded.ppc("statistics").to_df().set_index("statistic")
    intervals = loaded.ppc("intervals").to_df()
    shares = loaded.ppc("density").to_df()

    expected = {"mean": y.mean(), "sd": y.std(), "smallest": y.min(), "largest": y.max()}
    for key, value in expected.items():
        assert statistics.loc[key, "observed"] == pytest.approx(value)
    assert statistics["p"].between(0, 1).all()
    assert (statistics["lower"] <= statistics["upper"]).all()
    assert len(intervals) == N_OBS
    np.testing.assert_array_equal(intervals["observed"], y)
    if (np.diff(shares["value"]) == 1.0).all():  # counts that reach far are drawn as a curve
        assert family.is_discrete
        assert shares["observed"].sum() == pytest.approx(1.0)
        assert shares["predicted"].sum() == pytest.approx(1.0, abs=0.05)  # a far tail is cut
    else:
        assert family.response_kind in ("real", "positive", "proportion", "angle", "count")
    xr.testing.assert_identical(
        loaded.tree["posterior_predictive"]["y"], fits(name).fit.tree["posterior_predictive"]["y"]
    )


@each_case
def test_shares_of_the_variance_sum_to_one(name: str, fits: Any) -> None:
    loaded = fits(name).loaded

    table = loaded.variance().to_df()

    main = loaded.result.spec.main
    parts = table[(table["quantity"] == "sd") & (table["group"] == "g")]
    sd = loaded.posterior[main.variable("sd", main.groups[0])].mean(("chain", "draw"))
    np.testing.assert_allclose(parts["estimate"], sd)
    shares = table[table["quantity"] == "share"]
    for _, of_scale in shares.groupby("scale"):
        assert of_scale["estimate"].sum() == pytest.approx(1.0)
        assert of_scale["lower"].min() >= 0 and of_scale["upper"].max() <= 1


WITH_LEVELS = [n for n, case in CASES.items() if FAMILIES[case.family].probabilities is not None]


@pytest.mark.parametrize("groups", ["observed", "new"])
@pytest.mark.parametrize("name", WITH_LEVELS)
def test_probabilities_of_levels_sum_to_one(name: str, groups: str, fits: Any) -> None:
    loaded = fits(name).loaded

    chances = loaded.predict(kind="probability", groups=groups, seed=2)

    assert chances.shape == (1, N_DRAWS, N_OBS, len(LEVELS))
    assert tuple(chances["level"].values) == LEVELS
    assert (chances.values >= 0).all()
    np.testing.assert_allclose(chances.sum("level"), 1.0, rtol=1e-12)
    if mean_kind(name) == "mean":
        mean = loaded.predict(kind="mean", groups=groups, seed=2)
        np.testing.assert_allclose(chances.values @ np.arange(3), mean)


@pytest.mark.parametrize("name", ["gamma", "zero_inflated_poisson", "cumulative", "distributional"])
def test_the_picture_of_the_predictive_check_can_be_drawn(name: str, fits: Any) -> None:
    axes = np.ravel(fits(name).loaded.plot.ppc())

    assert all(ax.lines for ax in axes)
    plt.close("all")
