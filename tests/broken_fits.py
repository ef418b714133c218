"""A zoo of broken models, each with the cause that the doctor should find first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import statsmodels.api as sm
from tests.made_fits import make_posterior

import poolish as po
from poolish.posterior import Posterior
from poolish.spec.prior import Prior

N_GROUPS, N_EACH = 20, 10
N = N_GROUPS * N_EACH


def fit_exact(formula: str, data: pd.DataFrame, **options) -> Posterior:
    return po.fit(
        formula, data, engine="exact", draws=300, seed=1, progress=False, **options
    ).result


def fit_glm(formula: str, data: pd.DataFrame, family: str, glm, **stats) -> Posterior:
    """Return independent draws about the maximum likelihood estimates of `y ~ x`."""
    X = sm.add_constant(data["x"].to_numpy())
    outcome = data["y"] if "n" not in data else np.column_stack([data.y, data.n - data.y])
    found = sm.GLM(outcome, X, family=glm).fit()
    rng = np.random.default_rng(5)
    b = rng.multivariate_normal(np.asarray(found.params), np.asarray(found.cov_params()), (4, 250))
    return make_posterior(formula, data, {"b": b}, family=family, stats=stats or None)


def grouped(seed: int = 1, *, slope: float = 1.0, between: float = 1.0) -> pd.DataFrame:
    """Return a healthy data set: x, 20 groups of 10, normal residuals."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(N_GROUPS), N_EACH)
    x = rng.normal(size=N)
    y = 2 + slope * x + between * rng.normal(size=N_GROUPS)[g] + rng.normal(size=N)
    return pd.DataFrame({"y": y, "x": x, "g": [f"g{k:02d}" for k in g]})


def healthy() -> Posterior:
    return fit_exact("y ~ x + (1 | g)", grouped())


def one_row_per_group() -> Posterior:
    data = grouped()
    data["g"] = [f"row{k}" for k in range(N)]
    return fit_exact("y ~ x + (1 | g)", data)


def two_groups_are_one() -> Posterior:
    data = grouped()
    data["school"] = "school of " + data["g"]
    return fit_exact("y ~ x + (1 | g) + (1 | school)", data)


def group_on_both_sides() -> Posterior:
    return fit_exact("y ~ x + g + (1 | g)", grouped())


def slope_constant_within() -> Posterior:
    data = grouped()
    data["size"] = data.groupby("g")["x"].transform("mean")
    return fit_exact("y ~ size + (size | g)", data)


def nearly_collinear() -> Posterior:
    data = grouped()
    data["x2"] = data["x"] + 0.01 * np.random.default_rng(2).normal(size=N)
    return fit_exact("y ~ x + x2 + (1 | g)", data)


def confounded_with_groups() -> Posterior:
    data = grouped().iloc[: 6 * N_EACH]
    rng = np.random.default_rng(3)
    code = data.groupby("g").ngroup().to_numpy()
    for name in ("a", "b", "c"):
        data = data.assign(**{name: rng.normal(size=6)[code]})
    return fit_exact("y ~ a + b + c + (1 | g)", data)


def one_level() -> Posterior:
    return fit_exact("y ~ x + (1 | g)", grouped().iloc[:N_EACH])


def more_effects_than_rows() -> Posterior:
    data = grouped()
    data["pair"] = np.arange(N) // 2
    return fit_exact("y ~ x + (x | pair)", data)


def labels_used_again() -> Posterior:
    data = grouped()
    data["id"] = np.tile(np.repeat(np.arange(1, 6), 2), N_GROUPS)
    data["y"] += 2 * data["id"]
    return fit_exact("y ~ x + (1 | g) + (1 | id)", data)


def few_groups() -> Posterior:
    return fit_exact("y ~ x + (1 | g)", grouped().iloc[: 3 * N_EACH])


def badly_scaled() -> Posterior:
    data = grouped()
    data["population"] = 1e7 * (data.pop("x") + 5)
    return fit_exact("y ~ population + (1 | g)", data)


def tight_prior_on_a_slope() -> Posterior:
    data = grouped(slope=5.0)
    return fit_exact("y ~ x + (1 | g)", data, priors={"b[x]": "normal(0, 0.1)"})


def tight_prior_on_an_sd() -> Posterior:
    data = grouped(between=6.0)
    return fit_exact("y ~ x + (1 | g)", data, priors={"sd_g": "half_normal(0.5)"})


def no_spread_between_groups() -> Posterior:
    return fit_exact("y ~ x + (1 | g)", grouped(seed=6, between=0.0))


