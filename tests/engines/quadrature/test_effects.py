"""Draws of the integrated effects: held to the distribution function by SciPy's quadrature."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import poolish as po
from poolish.engines.quadrature.effects import draw_effects
from poolish.engines.quadrature.problem import build_problem

N_DRAWS = 40_000


@pytest.mark.parametrize(
    ("family", "link", "y", "sd"),
    [
        ("bernoulli", "logit", [1, 1, 1, 0, 1, 1, 1], 4.0),  # skewed: group a is all ones
        ("bernoulli", "probit", [1, 1, 1, 0, 1, 1, 1], 1.5),
        ("poisson", "log", [0, 0, 0, 9, 12, 1, 3], 1.0),
        ("gamma", "log", [0.1, 0.3, 0.2, 5.0, 9.0, 1.0, 3.0], 1.5),
        ("beta", "logit", [0.99, 0.98, 0.999, 0.2, 0.1, 0.5, 0.4], 2.0),
        # Densities with an end: high there in group a, zero in group b or c.
        ("bernoulli", "identity", [1, 1, 1, 0, 1, 1, 1], 0.4),
        ("poisson", "identity", [0, 0, 0, 9, 12, 1, 3], 2.0),
        ("gamma", "inverse", [0.1, 0.3, 0.2, 5.0, 9.0, 1.0, 3.0], 0.5),
        ("poisson", "sqrt", [0, 0, 0, 9, 12, 1, 3], 2.0),
    ],
)
def test_draws_follow_the_conditional_distribution(family, link, y, sd, make_model, rng):
    data = pd.DataFrame({"y": y, "g": list("aaabbcc")})
    spec, design = make_model("y ~ 1 + (1 | g)", data, family=po.family(family, link=link))
    problem = build_problem(spec, design, n_nodes=9)
    theta, w = np.full((N_DRAWS, problem.outer.size), np.log(sd)), np.full((N_DRAWS, 1), 0.3)
    found = problem.evaluate(theta, w)

    v = draw_effects(rng, problem, found, np.arange(N_DRAWS)).T

    main, link, response = spec.family.main, spec.main.link, design.response
    names = [row.name for row in spec.family.parameters]
    for level in range(3):
        rows = design.main.groups[0].codes == level
        grid = np.linspace(-6, 6, 20_001)
        with np.errstate(divide="ignore"):
            mu = link.inverse(0.3 + sd * grid[:, None] * np.ones(7))
        is_possible = ((mu > main.lower) & (mu < main.upper)).all(axis=1)
        inside = np.clip(mu, 1e-15, main.upper - 1e-15)
        values = {"mu": inside, "shape": sd, "phi": sd}
        logs = spec.family.log_density(response.y, {n: values[n] for n in names}, response)
        density = np.exp(logs[:, rows].sum(axis=1) + 10.0) * stats.norm.pdf(grid) * is_possible
        mass = integrate.cumulative_simpson(density, x=grid, initial=0)
        distribution = np.interp(v[level], grid, mass / mass[-1])
        # The Kolmogorov-Smirnov test at 1 in 10,000; its draws are independent.
        assert stats.kstest(distribution, "uniform").pvalue > 1e-4


def test_groups_with_the_same_rows_get_their_own_draws(make_model, rng):
    data = pd.DataFrame({"y": [0, 1, 0, 1, 1, 1], "g": list("aabbcc")})
    spec, design = make_model("y ~ 1 + (1 | g)", data, family="bernoulli")
    problem = build_problem(spec, design, n_nodes=5)
    found = problem.evaluate(np.zeros((2000, 1)), np.zeros((2000, 1)))

    v = draw_effects(rng, problem, found, np.arange(2000))

    assert problem.full.rows.groups.n_groups == 3
    assert problem.merged.rows.groups.n_groups == 2
    # Correlations of independent draws, four standard errors.
    assert np.abs(np.corrcoef(v.T)[np.triu_indices(3, 1)]).max() < 4 / np.sqrt(2000)
