"""The PyMC likelihood of every family and link against the NumPy one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poolish.spec.families import FAMILIES, log_density
from poolish.spec.families.additions import INTERVAL, LEFT, NONE, RIGHT
from poolish.spec.families.categorical import level_parameters
from poolish.spec.family import Family, Parameter
from poolish.spec.links import LINKS

TOLERANCE = 1e-8


@pytest.fixture(scope="module", autouse=True)
def pymc_is_loaded() -> None:
    pytest.importorskip("pymc")


def test_pymc_density_of_the_default_links_equals_ours(case: Any) -> None:
    family = FAMILIES[case.family]

    _check_links(case, [_default_links(family, case)])


@pytest.mark.slow
def test_pymc_density_of_every_link_equals_ours(case: Any) -> None:
    family = FAMILIES[case.family]

    _check_links(case, list(_other_links(family, case)))


def _check_links(case: Any, choices: list[dict[str, str]]) -> None:
    family = FAMILIES[case.family]
    evaluate = _compile(family, case.response, case.parameters, choices)

    for points in (case.parameters, _scattered(case)):
        expected = family.log_density(case.response.y, points, case.response)
        for links, (density, *gradients) in zip(choices, evaluate(points), strict=True):
            np.testing.assert_allclose(density, expected, rtol=TOLERANCE, atol=TOLERANCE)
            assert all(np.all(np.isfinite(gradient)) for gradient in gradients), links


@pytest.mark.parametrize("term", ["weights", "cens", "trunc"])
@pytest.mark.parametrize("name", ["gaussian", "weibull", "poisson", "hurdle_negbinomial"])
def test_pymc_density_with_response_terms_equals_ours(
    cases: Mapping[str, Any], name: str, term: str
) -> None:
    _check_term(cases[name], term)


@pytest.mark.slow
@pytest.mark.parametrize("term", ["weights", "cens", "trunc"])
def test_pymc_density_with_response_terms_of_every_family(case: Any, term: str) -> None:
    _check_term(case, term)


def _check_term(case: Any, term: str) -> None:
    family = FAMILIES[case.family]
    if term not in family.additions:
        return  # refused by check, see test_additions
    response = _with_term(case, term)
    family.check(response)
    links = _default_links(family, case)

    [(density, *gradients)] = _compile(family, response, case.parameters, [links])(case.parameters)

    expected = log_density(family, response.y, case.parameters, response)
    np.testing.assert_allclose(density, expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_custom_likelihood_draws_from_the_family(cases: Mapping[str, Any]) -> None:
    import pymc as pm

    case = cases["zero_inflated_poisson"]
    with pm.Model():
        variable = FAMILIES[case.family].likelihood(
            pm, "y", dict(case.parameters), case.response, observed=case.response.y
        )

    draws = pm.draw(variable, draws=3, random_seed=1, mode="FAST_COMPILE")

    assert draws.shape == (3, 4)
    assert np.issubdtype(draws.dtype, np.integer)


def test_ordinal_likelihood_draws_one_category_per_row(cases: Mapping[str, Any]) -> None:
    import pymc as pm

    case = cases["cumulative"]
    with pm.Model():
        variable = FAMILIES[case.family].likelihood(
            pm, "y", dict(case.parameters), case.response, observed=case.response.y
        )

    draws = pm.draw(variable, draws=3, random_seed=1, mode="FAST_COMPILE")

    assert draws.shape == (3, 4)


def _compile(
    family: Family,
    response: Any,
    parameters: Mapping[str, np.ndarray],
    choices: list[Mapping[str, str]],
) -> Callable[[Mapping[str, np.ndarray]], list[list[np.ndarray]]]:
    """Return densities and gradients on the link scale, one per choice of links.

    One function without a compiler for all of them: compiling costs more than evaluating.
    """
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    inputs, outputs = [], []
    for links in choices:
        etas = {name: pt.dvector(name) for name in parameters}
        tensors = {name: LINKS[links[name]].graph(pt, eta) for name, eta in etas.items()}
        with pm.Model() as model:
            variable = family.likelihood(pm, "y", tensors, response, observed=response.y)
        (density,) = model.logp(vars=[variable], sum=False, jacobian=False)
        gradients = pytensor.grad(density.sum(), list(etas.values()), disconnected_inputs="ignore")
        inputs += etas.values()
        outputs.append([density, *gradients])
    flat = [tensor for group in outputs for tensor in group]
    with pytensor.config.change_flags(cxx=""):
        function = pytensor.function(inputs, flat, mode=Mode(linker="py", optimizer=None))

    def evaluate(points: Mapping[str, np.ndarray]) -> list[list[np.ndarray]]:
        etas = [LINKS[links[name]].link(points[name]) for links in choices for name in points]
        values = iter(function(*etas))
        return [[next(values) for _ in group] for group in outputs]

    return evaluate


def _parameters(family: Family, case: Any) -> dict[str, Parameter]:
    names = level_parameters(case.response.levels) if family.name == "categorical" else ()
    rows = {row.name: row for row in family.active(case.response)}
    assert not names or tuple(rows) == names
    return rows


def _default_links(family: Family, case: Any) -> dict[str, str]:
    return {name: row.links[0] for name, row in _parameters(family, case).items()}


def _other_links(family: Family, case: Any) -> Iterator[dict[str, str]]:
    """Yield every other link of each parameter, the rest at their default."""
    default = _default_links(family, case)
    for name, row in _parameters(family, case).items():
        for link in row.links[1:]:
            yield default | {name: link}


def _scattered(case: Any) -> dict[str, np.ndarray]:
    """Return the parameter values in other rows: more pairs of outcome and parameter."""
    shift = {name: 1 if name != "threshold" else 0 for name in case.parameters}
    return {name: np.roll(values, shift[name]) for name, values in case.parameters.items()}


def _with_term(case: Any, term: str) -> Any:
    y = case.response.y
    if term == "weights":
        return replace(case.response, weights=np.array([0.5, 1.0, 2.0, 3.0]))
    if term == "trunc":
        lower = np.array([np.nan, y[1] / 2, np.nan, y[3] / 2])
        lower = np.floor(lower) if FAMILIES[case.family].is_discrete else lower
        return replace(case.response, lower_bound=lower, upper_bound=_above(case))
    kinds = np.array([LEFT, RIGHT, INTERVAL, NONE])
    upper = np.array([np.nan, np.nan, _above(case)[2], np.nan])
    return replace(case.response, censoring=kinds, upper=upper)


def _above(case: Any) -> np.ndarray:
    y = case.response.y
    kind = FAMILIES[case.family].response_kind
    if kind == "proportion":
        return np.sqrt(y)
    if kind == "binomial":
        return np.array([np.nan, 3.0, 9.0, 20.0])
    return np.array([np.nan, y[1] + 4.0, y[2] + 5.0, np.nan])
