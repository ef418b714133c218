"""Structures with known covariances against the dense multivariate normal, and each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.engines.exact.blocked import build_blocked
from poolish.engines.exact.conditional_known import condition
from poolish.engines.exact.dense import build_dense
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.population import build_population, flat_prior, working_prior
from poolish.engines.exact.precision import build_precision, precision_obstacle
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.spectral import build_spectral, spectral_obstacle
from poolish.relations import Relation, dense_covariance, precision, reorder
from poolish.spec.prior import Prior


def wishart(rng: np.random.Generator, n: int, rank: int) -> np.ndarray:
    factor = rng.normal(size=(n, rank))
    return factor @ factor.T / rank


def covariance(rng: np.random.Generator, n: int, rank: int) -> Relation:
    K = wishart(rng, n, rank)
    return Relation(tuple(map(str, range(n))), K, variances=np.diagonal(K).copy())


def sparse_precision(rng: np.random.Generator, n: int, rank: int) -> Relation:
    del rank
    factor = np.eye(n) + np.tril(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.2), -1)
    return precision(factor.T @ factor, range(n))


def independent(rng: np.random.Generator, n: int, rank: int) -> None:
    del rng, n, rank


RELATIONS = {
    "dense": covariance,
    "spectral": covariance,
    "precision": sparse_precision,
    "independent": independent,
}
BUILDERS = {
    "dense": build_dense,
    "spectral": build_spectral,
    "precision": build_precision,
    "independent": build_precision,
}
RELATED = ["dense", "spectral", "precision"]


def group(rng, name, codes, q, n_levels, relation=None, Z=None):
    Z = (
        np.column_stack([np.ones(len(codes)), rng.normal(size=(len(codes), 2))])[:, :q]
        if Z is None
        else Z
    )
    names = tuple(f"x{a}" for a in range(q))
    levels = tuple(map(str, range(n_levels)))
    return GroupDesign(name, names, levels, codes, Z, (tuple(range(q)),), relation)


@st.composite
def cases(draw, kind):
    """Random designs: levels without data, repeated records, singular K, other factors, strata."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_levels = draw(st.integers(2, 12))
    n_obs = draw(st.integers(4, 25))
    relation = RELATIONS[kind](rng, n_levels, draw(st.sampled_from((n_levels + 2, 3))))
    q = draw(st.integers(1, 1 if kind == "spectral" else 2))
    groups = [group(rng, "id.K", rng.integers(0, n_levels, n_obs), q, n_levels, relation)]
    if draw(st.booleans()):
        groups.append(group(rng, "id", groups[0].codes, 1, n_levels))
    if draw(st.booleans()):
        codes = rng.integers(0, 3, n_obs)
        groups.insert(0, group(rng, "herd", codes, draw(st.integers(1, 2)), 3))
    if kind != "spectral" and draw(st.booleans()):
        codes = rng.integers(0, n_levels, n_obs)
        groups.append(group(rng, "dam", codes, 1, n_levels, relation))
    p = draw(st.integers(0, 3))
    X = np.column_stack([np.ones(n_obs), 50 + 10 * rng.normal(size=(n_obs, 2))])[:, :p]
    offset = rng.normal(size=n_obs)
    coefs = ("Intercept", "a", "b")[:p]
    predictors = {"mu": PredictorDesign(X, coefs, p > 0, offset, tuple(groups))}
    if kind != "spectral" and draw(st.booleans()):
        S = np.eye(2)[rng.integers(0, 2, n_obs)]
        predictors["sigma"] = PredictorDesign(S, ("s0", "s1"), False, np.zeros(n_obs))
    weights = rng.uniform(0.5, 2, n_obs) if draw(st.booleans()) else None
    y = 30.0 * (p > 0) + 3 * rng.normal(size=n_obs)
    design = Design(ResponseDesign("y", y, weights=weights), predictors)
    priors = [Prior("normal", (rng.normal() * 10, 3.0)) for _ in range(p)]
    roots = [
        np.tril(rng.normal(size=(g.n_effects,) * 2)) * draw(st.sampled_from((0.0, 0.1, 1.0, 5.0)))
        for g in groups
    ]
    return design, priors, p > 0 and draw(st.booleans()), roots, rng


