"""`pooling.js`, run by node, against NumPy and lme4."""

from __future__ import annotations

import json
from math import gamma, sqrt

import numpy as np
import pytest
from tests.explore import answers


def script(values):
    """Return an array as JavaScript; groups without data have infinite variance."""
    return json.dumps(np.asarray(values).tolist())


@pytest.mark.parametrize("tau", [0.01, 3.0, 10.0, 200.0])
def test_pooling_is_the_conditional_of_the_joint_normal(node, schools, tau):
    y, v = schools["y"].to_numpy(float), schools["sigma"].to_numpy(float) ** 2
    mean, covariance = answers.pool(y, v, tau)

    pooled = node(f"m.pool({script(y)}, {script(v)}, {tau})")

    assert pooled["mu"] == pytest.approx(mean[0], rel=1e-8)
    np.testing.assert_allclose(pooled["estimate"], mean[1:], rtol=1e-7)
    np.testing.assert_allclose(pooled["sd"], np.sqrt(np.diag(covariance)[1:]), rtol=1e-6)
    assert pooled["newSd"] == pytest.approx(sqrt(covariance[0, 0] + tau**2), rel=1e-8)


def test_complete_pooling_is_the_weighted_mean(node, schools):
    y, v = schools["y"].to_numpy(float), schools["sigma"].to_numpy(float) ** 2

    pooled = node(f"m.pool({script(y)}, {script(v)}, 0)")

    # Gelman et al. (2013), section 5.5: the pooled estimate is 7.7 with standard error 4.1.
    assert pooled["mu"] == pytest.approx(np.average(y, weights=1 / v), rel=1e-12)
    assert round(pooled["mu"], 1) == 7.7
    assert round(sqrt(pooled["varMu"]), 1) == 4.1
    np.testing.assert_allclose(pooled["estimate"], pooled["mu"], rtol=1e-12)
    assert pooled["keep"] == [0] * 8


def test_a_group_without_data_is_a_new_group(node):
    y, v = np.array([1.0, 5.0, 0.0]), np.array([1.0, 2.0, np.inf])
    mean, covariance = answers.pool(y, v, 2.0)

    pooled = node(f"m.pool({script(y)}, {script(v)}, 2)")

    assert pooled["estimate"][2] == pytest.approx(pooled["mu"]) == pytest.approx(mean[3])
    assert (
        pooled["sd"][2] == pytest.approx(pooled["newSd"]) == pytest.approx(sqrt(covariance[3, 3]))
    )


def test_the_density_of_tau_is_that_of_contrasts(node, schools):
    y, v = schools["y"].to_numpy(float), schools["sigma"].to_numpy(float) ** 2

    found = node(f"m.tauPosterior({script(y)}, {script(v)}, 30, 61)")

    np.testing.assert_allclose(found["tau"], np.linspace(0, 30, 61), rtol=1e-12)
    np.testing.assert_allclose(
        found["p"], answers.tau_density(y, v, np.linspace(0, 30, 61)), rtol=1e-8
    )


def test_the_median_of_tau_halves_the_density(node):
    median = node("m.tauMedian({tau: [0, 1, 2, 3], p: [0.2, 0.2, 0.2, 0.4]})")

    assert median == 2


def lines_of(frame, sigma):
    """Return A, b (as JavaScript), Z, y and codes of lines by subject."""
    Z = np.column_stack([np.ones(len(frame)), frame["Days"]])
    y, codes = frame["Reaction"].to_numpy(), frame["Subject"].factorize()[0]
    groups = [codes == j for j in range(codes.max() + 1)]
    A = [(Z[g].T @ Z[g])[np.triu_indices(2)] / sigma**2 for g in groups]
    b = [Z[g].T @ y[g] / sigma**2 for g in groups]
    return script(A), script(b), Z, y, codes


