"""The gradient that NUTS follows is finite over the whole support, at every link.

Each parameter's linear predictor goes far out, at the outcomes at the edge of the support and with
the other parameters small and large. Where the NumPy density is a number, PyMC's is the same one.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.engines.quadrature.kernels import BUILDERS, Outcome, build_kernel, find_support
from poolish.spec.families import FAMILIES
from poolish.spec.family import Family, Parameter
from poolish.spec.links import LINKS

FAR = np.array([-100.0, -30.0, -10.0, -2.0, -0.1, 0.1, 2.0, 10.0, 30.0, 100.0])
ABOVE_ZERO = np.array([1e-3, 0.1, 2.0, 30.0, 100.0])
BELOW_ZERO = np.array([-100.0, -30.0, -2.0, -0.1, -1e-3, -1e-9])
BETWEEN = np.array([1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-9])
N_TRIALS = 10.0
LEVELS = ("a", "b", "c")
THRESHOLDS = np.array([-0.5, 0.7])
# Outcomes at the edges of the support, by kind of response.
EDGES = {
    "real": [-1e6, 0.0, 1e6],
    "positive": [1e-300, 1e-8, 1.0, 1e6],
    "count": [0.0, 1.0, 1e6, 1e9],
    "binary": [0.0, 1.0],
    "binomial": [0.0, 3.0, N_TRIALS],
    "proportion": [1e-300, 1e-8, 0.5, 1.0 - 1e-12],
    "ordinal": [0.0, 1.0, 2.0],
    "category": [0.0, 1.0, 2.0],
    "angle": [-3.1, 0.0, 3.1],
}
# Other parameters while one goes far out, each on its own scale.
SMALL_AND_LARGE = {"alpha": [-50.0, 50.0], "nu": [1.001, 1e3], "mu": [0.3, 0.9]}
CHANCES = ("zi", "hu", "quantile")


def etas(row: Parameter, link: str) -> np.ndarray:
    """Return linear predictors over the range that the link gives a value within the parameter's.

    Only where a link leaves the range is it cut: `identity`, `inverse`, `sqrt`, `1/mu^2`, and `log`
    of a chance.
    """
    if row.lower == 0.0 and row.upper == 1.0:
        return {"identity": BETWEEN, "log": BELOW_ZERO}.get(link, FAR)
    if row.lower == 0.0 and link in ("identity", "inverse", "sqrt", "1/mu^2"):
        return ABOVE_ZERO
    return FAR


def others(row: Parameter) -> list[float]:
    """Return a small and a large value of a parameter that stays put."""
    if row.name in CHANCES:
        return [1e-9, 1.0 - 1e-9]
    return SMALL_AND_LARGE.get(row.name, [1e-3, 1e4])


def linear(row: Parameter, link: str, values: list[float]) -> np.ndarray:
    return np.asarray(LINKS[link].link(np.array(values)))


CASES = [
    # Every link of the main parameter in the fast suite, the default one of the others.
    pytest.param(
        name, row.name, link, marks=() if row is family.main or not k else pytest.mark.slow
    )
    for name, family in FAMILIES.items()
    for row in family.parameters
    if row.dim is None
    for k, link in enumerate(row.links)
]


@pytest.mark.parametrize(("name", "far", "link"), CASES)
def test_gradient_is_finite_over_the_support(name: str, far: str, link: str) -> None:
    pytest.importorskip("pymc")
    family = FAMILIES[name]
    grid, response = make_grid(family, far, link)
    links = {row.name: row.links[0] for row in family.parameters} | {far: link}

    density, *gradients = evaluate(family, links, grid, response)

    expected = log_density(family, links, grid, response)
    is_a_number = representable(family, links, grid, response)
    for values in (density, *gradients):
        assert np.isfinite(values[is_a_number]).all()
    # Further out NumPy's loses digits: it has 1 - mu as a difference.
    is_known = (
        is_a_number & np.isfinite(expected) & (np.abs(grid.get(far, grid.get("mub"))) <= 10.0)
    )
    np.testing.assert_allclose(density[is_known], expected[is_known], rtol=1e-5, atol=1e-6)
    assert is_known.mean() > 0.4


IMPOSSIBLE = [
    (name, row.name, link)
    for name, family in FAMILIES.items()
    for row in family.parameters
    if row.lower == 0.0
    for link in row.links
    if link in ("identity", "inverse", "sqrt", "1/mu^2") or (link == "log" and row.upper == 1.0)
]


@pytest.mark.parametrize(("name", "far", "link"), IMPOSSIBLE)
def test_no_density_where_a_link_leaves_the_range(name: str, far: str, link: str) -> None:
    family = FAMILIES[name]
    grid, response = make_grid(family, far, link)
    links = {row.name: row.links[0] for row in family.parameters} | {far: link}
    outside = (0.7,) if link == "log" else (-0.7, 1.7)

    for eta in outside if family.parameter(far).upper == 1.0 else (-0.7,):
        density, *_ = evaluate(family, links, grid | {far: np.full_like(grid[far], eta)}, response)

        assert not np.isfinite(density.sum())


@pytest.mark.parametrize(
    ("name", "link"), [(name, link) for name in BUILDERS for link in FAMILIES[name].main.links]
)
def test_derivatives_of_quadrature_are_finite_over_the_support(name: str, link: str) -> None:
    main = FAMILIES[name].main
    y = np.array(EDGES[FAMILIES[name].response_kind])[:, None]
    ones = np.ones_like(y)
    trials = ones * N_TRIALS if name == "binomial" else ones
    kernel = build_kernel(FAMILIES[name], LINKS[link], Outcome(y, trials, ones, ones))
    support = find_support(main, LINKS[link]) or (-np.inf, np.inf)
    far = etas(main, link)
    far = far[(support[0] < far) & (far < support[1])]
    eta, own = np.array(list(itertools.product(far, [1e-3, 1.0, 1e4]))).T
    eta = np.tile(eta, (len(y), 1))

    values = (
        kernel.value(eta.copy(), own),
        *kernel.derivatives(eta, own),
        kernel.curvature(eta, own),
        kernel.constant(own),
    )

    assert all(np.isfinite(part).all() for part in values)


def make_grid(family: Family, far: str, link: str) -> tuple[dict[str, np.ndarray], ResponseDesign]:
    """Return linear predictors by parameter and the response, one entry per row."""
    rows = [row for row in family.parameters if row.dim is None]
    outcomes = EDGES[family.response_kind] + ([0.0] if family.has_zeros else [])
    axes = [
        etas(row, link) if row.name == far else linear(row, row.links[0], others(row))
        for row in rows
    ]
    y, *columns = np.array(list(itertools.product(outcomes, *axes))).T
    grid = dict(zip((row.name for row in rows), columns, strict=True))
    if family.response_kind == "category":
        grid = {"mub": grid["mu"], "muc": np.roll(grid["mu"], 3)}
    kind = family.response_kind
    response = ResponseDesign(
        "y",
        y,
        trials=np.full(len(y), N_TRIALS) if kind == "binomial" else None,
        levels=LEVELS if kind in ("ordinal", "category") else (),
    )
    return grid, response


def evaluate(
    family: Family, links: Mapping[str, str], grid: Mapping[str, np.ndarray], response: Any
) -> list[np.ndarray]:
    """Return the log density and its gradients, rewritten as the samplers do, but not compiled.

    Without fusion, which without a compiler computes in single precision.
    """
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt
    from pymc.pytensorf import rewrite_pregrad
    from pytensor.compile.mode import Mode

    inputs = {name: pt.dvector(name) for name in grid}
    tensors = {n: LINKS[links.get(n, "latent")].graph(pt, eta) for n, eta in inputs.items()}
    if family.replaces_intercept:
        tensors["threshold"] = pt.as_tensor(THRESHOLDS)
    with pm.Model() as model:
        variable = family.likelihood(pm, "y", tensors, response, observed=response.y)
    (density,) = model.logp(vars=[variable], sum=False, jacobian=False)
    density = rewrite_pregrad(density)
    gradients = pytensor.grad(density.sum(), list(inputs.values()))
    mode = Mode(linker="vm", optimizer="fast_run").excluding("fusion")
    with pytensor.config.change_flags(cxx=""):
        function = pm.compile(list(inputs.values()), [density, *gradients], mode=mode)
    with warnings.catch_warnings():
        # Branches that are not taken may overflow.
        warnings.simplefilter("ignore", RuntimeWarning)
        return [np.asarray(values) for values in function(*grid.values())]


def log_density(
    family: Family, links: Mapping[str, str], grid: Mapping[str, np.ndarray], response: Any
) -> np.ndarray:
    """Return NumPy's log density, which far out may not be a number."""
    parameters = own_scale(family, links, grid)
    with np.errstate(all="ignore"):
        return family.log_density(response.y, parameters, response)


def own_scale(
    family: Family, links: Mapping[str, str], grid: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    own = {name: LINKS[links.get(name, "latent")].inverse(eta) for name, eta in grid.items()}
    return own | ({"threshold": THRESHOLDS} if family.replaces_intercept else {})


def representable(
    family: Family, links: Mapping[str, str], grid: Mapping[str, np.ndarray], response: Any
) -> np.ndarray:
    """Return where the log density itself is within the range of a double."""
    own = own_scale(family, links, grid)
    if family.name == "weibull":  # its cumulative hazard is (y / scale)^shape
        log_scale = np.log(own["mu"]) - special.gammaln(1.0 + 1.0 / own["shape"])
        return np.asarray(own["shape"] * (np.log(response.y) - log_scale) < 650.0)
    if family.name == "inverse_gaussian":
        return np.asarray(np.log(own["shape"]) - np.log(response.y) < 700.0)
    return np.ones(len(response.y), dtype=bool)