def build(builder, design, priors, at_average=False, **kwargs):
    residual = build_residual(design)
    prior = working_prior(priors, design.main.X.mean(axis=0), at_average=at_average)
    population = build_population(design.main, design.response.y, residual.weights, prior)
    return builder(design.main, residual, population, **kwargs)


def at(roots, sigma):
    return Covariances(tuple(L[:, :, None] for L in roots), (np.atleast_1d(sigma) ** -2.0)[:, None])


def group_covariance(g: GroupDesign, L: np.ndarray) -> np.ndarray:
    """Var(Z u), entry by entry: G weighted by K of the two rows' levels."""
    K = np.eye(g.n_levels) if g.relation is None else dense_covariance(g.relation)
    return K[np.ix_(g.codes, g.codes)] * (g.Z @ L @ L.T @ g.Z.T)


def marginal_covariance(design, roots, sigma_of_row):
    w = design.response.weights
    V = np.diag(sigma_of_row**2 / (1.0 if w is None else w))
    return V + sum(group_covariance(g, L) for g, L in zip(design.main.groups, roots, strict=True))


def dense_log_density(design, priors, at_average, roots, sigma_of_row):
    X, y = design.main.X, design.response.y - design.main.offset
    V = marginal_covariance(design, roots, sigma_of_row)
    T = np.eye(len(priors))
    if at_average:
        T[0, 1:] = -X.mean(axis=0)[1:]
    mean = np.array([prior.arguments[0] for prior in priors])
    sds = np.array([prior.arguments[1] for prior in priors])
    XT = X @ T
    return stats.multivariate_normal(XT @ mean, V + (XT * sds**2) @ XT.T).logpdf(y)


def residual_of(structure):
    return structure.blocked.residual if hasattr(structure, "blocked") else structure.residual


@pytest.mark.parametrize("kind", list(BUILDERS))
def test_value_is_the_dense_multivariate_normal(kind: str) -> None:
    @settings(max_examples=50, deadline=None)
    @given(cases(kind))
    def check(case):
        design, priors, at_average, roots, rng = case
        structure = build(BUILDERS[kind], design, priors, at_average)
        residual = build_residual(design)
        sigma = rng.uniform(0.5, 2.0, residual.n_strata)

        value = structure.value(at(roots, sigma))[0]

        expected = dense_log_density(design, priors, at_average, roots, sigma[residual.strata])
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-8)

    check()


@pytest.mark.parametrize("kind", list(BUILDERS))
@pytest.mark.parametrize("integrates_b", [True, False])
def test_gradient_is_that_of_finite_differences(kind: str, integrates_b: bool) -> None:
    @settings(max_examples=15, deadline=None)
    @given(cases(kind))
    def check(case):
        design, priors, at_average, roots, rng = case
        structure = build(BUILDERS[kind], design, priors, at_average, integrates_b=integrates_b)
        tau = rng.uniform(0.5, 2.0, build_residual(design).n_strata)
        flat = np.concatenate([*(L[np.tril_indices(len(L))] for L in roots), tau])

        def unpack(x):
            found, start = [], 0
            for root in roots:
                q = len(root)
                L, stop = np.zeros((q, q)), start + q * (q + 1) // 2
                L[np.tril_indices(q)], start = x[start:stop], stop
                found.append(L[:, :, None])
            return Covariances(tuple(found), x[start:, None])

        gradient = structure.gradient(unpack(flat))

        assert gradient.value == pytest.approx(structure.value(unpack(flat))[0], abs=1e-9)
        found = [*(D[np.tril_indices(len(D))] for D in gradient.roots), gradient.precision]
        h = 1e-4
        for i, slope in enumerate(np.concatenate(found)):
            e = np.eye(len(flat))[i]
            near, far = (
                structure.value(unpack(flat + s * h * e))[0]
                - structure.value(unpack(flat - s * h * e))[0]
                for s in (1, 2)
            )
            expected = (8 * near - far) / (12 * h)
            assert slope == pytest.approx(expected, rel=1e-5, abs=1e-5)

    check()


