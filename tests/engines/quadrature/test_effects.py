"""Draws of the integrated effects: held to the distribution function by SciPy's quadrature."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from poolish.engines.quadrature.effects import draw_effects
from poolish.engines.quadrature.problem import build_problem

N_DRAWS = 40_000


@pytest.mark.parametrize(
    ("family", "y", "sd"),
    [
        ("bernoulli", [1, 1, 1, 0, 1, 1, 1], 4.0),  # skewed: group a is all ones
        ("poisson", [0, 0, 0, 9, 12, 1, 3], 1.0),
        ("gamma", [0.1, 0.3, 0.2, 5.0, 9.0, 1.0, 3.0], 1.5),
        ("beta", [0.99, 0.98, 0.999, 0.2, 0.1, 0.5, 0.4], 2.0),
    ],
)
def test_draws_follow_the_conditional_distribution(family, y, sd, make_model, rng):
    data = pd.DataFrame({"y": y, "g": list("aaabbcc")})
    spec, design = make_model("y ~ 1 + (1 | g)", data, family=family)
    problem = build_problem(spec, design, n_nodes=9)
    theta = np.full((N_DRAWS, problem.outer.size), np.log(sd))
    natural = problem.outer.natural(theta)
    beta = problem.inner.linear(np.full((N_DRAWS, 1), 0.3), natural.sds).beta
    merged, full = (
        (data.rows, problem.predictors(data, natural, beta))
        for data in (problem.merged, problem.full)
    )

    v = draw_effects(rng, merged, full, problem.classes, problem.centres)

    link, response = spec.main.link, design.response
    names = [row.name for row in spec.family.parameters]
    for level in range(3):
        rows = design.main.groups[0].codes == level
        grid = np.linspace(-6, 6, 2001)
        mu = link.inverse(0.3 + sd * grid[:, None] * np.ones(7))
        values = {"mu": np.clip(mu, 1e-15, None), "shape": sd, "phi": sd}
        logs = spec.family.log_density(response.y, {n: values[n] for n in names}, response)
        density = np.exp(logs[:, rows].sum(axis=1) + 10.0) * stats.norm.pdf(grid)
        mass = integrate.cumulative_simpson(density, x=grid, initial=0)
        distribution = np.interp(v[level], grid, mass / mass[-1])
        # The Kolmogorov-Smirnov test at 1 in 10,000; its draws are independent.
        assert stats.kstest(distribution, "uniform").pvalue > 1e-4
