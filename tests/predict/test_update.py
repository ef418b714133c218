"""A new group after its first rows, against fitting again and against quadrature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special
from tests.made_fits import make_posterior

import poolish
from poolish.errors import DataError, UnknownNameError, UnsupportedError
from poolish.predict import update_group


def constant(**parameters) -> dict[str, np.ndarray]:
    return {n: np.broadcast_to(v, (4, 2000, *np.shape(v))) for n, v in parameters.items()}


@pytest.fixture(scope="module")
def old() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    x = rng.normal(size=40)
    return pd.DataFrame(
        {"y": rng.normal(size=40), "s": rng.integers(0, 2, 40), "x": x, "g": np.repeat(range(8), 5)}
    )


@pytest.fixture(scope="module")
def first() -> pd.DataFrame:
    return pd.DataFrame({"y": [2.0, 3.5, 1.0], "s": [1, 1, 0], "x": [0.0, 1.0, -1.0], "g": "new"})


def test_known_parameters_give_the_closed_form(old, first):
    cor = np.array([[1.0, 0.4], [0.4, 1.0]])
    draws = constant(b=[0.5, 0.2], sd_g=[1.0, 0.7], cor_g=cor, sigma=0.8)
    posterior = make_posterior("y ~ x + (x | g)", old, draws)

    found = update_group(posterior, first)

    S = np.outer([1.0, 0.7], [1.0, 0.7]) * cor
    Z = np.column_stack([np.ones(3), first["x"]])
    gain = S @ Z.T @ np.linalg.inv(Z @ S @ Z.T + 0.64 * np.eye(3))
    mean = gain @ (first["y"] - Z @ [0.5, 0.2])
    covariance = S - gain @ Z @ S
    values = found.effects.values.reshape(-1, 2)
    assert found.khat == 0.0 and found.is_reliable and found.n_rows == 3
    assert repr(found).startswith("New level of g after 3 row(s), deviations from the population: ")
    assert repr(found).endswith("; Pareto k 0.00")
    se = 4 * np.sqrt(np.diag(covariance) / len(values))
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - mean), se)
    np.testing.assert_allclose(np.cov(values.T), covariance, rtol=0.08)


def test_logistic_effects_have_the_moments_of_quadrature(old, first):
    posterior = make_posterior(
        "s ~ x + (1 | g)", old, constant(b=[-0.5, 0.8], sd_g=[1.3]), family="bernoulli"
    )

    found = update_group(posterior, first, seed=4)

    u = np.linspace(-8, 8, 20_001)
    eta = -0.5 + 0.8 * first["x"].to_numpy() + u[:, None]
    y = first["s"].to_numpy()
    log_p = (y * special.log_expit(eta) + (1 - y) * special.log_expit(-eta)).sum(axis=1)
    p = np.exp(log_p - u**2 / (2 * 1.69))
    p /= p.sum()
    mean = p @ u
    sd = np.sqrt(p @ (u - mean) ** 2)
    values = found.effects.values.ravel()
    assert found.khat < 0.5
    # Weighted and resampled draws: about 8,000 of them, a third for good measure.
    assert values.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(2500))
    assert values.std() == pytest.approx(sd, rel=4 / np.sqrt(2 * 2500))


def test_update_agrees_with_fitting_again(sleepstudy):
    formula = "Reaction ~ Days + (Days | Subject)"
    others = sleepstudy[sleepstudy["Subject"] != 308]
    rows = sleepstudy[(sleepstudy["Subject"] == 308) & (sleepstudy["Days"] < 3)]
    later = sleepstudy[(sleepstudy["Subject"] == 308) & (sleepstudy["Days"] >= 3)]
    without = poolish.fit(formula, others, seed=2, progress=False)
    again = poolish.fit(formula, pd.concat([others, rows]), seed=3, progress=False)

    found = update_group(without.result, rows)

    expected = again.posterior["r_Subject"].sel(Subject="308").values.reshape(-1, 2)
    values = found.effects.values.reshape(-1, 2)
    assert found.is_reliable
    # 4,000 exact draws each; resampling leaves fewer different ones.
    se = expected.std(axis=0) * np.sqrt(1 / 4000 + 1 / 1000)
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - expected.mean(axis=0)), 4 * se)
    np.testing.assert_allclose(values.std(axis=0), expected.std(axis=0), rtol=0.1)
    mean = found.predict(later.drop(columns="Subject"), kind="mean").mean(("chain", "draw"))
    fitted = again.predict(later).mean(("chain", "draw"))
    np.testing.assert_allclose(mean, fitted, atol=4 * 30 / np.sqrt(1000))


BINOMIAL = "incidence | trials(size) ~ period + (1 | herd)"


@pytest.mark.parametrize("herd", ["1", "7", "11"])
def test_update_of_a_herd_agrees_with_fitting_again(root, herd):
    """The same priors for both fits: only whether the herd's rows were there differs."""
    data = pd.read_csv(root / "models" / "cbpp" / "data.csv", dtype={"herd": str, "period": str})
    is_new = (data["herd"] == herd).to_numpy()
    priors = {"b": "normal(0, 3)", "Intercept": "normal(0, 3)", "sd": "half_normal(1)"}
    options = {"family": "binomial", "priors": priors, "progress": False}
    without = poolish.fit(BINOMIAL, data[~is_new], seed=2, **options)
    again = poolish.fit(BINOMIAL, data, seed=3, **options)

    found = without.update_group(data[is_new], seed=4)

    expected = again.posterior["r_herd"].sel(herd=herd).values.ravel()
    values = found.effects.values.ravel()
    assert found.is_reliable
    # 4,000 draws each; of the refit a third are effective, and resampling leaves as many.
    se = expected.std() * np.sqrt(2 / (4000 / 3))
    assert values.mean() == pytest.approx(expected.mean(), abs=4 * se)
    assert values.std() == pytest.approx(expected.std(), rel=4 * np.sqrt(1 / (4000 / 3)))
    mean = found.predict(data[is_new]).mean(("chain", "draw")).values
    fitted = again.predict(data[is_new])
    spread = fitted.std(("chain", "draw")).values
    np.testing.assert_array_less(
        np.abs(mean - fitted.mean(("chain", "draw")).values), 4 * spread * np.sqrt(2 / (4000 / 3))
    )