def exact_moments(design, priors, roots, sigma):
    """Mean and covariance of (b, u of each factor) given y, by conditioning one large normal."""
    X, y = design.main.X, design.response.y - design.main.offset
    b_mean = np.array([prior.arguments[0] for prior in priors])
    b_cov = np.diag([prior.arguments[1] ** 2 for prior in priors])
    V = marginal_covariance(design, roots, np.full(len(y), sigma)) + X @ b_cov @ X.T
    across, blocks = [b_cov @ X.T], [b_cov]
    for g, L in zip(design.main.groups, roots, strict=True):
        K = np.eye(g.n_levels) if g.relation is None else dense_covariance(g.relation)
        prior = np.kron(K, L @ L.T)
        Z = np.zeros((len(y), g.n_levels * g.n_effects))
        for i, code in enumerate(g.codes):
            Z[i, code * g.n_effects : (code + 1) * g.n_effects] = g.Z[i]
        across.append(prior @ Z.T)
        blocks.append(prior)
    C = np.concatenate(across)
    prior_mean = np.concatenate([b_mean, np.zeros(len(C) - len(b_mean))])
    prior_cov = np.zeros((len(C), len(C)))
    start = 0
    for block in blocks:
        stop = start + len(block)
        prior_cov[start:stop, start:stop] = block
        start = stop
    mean = prior_mean + C @ np.linalg.solve(V, y - X @ b_mean)
    return mean, prior_cov - C @ np.linalg.solve(V, C.T)


def drawing_case(kind: str):
    rng = np.random.default_rng(11)
    n_levels = 7
    relation = RELATIONS[kind](rng, n_levels, 4)
    codes = np.array([0, 0, 1, 2, 2, 2, 3, 4, 4, 0])  # levels 5 and 6 have no data
    q = 1 if kind == "spectral" else 2
    groups = (
        group(rng, "id.K", codes, q, n_levels, relation),
        group(rng, "herd", rng.integers(0, 3, 10), 2, 3),
    )
    X = np.column_stack([np.ones(10), rng.normal(size=10)])
    main = PredictorDesign(X, ("Intercept", "x"), True, np.zeros(10), groups)
    response = ResponseDesign("y", rng.normal(3, 2, 10), weights=rng.uniform(0.5, 2, 10))
    priors = [Prior("normal", (1.0, 5.0)), Prior("normal", (0.0, 2.0))]
    roots = [np.array([[1.2, 0.0], [0.4, 0.7]])[:q, :q], np.array([[0.8, 0.0], [-0.3, 0.5]])]
    return Design(response, {"mu": main}), priors, roots


