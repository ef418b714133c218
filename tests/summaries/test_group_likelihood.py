"""The likelihood of a level left out: dense normals, grids, SciPy's quadrature, and refits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats
from scipy.special import logsumexp
from tests.made_fits import make_posterior, without_rows

import poolish as po
from poolish.engines.choose import run_engine
from poolish.engines.protocol import Plan
from poolish.errors import UnknownNameError, UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.joint import fitted_state
from poolish.summaries.group_likelihood import leave_levels, marginal_log_likelihood
from poolish.summaries.loo import leave_group_out


def level_likelihood(posterior: Posterior, group: str, *, is_exact=None) -> np.ndarray:
    out = leave_levels(posterior, group)
    state = fitted_state(posterior, integrated=out.names(posterior.spec))
    return marginal_log_likelihood(posterior, state, out, n_nodes=256, seed=0, is_exact=is_exact)


def test_the_likelihood_of_a_level_is_a_multivariate_normal(brms_sleep):
    values = level_likelihood(brms_sleep, "Subject")

    draws, y = brms_sleep.draws.isel(chain=1, draw=3), brms_sleep.design.response.y
    X = brms_sleep.design.main.X[20:30]
    sd = draws["sd_Subject"].values
    S = draws["cor_Subject"].values * np.outer(sd, sd)
    covariance = X @ S @ X.T + float(draws["sigma"]) ** 2 * np.eye(10)
    expected = stats.multivariate_normal(X @ draws["b"].values, covariance).logpdf(y[20:30])
    place = 1 * brms_sleep.draws.sizes["draw"] + 3
    assert values[place, 2] == pytest.approx(expected, abs=1e-8)


def test_nodes_of_two_effects_give_the_closed_form(brms_sleep):
    exact = level_likelihood(brms_sleep, "Subject")

    np.testing.assert_allclose(
        level_likelihood(brms_sleep, "Subject", is_exact=False), exact, atol=1e-5
    )


def test_points_of_three_effects_come_near_the_closed_form(rng):
    x = np.tile(np.linspace(-1, 1, 6), 8)
    data = pd.DataFrame({"y": rng.normal(size=48), "x": x, "g": np.repeat(range(8), 6)})
    posterior = make_posterior("y ~ x + (x + I(x^2) | g)", data, size=(2, 30))

    points = level_likelihood(posterior, "g", is_exact=False)

    # 256 points around a normal of known scale: a relative error of the density of 3 %.
    assert np.abs(points - level_likelihood(posterior, "g")).max() < 0.1


@pytest.mark.parametrize("sd", [1e-6, 0.3, 2.0, 6.0])
def test_nodes_of_one_effect_give_the_quadrature_of_scipy(sd, rng):
    n = np.array([3, 10, 7, 1, 20, 4])
    data = pd.DataFrame({"y": np.array([0, 9, 3, 1, 20, 1]), "n": n, "g": list("aabbcc")})
    b = np.array([0.4])
    given = {"b": np.broadcast_to(b, (1, 2, 1)), "sd_g": np.full((1, 2, 1), sd)}
    posterior = make_posterior("y | trials(n) ~ 1 + (1 | g)", data, given, family="binomial")

    found = level_likelihood(posterior, "g")[0]

    for level, (_, rows) in enumerate(data.groupby("g")):
        y, trials = rows["y"].to_numpy(), rows["n"].to_numpy()

        def density(z, y=y, trials=trials):
            p = special.expit(0.4 + sd * z)
            return np.exp(stats.binom.logpmf(y, trials, p).sum() + stats.norm.logpdf(z))

        expected, _ = integrate.quad(density, -12, 12, points=[0, 1, 2], limit=400)
        assert found[level] == pytest.approx(np.log(expected), abs=1e-3)


NESTED = "y ~ 1 + (1 | school) + (1 | school:room)"


def nested(rng) -> pd.DataFrame:
    school, room = np.repeat(range(4), 6), np.tile(np.repeat([1, 2, 3], 2), 4)
    return pd.DataFrame({"y": rng.normal(size=24), "school": school, "room": room})


def test_groups_within_a_level_are_integrated_too(rng):
    """A school left out takes its rooms along; a room left out leaves its school."""
    data = nested(rng)
    posterior = make_posterior(NESTED, data, size=(1, 3))

    schools = level_likelihood(posterior, "school")[1]
    rooms = level_likelihood(posterior, "school:room")[1]

    draw = posterior.draws.isel(chain=0, draw=1)
    tau, upsilon = float(draw["sd_school"][0]), float(draw["sd_school:room"][0])
    sigma, b = float(draw["sigma"]), float(draw["b"][0])
    same_room = np.kron(np.eye(3), np.ones((2, 2)))
    covariance = tau**2 + upsilon**2 * same_room + sigma**2 * np.eye(6)
    y = data["y"].to_numpy()
    r = draw["r_school"].values[:, 0]
    for k in range(4):
        own = y[6 * k : 6 * k + 6]
        expected = stats.multivariate_normal(np.full(6, b), covariance).logpdf(own)
        assert schools[k] == pytest.approx(expected, abs=1e-8)
        of_room = stats.multivariate_normal(
            np.full(2, b + r[k]), upsilon**2 + sigma**2 * np.eye(2)
        ).logpdf(own[:2])
        assert rooms[3 * k] == pytest.approx(of_room, abs=1e-8)


def test_nested_effects_of_a_logistic_model_are_integrated_by_points(rng):
    data = nested(rng).assign(y=np.tile([0, 1, 1, 1, 0, 1], 4))
    b, tau, upsilon = 0.2, 0.8, 0.6
    given = {"b": [b], "sd_school": [tau], "sd_school:room": [upsilon]}
    draws = {n: np.broadcast_to(v, (1, 2, 1)).astype(float) for n, v in given.items()}
    posterior = make_posterior(NESTED, data, draws, family="bernoulli")

    found = level_likelihood(posterior, "school")[0, 0]

    z = np.linspace(-8, 8, 801)
    w = stats.norm.pdf(z) * (z[1] - z[0])
    room = 0.0
    for pair in ([0, 1], [1, 1], [0, 1]):
        eta = b + tau * z[:, None] + upsilon * z[None]
        density = np.prod([special.expit(eta if y else -eta) for y in pair], axis=0)
        room = room + np.log(density @ w)
    expected = np.log(np.exp(room) @ w)
    # 256 points of four effects.
    assert found == pytest.approx(expected, abs=0.02)


def test_effects_on_another_parameter_are_not_left_out_in_part(rng):
    data = nested(rng)
    both = make_posterior(["y ~ 1 + (1 | school)", "sigma ~ 1 + (1 | school)"], data)

    with pytest.raises(UnsupportedError, match="cannot be left out one at a time"):
        leave_group_out(both, "school")


def test_an_unknown_group_is_named(brms_sleep):
    with pytest.raises(UnknownNameError, match="`class` is not a group"):
        leave_group_out(brms_sleep, "class")


def test_levels_with_a_known_covariance_are_not_left_out():
    K = pd.DataFrame(np.eye(3) + 0.1, index=list("abc"), columns=list("abc"))
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.0, 7.0], "g": list("aabbcc")})
    posterior = po.fit(
        "y ~ 1 + (1 | gr(g, cov=K))", data, relations={"K": K}, seed=1, progress=False
    ).result

    with pytest.raises(UnsupportedError, match="cannot be left out one at a time"):
        leave_group_out(posterior, posterior.spec.main.groups[0].name)


def refitted_elpd(fit: po.Fit, level: int, log_density) -> tuple[float, float]:
    """Return log of the mean density of a level that was not fitted, and its Monte Carlo error."""
    design, spec = fit.result.design, fit.result.spec
    own = design.main.groups[0].codes == level
    plan = Plan(draws=1000, chains=4, seed=level + 1, progress=False)
    draws = run_engine(spec, without_rows(design, own), plan).draws.posterior
    log = log_density({n: v.reshape(4000, *v.shape[2:]) for n, v in draws.items()}, own)
    density = np.exp(log - log.max())
    error = density.std() / density.mean() / np.sqrt(len(density))
    return float(np.log(density.mean()) + log.max()), float(error)


def on_a_grid(fit: po.Fit, group: str, row_density):
    """Return the density of a level with its scalar effect integrated on a fine grid."""
    main = fit.result.design.main
    z = np.linspace(-8, 8, 161)
    weights = stats.norm.logpdf(z) - logsumexp(stats.norm.logpdf(z))

    def log_density(draws, own):
        eta = draws["b"] @ main.X[own].T + main.offset[own]
        rows = [row_density(eta + draws[f"sd_{group}"] * at, own).sum(axis=1) for at in z]
        return logsumexp(np.stack(rows) + weights[:, None], axis=0)

    return log_density


def dense_normal(fit: po.Fit):
    X, y = fit.result.design.main.X, fit.result.design.response.y

    def log_density(draws, own):
        sd, cor, n = draws["sd_Subject"], draws["cor_Subject"], int(own.sum())
        between = X[own] @ (cor * sd[:, :, None] * sd[:, None, :]) @ X[own].T
        covariance = between + draws["sigma"].reshape(-1)[:, None, None] ** 2 * np.eye(n)
        left = (y[own] - draws["b"] @ X[own].T)[..., None]
        quadratic = (left * np.linalg.solve(covariance, left)).sum(axis=(1, 2))
        log_det = np.linalg.slogdet(covariance)[1]
        return -0.5 * (quadratic + log_det + n * np.log(2 * np.pi))

    return log_density


def hold_to_refits(fit: po.Fit, group: str, log_density, levels) -> None:
    result = fit.loo_group(group)
    assert result.doubtful == ()
    refits = np.array([refitted_elpd(fit, level, log_density) for level in levels])
    gap, error = result.pointwise["elpd"].to_numpy()[levels] - refits[:, 0], refits[:, 1]
    # Weighted draws have an error of their own, of about twice that of as many draws of a refit.
    joint = np.sqrt(1 + 2**2) * error
    assert (np.abs(gap) < 4 * joint).all(), np.column_stack([levels, gap, error])
    assert abs(gap.sum()) < 4 * np.sqrt(np.square(joint).sum())


@pytest.mark.slow
def test_subjects_of_sleepstudy_left_out_agree_with_refits(sleep_fit):
    plain = sleep_fit.loo_group("Subject", moment_match=False)

    assert plain.doubtful
    hold_to_refits(sleep_fit, "Subject", dense_normal(sleep_fit), range(18))


@pytest.mark.slow
def test_herds_left_out_agree_with_refits(root):
    data = pd.read_csv(root / "models" / "cbpp" / "data.csv")
    data["period"] = data["period"].astype(str)
    fit = po.fit(
        "incidence | trials(size) ~ period + (1 | herd)",
        data,
        family="binomial",
        seed=1,
        progress=False,
    )
    y, n = data["incidence"].to_numpy(), data["size"].to_numpy()

    density = on_a_grid(
        fit, "herd", lambda eta, own: stats.binom.logpmf(y[own], n[own], special.expit(eta))
    )

    hold_to_refits(fit, "herd", density, range(15))


@pytest.mark.slow
def test_groups_of_counts_left_out_agree_with_refits(rng):
    """Twelve groups, one ten sds out: its k is about 1 whatever the draws, and is matched."""
    g = np.repeat(range(12), 6)
    x = rng.normal(size=72)
    u = 0.4 * rng.normal(size=12)
    u[7] = 4.0
    data = pd.DataFrame({"y": rng.poisson(np.exp(0.5 + 0.3 * x + u[g])), "x": x, "g": g})
    fit = po.fit("y ~ x + (1 | g)", data, family="poisson", seed=1, progress=False)
    y = data["y"].to_numpy()

    assert fit.loo_group("g", moment_match=False).doubtful == ("7",)
    density = on_a_grid(fit, "g", lambda eta, own: stats.poisson.logpmf(y[own], np.exp(eta)))
    hold_to_refits(fit, "g", density, range(12))