def correlation_of_one() -> Posterior:
    data = grouped()
    u = 3 * np.random.default_rng(6).normal(size=N_GROUPS)[data.groupby("g").ngroup()]
    data["y"] += u * data["x"] + u
    posterior = make_posterior("y ~ x + (x | g)", data, seed=1)
    found = fit_exact("y ~ x + (x | g)", data)
    cor = np.ones((*found.draws["sd_g"].shape[:2], 2, 2))
    cor[..., 0, 1] = cor[..., 1, 0] = 0.99
    names = ("b", "sd_g", "r_g", "sigma")
    values = {name: found.draws[name].values for name in names}
    assert posterior.spec.main.groups[0].blocks == ((0, 1),)
    return make_posterior("y ~ x + (x | g)", data, {**values, "cor_g": cor})


def counts(seed: int = 7) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=400)
    return rng, x, np.exp(1.2 + 0.3 * x)


def healthy_counts() -> Posterior:
    rng, x, mean = counts()
    return fit_glm("y ~ x", pd.DataFrame({"y": rng.poisson(mean), "x": x}), "poisson", POISSON)


def overdispersed_counts() -> Posterior:
    rng, x, mean = counts()
    y = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, 400))
    return fit_glm("y ~ x", pd.DataFrame({"y": y, "x": x}), "poisson", POISSON)


def zero_inflated_counts() -> Posterior:
    rng, x, mean = counts()
    y = rng.poisson(2 * mean) * (rng.uniform(size=400) > 0.3)
    return fit_glm("y ~ x", pd.DataFrame({"y": y, "x": x}), "poisson", POISSON)


def overdispersed_proportions() -> Posterior:
    rng, x, _ = counts()
    p = rng.beta(2.0, 2.0, 400)
    data = pd.DataFrame({"y": rng.binomial(20, p), "n": 20, "x": x})
    return fit_glm("y | trials(n) ~ x", data, "binomial", BINOMIAL)


def separated() -> Posterior:
    x = np.linspace(-2, 2, 60)
    data = pd.DataFrame({"y": (x > 0.1).astype(int), "x": x})
    return make_posterior("y ~ x", data, family="bernoulli", size=(4, 250))


def binary_as_gaussian() -> Posterior:
    data = grouped()
    return fit_exact("y ~ x + (1 | g)", data.assign(y=(data["y"] > 2).astype(int)))


def counts_as_gaussian() -> Posterior:
    data = grouped()
    rng = np.random.default_rng(8)
    return fit_exact("y ~ x + (1 | g)", data.assign(y=rng.poisson(np.exp(0.5 * data["x"]))))


def heavy_tailed() -> Posterior:
    data = grouped()
    data.loc[[5, 50, 120], "y"] += [15.0, -20.0, 18.0]
    return fit_exact("y ~ x + (1 | g)", data)


def skewed() -> Posterior:
    data = grouped()
    return fit_exact("y ~ x + (1 | g)", data.assign(y=np.exp(0.6 * data["y"])))


def curved() -> Posterior:
    data = grouped()
    return fit_exact("y ~ x + (1 | g)", data.assign(y=data["y"] + 1.5 * data["x"] ** 2))


def slopes_that_differ() -> Posterior:
    data = grouped()
    u = 2 * np.random.default_rng(9).normal(size=N_GROUPS)
    return fit_exact(
        "y ~ x + (1 | g)", data.assign(y=data["y"] + u[data.groupby("g").ngroup()] * data["x"])
    )


def unequal_spread() -> Posterior:
    data = grouped()
    rng = np.random.default_rng(10)
    return fit_exact(
        "y ~ x + (1 | g)", data.assign(y=data["y"] + 4 * np.exp(data["x"]) * rng.normal(size=N))
    )


def with_stats(posterior: Posterior, **stats: np.ndarray) -> Posterior:
    names = [name for name in ("b", "sd_g", "r_g", "sigma")]
    values = {name: posterior.draws[name].values for name in names}
    return make_posterior("y ~ x + (1 | g)", grouped(), values, stats=stats)


def divergent() -> Posterior:
    diverging = np.zeros((4, 300))
    diverging[:, :20] = 1
    return with_stats(healthy(), diverging=diverging)


def long_tailed_energy() -> Posterior:
    energy = np.cumsum(np.random.default_rng(11).normal(size=(4, 300)), axis=1)
    return with_stats(healthy(), energy=energy)


def coarse_approximation() -> Posterior:
    return with_stats(healthy(), khat=np.array(0.9))


def chains_apart() -> Posterior:
    found = healthy()
    values = {name: found.draws[name].values.copy() for name in ("b", "sd_g", "r_g", "sigma")}
    values["b"][0, :, 0] += 1.0
    return make_posterior("y ~ x + (1 | g)", grouped(), values)


