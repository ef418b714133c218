"""The joint density, held to PyMC's own log density of the same draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import poolish as po
from poolish.predict.joint import open_joint, state_log_likelihood


def log_joint(posterior) -> np.ndarray:
    joint = open_joint(posterior)
    state = joint.at(joint.values)
    return state_log_likelihood(posterior, state).sum(axis=1) + joint.log_prior(state)


def test_the_joint_density_is_that_of_its_parts(brms_sleep, sleepstudy):
    """By hand, with SciPy: likelihood, multivariate normal effects, default priors."""
    sample, draws = 137, brms_sleep.draws.stack(s=("chain", "draw"), create_index=False)
    at = draws.isel(s=[sample, 11])
    values = []
    for s in range(2):
        here = at.isel(s=s)
        b, sd, sigma = here["b"].values, here["sd_Subject"].values, float(here["sigma"])
        r, cor = here["r_Subject"].values, here["cor_Subject"].values
        X = np.column_stack([np.ones(180), sleepstudy["Days"]])
        own = np.repeat(r, 10, axis=0)
        mu = X @ b + (X * own).sum(axis=1)
        total = stats.norm(mu, sigma).logpdf(sleepstudy["Reaction"]).sum()
        total += stats.multivariate_normal(np.zeros(2), cor * np.outer(sd, sd)).logpdf(r).sum()
        total += np.log(sd).sum() + np.log(sigma)
        total += _log_priors(brms_sleep.spec, b, sd, sigma, sleepstudy["Days"].mean())
        values.append(total)

    found = log_joint(brms_sleep)

    assert found[sample] - found[11] == pytest.approx(values[0] - values[1], abs=1e-8)


def _log_priors(spec, b, sd, sigma, mean_days) -> float:
    (intercept, slope), main = spec.main.priors, spec.main.groups[0]
    total = stats.norm(*intercept.arguments).logpdf(b[0] + b[1] * mean_days)
    total += stats.norm(*slope.arguments).logpdf(b[1])
    for prior, value in [
        *zip(main.sd_priors, sd, strict=True),
        (spec.auxiliary["sigma"], sigma),
    ]:
        nu, location, scale = prior.arguments
        total += stats.t(nu, location, scale).logpdf(value)
    return total


def test_values_that_do_not_move_give_the_draws_back(brms_sleep):
    joint = open_joint(brms_sleep, thin=3)

    state = joint.at(joint.values)

    np.testing.assert_allclose(state.predictors["mu"].b, joint.rows.predictors["mu"].b)
    group, drawn = (s.predictors["mu"].groups[0] for s in (state, joint.rows))
    np.testing.assert_allclose(group.sd, drawn.sd)
    np.testing.assert_allclose(group.r, drawn.r)


K = np.exp(-np.abs(np.subtract.outer(np.arange(10), np.arange(10))) / 3)
# What PyMC's own transforms add: of parameters that we leave on their scale, and of effects
# sampled as standard normals whatever `centered` says.
CASES = [
    ("negbinomial", "count ~ x + (1 | g)", lambda draws: 0.0),
    ("beta", "share ~ x + (1 | g)", lambda draws: 0.0),
    ("student", "real ~ x + (1 | g)", lambda draws: np.log(draws["nu"] - 1)),
    (
        "cumulative",
        "factor(grade) ~ x + (1 | g)",
        lambda draws: np.log(draws["threshold"].diff(draws["threshold"].dims[-1])).sum(
            draws["threshold"].dims[-1]
        ),
    ),
    (
        "zero_inflated_poisson",
        "count ~ x + (1 | g)",
        lambda draws: np.log(draws["zi"] * (1 - draws["zi"])),
    ),
    (
        "gaussian",
        "real ~ x + (1 | gr(g, cov=K))",
        lambda draws: 10 * np.log(draws["sd_g"].isel(g_effect=0)),
    ),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "formula", "jacobian"), CASES)
def test_the_joint_density_is_that_of_the_pymc_model(family, formula, jacobian, rng):
    """NUTS reports the log density of each draw: ours differs by a constant."""
    n = 80
    data = pd.DataFrame({"x": rng.normal(size=n), "g": [f"g{k % 10}" for k in range(n)]})
    data = data.assign(
        count=rng.negative_binomial(2, 0.4, n),
        real=rng.normal(size=n) + 0.5 * data["x"],
        grade=rng.integers(1, 5, n),
        share=rng.uniform(0.05, 0.95, n),
    )
    labels = [f"g{k}" for k in range(10)]
    fit = po.fit(
        formula,
        data,
        family=family,
        relations={"K": pd.DataFrame(K, labels, labels)} if "K" in formula else None,
        engine="nuts",
        centered=True,
        draws=40,
        chains=2,
        tune=150,
        seed=1,
        progress=False,
    )

    added = np.asarray(jacobian(fit.posterior) + 0 * fit.posterior["b"][..., 0]).reshape(-1)
    gap = log_joint(fit.result) + added - fit.tree["sample_stats"]["lp"].values.reshape(-1)

    np.testing.assert_allclose(gap, gap[0], atol=1e-5)
