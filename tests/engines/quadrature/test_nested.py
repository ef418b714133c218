"""The approximate density of the variances: smooth enough for its curvature to be differences."""

import numpy as np
import pandas as pd
from scipy import special

from poolish.engines.quadrature.inner_mode import find_inner_mode
from poolish.engines.quadrature.nested import Nested
from poolish.engines.quadrature.problem import build_problem


def test_density_is_smooth_where_nodes_are_few(make_model, rng):
    g = np.repeat(np.arange(300), 4)
    eta = -2.5 + 2.2 * rng.normal(size=300)[g]
    y = (rng.random(len(g)) < special.expit(eta)).astype(int)
    data = pd.DataFrame({"y": y, "x": np.tile(np.arange(4), 300), "g": g.astype(str)})
    spec, design = make_model("y ~ x + (1 | g)", data, family="bernoulli")
    problem = build_problem(spec, design, n_nodes=9)
    theta = np.array([np.log(2.2)])
    w = find_inner_mode(problem, theta, np.zeros(2)).w
    grid = theta + np.linspace(-0.05, 0.05, 21)[:, None]

    values = Nested(problem.centred_at(theta, w), w).log_density(grid)

    position = grid[:, 0] - theta
    smooth = np.polyval(np.polyfit(position, values, 4), position)
    # A second difference over 0.01 is then off by 0.4 where the curvature is about 100.
    assert np.abs(values - smooth).max() < 1e-5