def flat_and_unsettled() -> Posterior:
    found = healthy()
    values = {name: found.draws[name].values.copy() for name in ("b", "sd_g", "r_g", "sigma")}
    values["b"][0, :, 1] += 50.0
    made = make_posterior("y ~ x + (1 | g)", grouped(), values)
    main = replace(made.spec.main, priors=(made.spec.main.priors[0], Prior("flat")))
    return replace(made, spec=replace(made.spec, predictors={"mu": main}))


def interrupted() -> Posterior:
    found = healthy()
    return replace(found, record=replace(found.record, is_complete=False, draws=3000))


def not_a_number() -> Posterior:
    found = healthy()
    values = {name: found.draws[name].values.copy() for name in ("b", "sd_g", "r_g", "sigma")}
    values["b"][0, 0, 1] = np.nan
    return make_posterior("y ~ x + (1 | g)", grouped(), values)


POISSON, BINOMIAL = sm.families.Poisson(), sm.families.Binomial()


@dataclass(frozen=True)
class Animal:
    """A broken model.

    Parameters
    ----------
    make : callable
    cause : str
        Of the first step.
    change : dict
        What the first step proposes; `...` stands for any value.
    needs_nuts : bool
        Whether the proposed model is one for NUTS.
    """

    make: Callable[[], Posterior]
    cause: str
    change: dict
    needs_nuts: bool = False


ZOO = [
    Animal(one_row_per_group, "one row per group", {"formula": "y ~ 1 + x"}),
    Animal(two_groups_are_one, "two groups are one", {"formula": "y ~ 1 + x + (1 | g)"}),
    Animal(group_on_both_sides, "group is also a population effect", {"formula": "y ~ 1 + x + g"}),
    Animal(
        slope_constant_within,
        "slope of a predictor constant within groups",
        {"formula": "y ~ 1 + size + (1 | g)"},
    ),
    Animal(nearly_collinear, "nearly the same predictors", {"formula": "y ~ 1 + x + (1 | g)"}),
    Animal(
        confounded_with_groups,
        "predictors confounded with groups",
        {"formula": "y ~ 1 + a + b + (1 | g)"},
    ),
    Animal(one_level, "one level", {"formula": "y ~ 1 + x"}),
    Animal(more_effects_than_rows, "more effects than rows", {"formula": "y ~ 1 + x + (1 | pair)"}),
    Animal(
        labels_used_again,
        "labels used again",
        {"formula": "y ~ 1 + x + (1 | g) + (1 | g:id)"},
    ),
    Animal(few_groups, "few groups", {"formula": "y ~ 1 + x + factor(g)"}),
    Animal(
        badly_scaled,
        "badly scaled predictor",
        {"formula": "y ~ 1 + scale(population) + (1 | g)"},
    ),
    Animal(tight_prior_on_a_slope, "prior-data conflict", {"priors": ...}),
    Animal(tight_prior_on_an_sd, "prior-data conflict", {"priors": ...}),
    Animal(no_spread_between_groups, "standard deviation near zero", {"formula": "y ~ 1 + x"}),
    Animal(correlation_of_one, "correlation at its bound", {"formula": "y ~ 1 + x + (1 + x || g)"}),
    Animal(overdispersed_counts, "overdispersion", {"family": "negbinomial"}),
    Animal(zero_inflated_counts, "excess zeros", {"family": "zero_inflated_poisson"}, True),
    Animal(overdispersed_proportions, "overdispersion", {"family": "beta_binomial"}, True),
    Animal(separated, "separation", {"priors": ...}),
    Animal(binary_as_gaussian, "binary outcome", {"family": "bernoulli"}),
    Animal(counts_as_gaussian, "counts as numbers", {"family": "poisson"}),
    Animal(heavy_tailed, "heavy tails", {"family": "student"}, True),
    Animal(skewed, "skewed positive outcome", {"family": "lognormal"}, True),
    Animal(curved, "curved effect", {"formula": "y ~ 1 + x + I(x^2) + (1 | g)"}),
    Animal(
        slopes_that_differ, "slopes differ between groups", {"formula": "y ~ 1 + x + (1 + x | g)"}
    ),
    Animal(unequal_spread, "unequal spread", {"formula": "y ~ 1 + x + (1 | g)\nsigma ~ x"}, True),
    Animal(divergent, "divergences", {"centered": True}),
    Animal(long_tailed_energy, "low energy information", {"tune": ...}),
    Animal(coarse_approximation, "approximation too coarse", {"engine": "nuts"}, True),
    Animal(chains_apart, "chains disagree", {"draws": ..., "tune": ...}),
    Animal(flat_and_unsettled, "flat prior", {"priors": ...}),
    Animal(interrupted, "interrupted", {"draws": 3000, "tune": ...}),
    Animal(not_a_number, "draws not finite", {}),
]
