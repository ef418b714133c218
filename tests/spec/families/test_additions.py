"""Censoring, truncation, weights, known standard errors and rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from poolish.design.arrays import ResponseDesign
from poolish.errors import DataError, FamilyError
from poolish.spec.families import FAMILIES, log_density, sample

GAUSSIAN, WEIBULL, POISSON = (FAMILIES[name] for name in ("gaussian", "weibull", "poisson"))
NORMAL = {"mu": np.array([1.0, 2.0, 3.0]), "sigma": np.array([1.5])}


def _response(y: list[float], **terms: Any) -> ResponseDesign:
    return ResponseDesign("out", np.array(y, dtype=float), **terms)


def test_censored_rows_contribute_probabilities() -> None:
    response = _response(
        [0.5, 1.0, 2.0], censoring=np.array([-1, 1, 2]), upper=np.array([np.nan, np.nan, 4.0])
    )

    values = log_density(GAUSSIAN, response.y, NORMAL, response)

    normal = stats.norm(NORMAL["mu"], 1.5)
    expected = [
        normal.cdf(0.5)[0],
        normal.sf(1.0)[1],
        normal.cdf(4.0)[2] - normal.cdf(2.0)[2],
    ]
    np.testing.assert_allclose(values, np.log(expected), rtol=1e-12)


def test_right_censored_weibull_is_the_survival_function() -> None:
    response = _response([10.0, 3.0], censoring=np.array([1, 0]))
    parameters = {"mu": np.array([5.0, 5.0]), "shape": np.array([1.0])}

    values = log_density(WEIBULL, response.y, parameters, response)

    # Shape 1 is the exponential distribution: log S = -10 / 5, log f = -log 5 - 3 / 5.
    np.testing.assert_allclose(values, [-2.0, -np.log(5.0) - 0.6], rtol=1e-12)


def test_zero_truncated_poisson_leaves_out_the_zero() -> None:
    response = _response([1, 4], lower_bound=np.array([1.0, 1.0]))
    parameters = {"mu": np.array([0.3, 2.0])}

    values = log_density(POISSON, response.y, parameters, response)

    expected = stats.poisson.logpmf(response.y, parameters["mu"]) - np.log1p(
        -np.exp(-parameters["mu"])
    )
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_truncated_normal_equals_scipys() -> None:
    response = _response([0.5, 3.0, 2.0], lower_bound=np.zeros(3), upper_bound=np.full(3, 5.0))

    values = log_density(GAUSSIAN, response.y, NORMAL, response)

    a, b = (0.0 - NORMAL["mu"]) / 1.5, (5.0 - NORMAL["mu"]) / 1.5
    expected = stats.truncnorm.logpdf(response.y, a, b, NORMAL["mu"], 1.5)
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_truncation_far_in_the_upper_tail_keeps_its_digits() -> None:
    response = _response([21.0], lower_bound=np.array([20.0]), upper_bound=np.array([30.0]))
    parameters = {"mu": np.zeros(1), "sigma": np.ones(1)}

    value = log_density(GAUSSIAN, response.y, parameters, response)

    expected = stats.norm.logpdf(21.0) - stats.norm.logsf(20.0)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_censoring_stays_within_the_truncation() -> None:
    response = _response([2.0], censoring=np.array([1]), upper_bound=np.array([4.0]))
    parameters = {"mu": np.ones(1), "sigma": np.ones(1)}

    value = log_density(GAUSSIAN, response.y, parameters, response)

    normal = stats.norm(1.0, 1.0)
    expected = np.log((normal.cdf(4.0) - normal.cdf(2.0)) / normal.cdf(4.0))
    np.testing.assert_allclose(value, [expected], rtol=1e-12)


def test_left_censoring_at_the_number_of_trials_says_nothing() -> None:
    response = _response([3], trials=np.array([3.0]), censoring=np.array([-1]))

    value = log_density(FAMILIES["binomial"], response.y, {"mu": np.array([0.2])}, response)

    np.testing.assert_array_equal(value, [0.0])


def test_weights_multiply_the_log_density_of_most_families() -> None:
    plain = _response([2, 5])
    parameters = {"mu": np.array([1.0, 3.0])}

    values = log_density(POISSON, plain.y, parameters, replace(plain, weights=np.array([2.0, 0.5])))

    expected = np.array([2.0, 0.5]) * stats.poisson.logpmf(plain.y, parameters["mu"])
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_weights_of_a_gaussian_are_precisions_as_in_lme4() -> None:
    weights = np.array([1.0, 4.0, 9.0])
    response = _response([0.5, 1.0, 2.0], weights=weights)

    values = log_density(GAUSSIAN, response.y, NORMAL, response)

    expected = stats.norm.logpdf(response.y, NORMAL["mu"], 1.5 / np.sqrt(weights))
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose(GAUSSIAN.variance(NORMAL, response), 2.25 / weights)


@pytest.mark.parametrize("name", ["gaussian", "student"])
def test_known_standard_errors_take_the_place_of_sigma(name: str) -> None:
    family = FAMILIES[name]
    response = _response([0.5, 1.0], se=np.array([0.5, 2.0]))

    names = [parameter.name for parameter in family.active(response)]

    assert "sigma" not in names
    assert family.parameter("sigma").default_prior(response) is None  # type: ignore[misc]


def test_gaussian_with_standard_errors_has_these_as_sd() -> None:
    response = _response([0.5, 1.0], se=np.array([0.5, 2.0]))
    parameters = {"mu": np.zeros(2)}

    values = log_density(GAUSSIAN, response.y, parameters, response)

    np.testing.assert_allclose(values, stats.norm.logpdf(response.y, 0.0, response.se))


def test_rate_multiplies_the_mean_of_a_poisson() -> None:
    response = _response([4, 9], rate=np.array([2.0, 5.0]))
    parameters = {"mu": np.array([1.5, 2.0])}

    np.testing.assert_allclose(
        POISSON.log_density(response.y, parameters, response),
        stats.poisson.logpmf(response.y, [3.0, 10.0]),
    )
    np.testing.assert_allclose(POISSON.mean(parameters, response), [3.0, 10.0])


def test_rate_of_a_negbinomial_is_the_sum_of_that_many_counts(rng: np.random.Generator) -> None:
    """As in brms: the shape is multiplied too, so that two units are the sum of two counts."""
    family = FAMILIES["negbinomial"]
    parameters = {"mu": np.array([1.5]), "shape": np.array([0.7])}
    one = family.log_density(np.arange(60.0), parameters, _response([0]))

    two = family.log_density(np.arange(60.0), parameters, _response([0], rate=np.array([2.0])))

    np.testing.assert_allclose(np.exp(two), np.convolve(np.exp(one), np.exp(one))[:60], rtol=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "gamma", "poisson", "negbinomial", "student"])
def test_truncated_draws_have_the_truncated_mean(name: str, rng: np.random.Generator) -> None:
    n_draws = 20_000
    family = FAMILIES[name]
    given = {"mu": 2.0, "sigma": 1.0, "shape": 1.5, "nu": 6.0}
    active = family.active(_response([1]))
    parameters = {row.name: np.full(n_draws, given[row.name]) for row in active}
    response = _response(
        [1] * n_draws, lower_bound=np.full(n_draws, 1.0), upper_bound=np.full(n_draws, 3.0)
    )

    draws = sample(family, rng, parameters, response)

    assert draws.min() >= 1.0
    assert draws.max() <= 3.0
    frozen = family.distribution({k: v[0] for k, v in parameters.items()}, _response([1]))  # type: ignore[misc]
    bounds = {"lb": 1, "ub": 3, "conditional": True}
    expected = frozen.expect(**bounds)
    assert abs(draws.mean() - expected) < 4 * draws.std() / np.sqrt(n_draws)


WITH_ZEROS = {
    "zero_inflated_poisson": {"mu": 2.5, "zi": 0.3},
    "zero_inflated_negbinomial": {"mu": 2.5, "shape": 0.8, "zi": 0.3},
    "zero_inflated_binomial": {"mu": 0.4, "zi": 0.3},
    "hurdle_poisson": {"mu": 0.7, "hu": 0.3},
    "hurdle_negbinomial": {"mu": 0.7, "shape": 0.8, "hu": 0.3},
}
POSITIVE_PARTS = {
    "hurdle_gamma": ({"mu": 2.0, "shape": 1.5}, stats.gamma(1.5, scale=2.0 / 1.5)),
    "hurdle_lognormal": ({"mu": 0.4, "sigma": 0.8}, stats.lognorm(0.8, scale=np.exp(0.4))),
}


@pytest.mark.parametrize("name", WITH_ZEROS)
def test_counts_with_their_own_zeros_are_censored_by_sums_of_their_density(name: str) -> None:
    family, support = FAMILIES[name], np.arange(400.0)
    trials = {"trials": np.array([9.0])} if name.split("_")[-1] == "binomial" else {}
    values = {key: np.array([value]) for key, value in WITH_ZEROS[name].items()}
    rows = _response([0], **trials)
    inside = support[support <= 9] if trials else support
    mass = np.exp([family.log_density(np.array([y]), values, rows)[0] for y in inside])
    events = [
        ({"censoring": np.array([1])}, 0.0, mass[1:].sum()),
        ({"censoring": np.array([1])}, 3.0, mass[4:].sum()),
        ({"censoring": np.array([-1])}, 0.0, mass[0]),
        ({"censoring": np.array([-1])}, 3.0, mass[:4].sum()),
        ({"censoring": np.array([2]), "upper": np.array([5.0])}, 2.0, mass[3:6].sum()),
        ({"lower_bound": np.ones(1)}, 2.0, mass[2] / mass[1:].sum()),
        ({"upper_bound": np.array([4.0])}, 0.0, mass[0] / mass[:5].sum()),
    ]

    for terms, y, expected in events:
        found = log_density(family, np.array([y]), values, _response([y], **terms, **trials))
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-9)


@pytest.mark.parametrize("name", POSITIVE_PARTS)
def test_positive_outcomes_with_zeros_are_censored_around_zero(name: str) -> None:
    family, hu = FAMILIES[name], 0.3
    parameters, above = POSITIVE_PARTS[name]
    values = {key: np.array([value]) for key, value in (parameters | {"hu": hu}).items()}
    rest = 1.0 - hu
    events = [
        ({"censoring": np.array([-1])}, 0.0, hu),
        ({"censoring": np.array([1])}, 0.0, rest),
        ({"censoring": np.array([1])}, 3.0, rest * above.sf(3.0)),
        ({"censoring": np.array([-1])}, 3.0, hu + rest * above.cdf(3.0)),
        ({"lower_bound": np.zeros(1)}, 0.0, hu),
        ({"lower_bound": np.array([0.5])}, 2.0, above.pdf(2.0) / above.sf(0.5)),
        ({"upper_bound": np.array([4.0])}, 0.0, hu / (hu + rest * above.cdf(4.0))),
    ]

    for terms, y, expected in events:
        found = log_density(family, np.array([y]), values, _response([y], **terms))
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [*WITH_ZEROS, *POSITIVE_PARTS])
@pytest.mark.parametrize("bounds", [(0.0, 3.0), (1.0, 6.0)])
def test_truncated_draws_with_zeros_follow_their_density(
    name: str, bounds: tuple[float, float], rng: np.random.Generator
) -> None:
    n, family = 20_000, FAMILIES[name]
    one = WITH_ZEROS.get(name) or POSITIVE_PARTS[name][0] | {"hu": 0.3}
    values = {key: np.full(n, value) for key, value in one.items()}
    trials = {"trials": np.full(n, 9.0)} if name.split("_")[-1] == "binomial" else {}
    bound = {"lower_bound": np.full(n, bounds[0]), "upper_bound": np.full(n, bounds[1])}
    response = _response([2.0] * n, **bound, **trials)

    draws = sample(family, rng, values, response)

    assert draws.min() >= bounds[0] and draws.max() <= bounds[1]
    whole = family.sample(rng, values, response)
    kept = whole[(whole >= bounds[0]) & (whole <= bounds[1])]
    error = np.hypot(draws.std() / np.sqrt(n), kept.std() / np.sqrt(len(kept)))
    assert abs(draws.mean() - kept.mean()) <= 4 * error
    if bounds[0] == 0.0:
        share = np.array([(draws == 0).mean(), (kept == 0).mean()])
        spread = np.sqrt((share * (1 - share) / [n, len(kept)]).sum())
        assert abs(share[0] - share[1]) <= 4 * spread


@pytest.mark.parametrize("bound", [9.0, 20.0])
def test_draws_beyond_a_far_bound_follow_the_tail(bound: float, rng: np.random.Generator) -> None:
    n = 20_000
    response = _response([bound + 1.0] * n, lower_bound=np.full(n, bound))
    parameters = {"mu": np.zeros(n), "sigma": np.ones(1)}

    draws = sample(GAUSSIAN, rng, parameters, response)

    assert np.isfinite(draws).all() and (draws >= bound).all()
    # The inverse Mills ratio is the mean; SciPy's truncnorm gives mean and sd.
    tail = stats.truncnorm(bound, np.inf)
    assert draws.mean() == pytest.approx(tail.mean(), abs=4 * tail.std() / np.sqrt(n))


def test_counts_beyond_a_far_bound_are_above_it(rng: np.random.Generator) -> None:
    response = _response([40.0] * 1000, lower_bound=np.full(1000, 30.0))

    draws = sample(POISSON, rng, {"mu": np.full(1000, 0.5)}, response)

    # P(Y > 30 | Y >= 30) is about 0.5 / 31.
    assert draws.min() == 30.0 and draws.max() < 34.0


@pytest.mark.parametrize(
    ("name", "terms", "message"),
    [
        ("poisson", {"trials": np.ones(1)}, r"`poisson` takes no `trials\(\.\.\.\)`(?s:.)*`rate"),
        ("gamma", {"se": np.ones(1)}, r"takes no `se"),
        ("bernoulli", {"rate": np.ones(1)}, r"takes no `rate"),
        ("von_mises", {"censoring": np.ones(1, dtype=int)}, r"takes no `cens"),
        ("cumulative", {"lower_bound": np.ones(1)}, r"takes no `trunc(?s:.)*merge categories"),
        ("categorical", {"censoring": np.ones(1, dtype=int)}, r"no `cens(?s:.)*merge categories"),
    ],
)
def test_response_term_without_meaning_is_refused(
    name: str, terms: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(FamilyError, match=message):
        FAMILIES[name].check(_response([1], **terms))


@pytest.mark.parametrize(
    ("name", "terms", "message"),
    [
        ("gaussian", {"se": np.array([1.0, 0.0])}, r"`se\(\.\.\.\)` has imposs(?s:.)*row 1 is 0"),
        ("gaussian", {"weights": np.array([0.0, 1.0])}, r"`weights(?s:.)*row 0 is 0(?s:.)*above 0"),
        ("poisson", {"weights": np.array([-1.0, 1.0])}, r"`weights(?s:.)*row 0 is -1"),
        ("poisson", {"rate": np.array([1.0, 0.0])}, r"`rate(?s:.)*row 1 is 0"),
        ("gaussian", {"lower_bound": np.array([0.0, 2.5])}, r"`trunc(?s:.)*row 1 is 2"),
        (
            "gaussian",
            {"censoring": np.array([0, 2]), "upper": np.array([np.nan, 1.0])},
            r"`cens(?s:.)*row 1 is 1(?s:.)*upper ends above y",
        ),
        (
            "gaussian",
            {"censoring": np.array([0, 2])},
            r"without an upper end(?s:.)*cens\(status, y2",
        ),
    ],
)
def test_impossible_response_terms_are_refused(
    name: str, terms: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        FAMILIES[name].check(_response([1, 2], **terms))


def test_zero_weight_is_allowed_where_it_multiplies() -> None:
    POISSON.check(_response([1, 2], weights=np.array([0.0, 1.0])))