def test_lines_are_pooled_as_in_the_mixed_model(node, sleepstudy):
    # Subject 308 is left with a single day: its own line is not determined.
    frame = sleepstudy[(sleepstudy["Subject"] != 308) | (sleepstudy["Days"] == 4)]
    T, sigma = np.array([[600.0, -20.0], [-20.0, 35.0]]), 25.0
    A, b, Z, y, codes = lines_of(frame, sigma)
    mu, deviation = answers.mixed_model(y, Z, codes, T, sigma)

    pooled = node(f"m.poolLines({A}, {b}, [600, -20, 35])")

    np.testing.assert_allclose(pooled["mu"], mu, rtol=1e-8)
    np.testing.assert_allclose(pooled["deviation"], deviation, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(pooled["estimate"], mu + deviation, rtol=1e-7)


def test_no_spread_is_one_line_for_all(node, sleepstudy):
    A, b, Z, y, _ = lines_of(sleepstudy, 25.0)

    pooled = node(f"m.poolLines({A}, {b}, [0, 0, 0])")

    np.testing.assert_allclose(pooled["mu"], np.linalg.lstsq(Z, y)[0], rtol=1e-9)
    assert pooled["deviation"] == [[0, 0]] * 18


def test_spread_and_lines_are_those_of_lme4(node, sleepstudy, root):
    # At lme4's sigma the REML criterion has its maximum at lme4's spread; EM stops near it.
    path = root / "tests" / "reference" / "lme4" / "sleepstudy_slope__lme4_REML.json"
    lme4 = json.loads(path.read_text())
    sd, rho = np.array(lme4["varcomp"][0]["sd"]), lme4["varcomp"][0]["corr_lower"][0]
    A, b, *_ = lines_of(sleepstudy, lme4["sigma"])

    T = node(f"m.chooseT({A}, {b}, [400, 0, 25])")
    pooled = node(f"m.poolLines({A}, {b}, {script([sd[0] ** 2, rho * sd.prod(), sd[1] ** 2])})")

    np.testing.assert_allclose(np.sqrt([T[0], T[2]]), sd, rtol=1e-3)
    assert T[1] / np.sqrt(T[0] * T[2]) == pytest.approx(rho, abs=2e-3)
    np.testing.assert_allclose(pooled["mu"], lme4["fixed"]["estimate"], rtol=1e-6)
    np.testing.assert_allclose(
        pooled["deviation"], np.transpose(lme4["ranef"]["Subject"]["mode"]), rtol=1e-4, atol=1e-3
    )


def test_the_error_without_pooling_is_that_of_chance(node):
    variance, n, times = 9.0, 8, 200
    mean = sqrt(2) * gamma((n + 1) / 2) / gamma(n / 2)  # of chi with n degrees of freedom
    mcse = sqrt((n - mean**2) / n * variance / times)

    result = node(f"m.simulate({script([variance] * n)}, 2, 10, 20)")

    assert sum(result["wins"]) == result["times"] == times
    assert result["error"][0] == pytest.approx(mean * 3 / sqrt(n), abs=4 * mcse)


def test_no_spread_is_won_by_complete_pooling_and_much_spread_lost(node):
    v = script([9.0] * 8)

    [none, some, much] = node(f"[0, 3, 60].map((tau) => m.simulate({v}, tau, 10, 4 * tau + 8))")

    assert np.argmax(none["wins"]) == 2
    assert np.argmin(some["error"]) == 1
    assert much["wins"][2] == 0
    assert much["error"][1] == pytest.approx(much["error"][0], rel=0.03)


def test_another_seed_gives_other_data(node):
    errors = node("[1, 1, 2].map((seed) => m.simulate([1, 2, 3], 1, 0, 9, {seed}).error[0])")

    assert errors[0] == errors[1] != errors[2]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "nothing"),
        (0.001, "almost nothing"),
        (0.21, "about a fifth"),
        (0.34, "about a third"),
        (0.49, "about half"),
        (0.78, "about four fifths"),
        (0.97, "almost all"),
        (1, "all"),
    ],
)
def test_shares_are_said_in_words(node, share, words):
    assert node(f"m.inWords({share})") == words