def test_a_group_beyond_the_draws_is_doubted_in_plain_words(old):
    """Thirty rows tell sigma, which the fit knew of forty, to be a tenth of it."""
    rng = np.random.default_rng(6)
    fit = poolish.fit("y ~ 1 + (1 | g)", old, seed=1, progress=False)
    rows = pd.DataFrame({"y": 6.0 + 0.1 * rng.normal(size=30), "g": "new"})

    with pytest.warns(UserWarning, match="new level of `g` cannot be relied on") as caught:
        found = fit.update_group(rows)

    text = str(caught[0].message)
    assert caught[0].filename == __file__
    assert "say more than the draws of this fit can follow" in text
    assert "fix:      fit the model again, with these rows among the data" in text
    assert not found.is_reliable
    assert repr(found).endswith("fit the model again, with these rows among the data.")


def test_predictions_add_the_effects_to_their_own_draws(old, first):
    posterior = make_posterior("y ~ x + (x | g)", old)
    new = pd.DataFrame({"x": [0.0, 2.0]})

    found = update_group(posterior, first)
    linear = found.predict(new, kind="linear").values.reshape(-1, 2)

    b = posterior.draws["b"].values.reshape(-1, 2)[found.samples]
    u = found.effects.values.reshape(-1, 2)
    np.testing.assert_allclose(linear[:, 0], b[:, 0] + u[:, 0], rtol=1e-9)
    np.testing.assert_allclose(linear[:, 1], (b + u) @ [1.0, 2.0], rtol=1e-9)
    spread = found.predict(new, kind="response").values.reshape(-1, 2) - linear
    sigma = posterior.draws["sigma"].values.ravel()[found.samples]
    assert np.std(spread[:, 0] / sigma) == pytest.approx(1.0, abs=0.35)


def test_more_rows_move_the_effects_nearer_to_their_mean(old):
    posterior = make_posterior("y ~ 1 + (1 | g)", old, constant(b=[0.0], sd_g=[1.0], sigma=1.0))
    means = [
        float(update_group(posterior, pd.DataFrame({"y": np.full(n, 2.0)})).effects.mean())
        for n in (1, 4, 16)
    ]

    np.testing.assert_allclose(means, [2 * n / (n + 1) for n in (1, 4, 16)], atol=0.05)


def test_impossible_updates_are_refused(old, first):
    posterior = make_posterior("y ~ x + (1 | g)", old)
    with pytest.raises(DataError, match=r"of 2 levels of `g`"):
        update_group(posterior, pd.concat([first, first.assign(g="other")]))
    with pytest.raises(UnknownNameError, match="`h` is not a group of the main formula"):
        update_group(posterior, first, group="h")
    crossed = make_posterior("y ~ x + (1 | g) + (1 | s)", old)
    with pytest.raises(UnknownNameError, match="which group the new rows belong to"):
        update_group(crossed, first)
    both = make_posterior(["y ~ x + (1 | g)", "sigma ~ 1 + (1 | g)"], old)
    with pytest.raises(UnsupportedError, match="a new level of `g` cannot be added"):
        update_group(both, first)
