"""Ranks: arithmetic on the draws, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special
from tests.made_fits import make_posterior

from poolish.errors import DataError, UnknownNameError, UnsupportedError
from poolish.summaries.ranks import part_in_sets, rank_draws, summarise_ranks


@pytest.fixture(scope="module")
def wards():
    """Return a logistic fit with a slope, draws of known effects."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame(
        {
            "died": rng.integers(0, 2, 120),
            "age": rng.normal(size=120),
            "ward": np.repeat(list("abcdef"), 20),
        }
    )
    r = rng.normal(size=(6, 1)) + 0.3 * rng.normal(size=(2, 300, 6, 1))
    draws = {"b": rng.normal([-1.0, 0.5], 0.1, size=(2, 300, 2)), "r_ward": r}
    draws["sd_ward"] = np.full((2, 300, 1), 1.0)
    return make_posterior("died ~ age + (1 | ward)", data, draws, family="bernoulli"), data


def test_ranks_are_those_of_the_draws(wards):
    posterior, _ = wards
    r = posterior.draws["r_ward"].values[..., 0].reshape(-1, 6)
    ranks = r.argsort(axis=1).argsort(axis=1) + 1

    table = summarise_ranks(posterior, "ward", higher_is="worse", top=2).frame.set_index("level")

    found = table.loc[list("abcdef")]
    np.testing.assert_allclose(found["rank"], ranks.mean(axis=0))
    np.testing.assert_allclose(found["p_best"], (ranks == 1).mean(axis=0))
    np.testing.assert_allclose(found["p_top"], (ranks <= 2).mean(axis=0))
    np.testing.assert_allclose(found["p_bottom"], (ranks >= 5).mean(axis=0))
    np.testing.assert_allclose(found["p_worse"], (r > 0).mean(axis=0))
    np.testing.assert_allclose(found["reliability"], 1 - r.var(axis=0))
    assert table["p_best"].sum() == pytest.approx(1.0)
    assert table["rank"].is_monotonic_increasing
    inside = (ranks >= found["rank_lower"].to_numpy()) & (ranks <= found["rank_upper"].to_numpy())
    assert (inside.mean(axis=0) >= 0.95).all()


def test_direction_turns_the_table_round(wards):
    posterior, _ = wards

    better = summarise_ranks(posterior, "ward").frame.set_index("level")
    worse = summarise_ranks(posterior, "ward", higher_is="worse").frame.set_index("level")

    np.testing.assert_allclose(better["rank"], 7 - worse.loc[better.index, "rank"])
    np.testing.assert_allclose(better["p_worse"], 1 - worse.loc[better.index, "p_worse"])


def test_reference_population_gives_standardised_means(wards):
    posterior, data = wards
    draws = posterior.draws
    eta = draws["b"].values[..., :1] + draws["b"].values[..., 1:] * data["age"].to_numpy()
    r = draws["r_ward"].values[..., 0]
    expected = [special.expit(eta + r[..., j, None]).mean() for j in range(6)]

    table = summarise_ranks(posterior, "ward", reference="data").frame.set_index("level")

    np.testing.assert_allclose(table.loc[list("abcdef"), "estimate"], expected, rtol=1e-9)


def test_reference_population_may_be_other_rows_without_groups(wards):
    posterior, _ = wards
    draws = posterior.draws
    eta = draws["b"].values[..., 0] + 2.0 * draws["b"].values[..., 1]
    r = draws["r_ward"].values[..., 0]

    reference = pd.DataFrame({"age": [2.0]})
    table = summarise_ranks(posterior, "ward", reference=reference).frame.set_index("level")

    expected = special.expit(eta[..., None] + r).mean(axis=(0, 1))
    np.testing.assert_allclose(table.loc[list("abcdef"), "estimate"], expected, rtol=1e-9)