@pytest.mark.parametrize("kind", RELATED)
def test_draws_have_the_exact_mean_and_covariance(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    structure = build(BUILDERS[kind], design, priors)
    n_draws = 40_000
    noise = np.random.default_rng(3).standard_normal((n_draws, structure.n_noise))

    factored = structure.factor(at(roots, 0.9))
    joint = structure.draw(factored, np.zeros(n_draws, dtype=int), noise)

    parts = [joint.b, *(joint.effects[f].reshape(n_draws, -1) for f in range(2))]
    draws = np.concatenate(parts, axis=1)
    mean, cov = exact_moments(design, priors, roots, 0.9)
    sd = np.sqrt(np.diagonal(cov))
    z = (draws.mean(axis=0) - mean) / (sd / np.sqrt(n_draws))
    assert np.sum(z**2) < stats.chi2(len(z)).ppf(1 - 1e-4)
    # The Monte Carlo sd of a covariance is at most sqrt(2 / n) sd_i sd_j.
    gap = np.cov(draws.T) - cov
    assert np.abs(gap / np.outer(sd, sd)).max() < 5 * np.sqrt(2 / n_draws)


@pytest.mark.parametrize("kind", list(BUILDERS))
def test_estimates_given_the_variances_are_those_of_the_joint_normal(kind: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(cases(kind))
    def check(case):
        design, _, _, roots, rng = case
        residual, main = build_residual(design), design.main
        flat = build_population(
            main, design.response.y, residual.weights, flat_prior(main.X.shape[1])
        )
        structure = BUILDERS[kind](main, residual, flat)
        sigma = rng.uniform(0.5, 1.5, residual.n_strata)

        found = condition(structure, at(roots, sigma))

        X, r = main.X, design.response.y - main.offset
        inverse = np.linalg.inv(marginal_covariance(design, roots, sigma[residual.strata]))
        vcov = np.linalg.inv(X.T @ inverse @ X)
        b = vcov @ X.T @ inverse @ r
        np.testing.assert_allclose(found.b, b, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(found.vcov, vcov, rtol=1e-7, atol=1e-9)
        for f, (g, L) in enumerate(zip(main.groups, roots, strict=True)):
            K = np.eye(g.n_levels) if g.relation is None else dense_covariance(g.relation)
            for a in range(g.n_effects):
                across = K[:, g.codes] * (g.Z @ (L @ L.T)[a])
                variance = np.diag(K) * (L @ L.T)[a, a]
                variance = variance - np.einsum("li,ij,lj->l", across, inverse, across)
                mode = across @ inverse @ (r - X @ b)
                np.testing.assert_allclose(found.modes[f][:, a], mode, rtol=1e-7, atol=1e-8)
                np.testing.assert_allclose(found.mode_sds[f][:, a] ** 2, variance, atol=1e-8)

    check()


@pytest.mark.parametrize("kind", list(BUILDERS))
def test_draws_follow_the_index_into_the_factored_values(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    structure = build(BUILDERS[kind], design, priors)
    noise = np.random.default_rng(3).standard_normal((4, structure.n_noise))
    sigmas = np.array([0.5, 1.0, 2.0])
    three = Covariances(
        tuple(np.repeat(L[:, :, None], 3, axis=2) for L in roots), sigmas[None] ** -2.0
    )

    index = np.array([2, 0, 0, 1])
    together = structure.draw(structure.factor(three), index, noise)
    taken = structure.draw(structure.factor(three).take(index), np.arange(4), noise)

    for i, sigma in enumerate(sigmas[index]):
        alone = structure.draw(
            structure.factor(at(roots, sigma)), np.zeros(1, int), noise[i : i + 1]
        )
        np.testing.assert_allclose(together.b[i], alone.b[0], atol=1e-10)
        for f in range(2):
            np.testing.assert_allclose(together.effects[f][i], alone.effects[f][0], atol=1e-10)
            np.testing.assert_allclose(taken.effects[f][i], alone.effects[f][0], atol=1e-10)


@pytest.mark.parametrize("kind", RELATED)
def test_no_draws_are_asked_for_and_none_given(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    structure = build(BUILDERS[kind], design, priors)

    factored = structure.factor(at(roots, 0.9))
    joint = structure.draw(factored, np.zeros(0, dtype=int), np.zeros((0, structure.n_noise)))

    assert joint.b.shape == (0, 2)
    assert [joint.effects[f].shape[0] for f in range(2)] == [0, 0]


@pytest.mark.parametrize("kind", RELATED)
def test_another_response_gives_what_building_anew_gives(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    y = np.random.default_rng(5).normal(size=10)

    value = build(BUILDERS[kind], design, priors).with_response(y).value(at(roots, 0.9))

    anew = Design(replace(design.response, y=y), design.predictors)
    expected = build(BUILDERS[kind], anew, priors).value(at(roots, 0.9))
    np.testing.assert_allclose(value, expected, atol=1e-9)


@pytest.mark.parametrize("kind", RELATED)
def test_the_order_of_the_units_does_not_matter(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    known = design.main.groups[0]
    order = np.random.default_rng(6).permutation(known.n_levels)
    labels = tuple(known.levels[i] for i in order)
    moved = replace(
        known,
        levels=labels,
        codes=np.argsort(order)[known.codes],
        relation=reorder(known.relation, labels),
    )
    main = replace(design.main, groups=(moved, *design.main.groups[1:]))

    value = build(BUILDERS[kind], Design(design.response, {"mu": main}), priors).value(
        at(roots, 0.9)
    )

    expected = build(BUILDERS[kind], design, priors).value(at(roots, 0.9))
    np.testing.assert_allclose(value, expected, atol=1e-10)


@pytest.mark.parametrize("kind", RELATED)
def test_the_identity_is_the_plain_group_effect(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    known = design.main.groups[0]
    eye = np.eye(known.n_levels)
    relation = precision(eye, known.levels) if kind == "precision" else Relation(known.levels, eye)
    groups = design.main.groups[1:]
    main = replace(design.main, groups=(replace(known, relation=relation), *groups))
    plain = replace(design.main, groups=(replace(known, relation=None), *groups))

    value = build(BUILDERS[kind], Design(design.response, {"mu": main}), priors).value(
        at(roots, 0.9)
    )

    blocked = build(build_blocked, Design(design.response, {"mu": plain}), priors)
    np.testing.assert_allclose(value, blocked.value(at(roots, 0.9)), atol=1e-10)


@pytest.mark.parametrize("kind", RELATED)
def test_an_impossible_value_is_minus_infinity(kind: str) -> None:
    design, priors, roots = drawing_case(kind)
    broken = [np.full_like(L, np.nan) for L in roots]
    structure = build(BUILDERS[kind], design, priors)

    assert structure.value(at(broken, 0.9))[0] == -np.inf
    assert structure.gradient(at(broken, 0.9)).value == -np.inf


def test_three_structures_agree() -> None:
    design, priors, _ = drawing_case("precision")
    known = replace(design.main.groups[0], effects=("x0",), Z=np.ones((10, 1)), blocks=((0,),))
    dense = replace(known, relation=Relation(known.levels, dense_covariance(known.relation)))
    values = {}
    for kind, g in (("dense", dense), ("spectral", dense), ("precision", known)):
        main = replace(design.main, groups=(g, design.main.groups[1]))
        structure = build(BUILDERS[kind], Design(design.response, {"mu": main}), priors)
        roots = [np.array([[0.7]]), np.array([[0.8, 0.0], [-0.3, 0.5]])]
        values[kind] = structure.value(at(roots, 0.9))[0]

    assert values["spectral"] == pytest.approx(values["dense"], abs=1e-10)
    assert values["precision"] == pytest.approx(values["dense"], abs=1e-10)


def test_correlated_slopes_with_equal_predictors_are_spectral() -> None:
    rng = np.random.default_rng(8)
    x = np.array([-1.0, 0.0, 1.0])
    codes = np.repeat(np.arange(6), 3)
    Z = np.column_stack([np.ones(18), np.tile(x, 6)])
    known = group(rng, "id", codes, 2, 8, covariance(rng, 8, 5), Z)
    main = PredictorDesign(np.ones((18, 1)), ("Intercept",), True, np.zeros(18), (known,))
    design = Design(ResponseDesign("y", rng.normal(size=18)), {"mu": main})
    priors = [Prior("normal", (0.0, 3.0))]
    roots = [np.array([[0.9, 0.0], [0.5, 0.6]])]

    assert spectral_obstacle(main, build_residual(design)) is None
    value = build(build_spectral, design, priors).value(at(roots, 0.7))[0]

    expected = dense_log_density(design, priors, False, roots, np.full(18, 0.7))
    assert value == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda groups: groups[1:], "0 known covariances"),
        (lambda groups: (groups[0], groups[0]), "2 known covariances"),
        (lambda groups: groups, "levels of `id.K` whose predictors differ"),
    ],
)
def test_models_without_a_spectral_structure_say_why(change, reason: str) -> None:
    design, _, _ = drawing_case("dense")
    main = replace(design.main, groups=change(design.main.groups))

    assert spectral_obstacle(main, build_residual(design)) == reason


def test_several_residual_variances_are_not_spectral() -> None:
    design, _, _ = drawing_case("spectral")
    S = PredictorDesign(np.eye(2)[np.arange(10) % 2], ("a", "b"), False, np.zeros(10))
    residual = build_residual(Design(design.response, {**design.predictors, "sigma": S}))

    assert spectral_obstacle(design.main, residual) == "several residual variances"


def test_many_other_effects_are_not_spectral() -> None:
    design, _, _ = drawing_case("spectral")
    herd = replace(
        design.main.groups[1],
        levels=tuple(map(str, range(300))),
        Z=np.ones((10, 1)),
        effects=("x",),
    )
    main = replace(design.main, groups=(design.main.groups[0], herd))

    assert spectral_obstacle(main, build_residual(design)) == "300 other group effects"


def test_a_dense_covariance_has_no_sparse_structure() -> None:
    design, _, _ = drawing_case("dense")

    assert precision_obstacle(design.main) == "a dense covariance of `id.K`"
