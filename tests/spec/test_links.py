"""Links against SciPy's distribution functions, finite differences and PyTensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from poolish.errors import FamilyError
from poolish.spec.links import LINKS, parse_link

CHANCES = np.array([1e-12, 1e-3, 0.2, 0.5, 0.9, 1 - 1e-9])
ANGLES = np.array([-3.1, -1.0, 0.0, 0.3, 3.1])
MEANS = {
    **dict.fromkeys(("logit", "probit", "cloglog", "cauchit"), CHANCES),
    **dict.fromkeys(("identity", "latent"), np.array([-1e6, 0.0, 3.5])),
    "inverse": np.array([-2.0, 1e-6, 0.5, 1e6]),
    "tan_half": ANGLES,
    "logm1": np.array([1.001, 2.0, 50.0]),
}
POSITIVE = np.array([1e-10, 0.1, 1.0, 37.0, 1e5])
PREDICTORS = {"inverse": np.array([0.1, 3.0]), "1/mu^2": np.array([0.1, 3.0])}
ETAS = np.array([-5.0, -0.7, 0.2, 2.0, 4.0])


@pytest.fixture(params=LINKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_inverse_undoes_link(name: str) -> None:
    link, means = LINKS[name], MEANS.get(name, POSITIVE)

    np.testing.assert_allclose(link.inverse(link.link(means)), means, rtol=1e-9)


def test_slope_is_the_derivative_of_the_inverse(name: str) -> None:
    link, etas, step = LINKS[name], PREDICTORS.get(name, ETAS), 1e-5

    numeric = (link.inverse(etas + step) - link.inverse(etas - step)) / (2 * step)

    np.testing.assert_allclose(link.slope(etas), numeric, rtol=1e-6, atol=1e-9)


def test_graph_equals_inverse_and_its_gradient_slope(name: str) -> None:
    pytensor = pytest.importorskip("pytensor")
    pt = pytensor.tensor
    link, etas = LINKS[name], PREDICTORS.get(name, ETAS)
    eta = pt.dvector("eta")
    graph = link.graph(pt, eta)
    with pytensor.config.change_flags(cxx=""):
        mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
        function = pytensor.function([eta], [graph, pytensor.grad(graph.sum(), eta)], mode=mode)

    value, slope = function(etas)

    np.testing.assert_allclose(value, link.inverse(etas), rtol=1e-12)
    # Of a chance that rounds to 1 the slope is lost: tests/spec/families/test_gradient.py holds
    # the densities, where PyTensor's rewrites keep it.
    np.testing.assert_allclose(slope, link.slope(etas), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    ("name", "cdf"),
    [
        ("logit", stats.logistic.cdf),
        ("probit", stats.norm.cdf),
        ("cloglog", stats.gumbel_l.cdf),
        ("cauchit", stats.cauchy.cdf),
    ],
)
def test_inverse_of_a_probability_link_is_a_distribution_function(
    name: str, cdf: Callable[[np.ndarray], np.ndarray]
) -> None:
    etas = np.array([-30.0, -3.0, 0.0, 2.0, 30.0])

    np.testing.assert_allclose(LINKS[name].inverse(etas), cdf(etas), rtol=1e-12)


@pytest.mark.parametrize("name", ["logit", "probit", "cloglog", "cauchit", "softplus", "tan_half"])
def test_extreme_predictors_do_not_overflow(name: str) -> None:
    etas = np.array([-1000.0, 1000.0])

    values = np.concatenate((LINKS[name].inverse(etas), LINKS[name].slope(etas)))

    assert np.all(np.isfinite(values))


def test_unknown_link_is_refused_with_those_that_exist() -> None:
    with pytest.raises(FamilyError, match=r"there is no link `logitt`(?s:.)*one of identity"):
        parse_link("logitt")


def test_known_link_is_found_by_name() -> None:
    assert parse_link("cloglog") is LINKS["cloglog"]