def test_standardised_counts_are_per_trial(wards):
    _, data = wards
    table = data.assign(died=2, n=np.tile([4, 10], 60))
    posterior = make_posterior(
        "died | trials(n) ~ 1 + (1 | ward)",
        table,
        family="binomial",
        priors={"Intercept": "normal(0, 1)", "sd_ward": "normal(0, 1)"},
    )
    eta = posterior.draws["b"].values + posterior.draws["r_ward"].values[..., 0]

    found = summarise_ranks(posterior, "ward", reference="data").frame.set_index("level")

    expected = special.expit(eta).mean(axis=(0, 1))
    np.testing.assert_allclose(found.loc[list("abcdef"), "estimate"], expected, rtol=1e-9)


def test_sets_hold_what_cannot_be_told_from_their_first():
    rng = np.random.default_rng(3)
    centres = np.array([5.0, 4.9, 4.8, 0.0, -0.1, -9.0])
    good = centres + 0.2 * rng.normal(size=(4000, 6))

    assert part_in_sets(good, prob=0.95).tolist() == [1, 1, 1, 2, 2, 3]


def test_slopes_are_ranked_by_name(brms_sleep):
    r = brms_sleep.draws["r_Subject"].values.reshape(-1, 18, 2)
    first = r[..., 1].mean(axis=0).argmax()

    table = summarise_ranks(brms_sleep, "Subject", effect="Days").frame

    assert table["level"][0] == brms_sleep.draws["Subject"].values[first] == "308"


def test_wrong_requests_are_refused(wards, sleepstudy):
    posterior, _ = wards
    with pytest.raises(UnknownNameError, match="`age` is not an effect of group `ward`"):
        summarise_ranks(posterior, "ward", effect="age")
    with pytest.raises(UnknownNameError, match="higher values are `better` or `worse`"):
        summarise_ranks(posterior, "ward", higher_is="good")
    with pytest.raises(DataError, match=r"(?s)`ward` has 6.*top=7"):
        summarise_ranks(posterior, "ward", top=7)
    sigma = make_posterior(["Reaction ~ 1", "sigma ~ 1 + (1 | Subject)"], sleepstudy)
    with pytest.raises(UnsupportedError, match="cannot be ranked by mean outcomes"):
        summarise_ranks(sigma, "Subject", reference="data")


def simulate(n_studies: int, n_groups: int, n_draws: int, rng: np.random.Generator):
    """Yield true effects and exact posterior draws of the normal model, tau = 1, noises known."""
    noise = np.linspace(0.3, 2.0, n_groups)
    shrink = 1 / (1 + noise**2)
    for _ in range(n_studies):
        theta = rng.normal(size=n_groups)
        y = theta + noise * rng.normal(size=n_groups)
        sd = np.sqrt(shrink) * noise
        yield theta, shrink * y + sd * rng.normal(size=(n_draws, n_groups))


@pytest.mark.parametrize(
    "n_studies", [300, pytest.param(4000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_rank_intervals_cover_as_often_as_they_claim(n_studies, rng):
    covered, claimed, hits, claims = [], [], [], []
    for theta, draws in simulate(n_studies, 8, 400, rng):
        truth = rank_draws(theta[None], is_high_good=True)[0]
        ranks = rank_draws(draws, is_high_good=True)
        lower, upper = np.quantile(ranks, (0.05, 0.95), axis=0, method="inverted_cdf")
        covered.append(((truth >= lower) & (truth <= upper)).mean())
        # Discrete ranks: an interval holds at least 90 %; what it holds is what it must cover.
        claimed.append(((ranks >= lower) & (ranks <= upper)).mean())
        best = (ranks == 1).mean(axis=0)
        hits.append(best[truth == 1].item())
        claims.append(np.square(best).sum())

    gap = np.array(covered) - np.array(claimed)
    # The probability given to the true best has the mean that the probabilities themselves say.
    best_gap = np.array(hits) - np.array(claims)
    assert np.mean(claimed) >= 0.9
    for values in (gap, best_gap):
        assert abs(values.mean()) <= 4 * values.std(ddof=1) / np.sqrt(n_studies) + 1 / 400
