"""The blocked marginal likelihood against the dense multivariate normal."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.engines.exact.blocked import build_blocked
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.population import build_population, working_prior
from poolish.engines.exact.residual import build_residual
from poolish.spec.prior import Prior


@st.composite
def cases(draw):
    """Random designs: unbalanced, crossed, nested, q up to 4, one observation a group, strata."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_obs = draw(st.integers(6, 40))
    kinds = draw(st.lists(st.sampled_from(("few", "many", "single", "nested")), max_size=3))
    groups, finest = [], np.zeros(n_obs, dtype=int)
    for number, kind in enumerate(kinds):
        codes = {
            "few": lambda: rng.integers(0, 3, n_obs),
            "many": lambda: rng.integers(0, max(2, n_obs // 2), n_obs),
            "single": lambda: rng.permutation(n_obs),
            "nested": lambda f=finest: f * 2 + rng.integers(0, 2, n_obs),
        }[kind]()
        codes = np.unique(codes, return_inverse=True)[1]
        finest = codes
        q = draw(st.integers(1, 4))
        Z = np.column_stack([np.ones(n_obs), rng.normal(size=(n_obs, 3))])[:, :q]
        if draw(st.booleans()):
            Z = np.round(Z)  # equal groups: classes are shared
        levels = tuple(map(str, range(codes.max() + 1)))
        names = tuple(f"x{a}" for a in range(q))
        groups.append(GroupDesign(f"g{number}", names, levels, codes, Z, (tuple(range(q)),)))
    p = draw(st.integers(0, 3))
    X = np.column_stack([np.ones(n_obs), 50 + 10 * rng.normal(size=(n_obs, 2))])[:, :p]
    weights = rng.uniform(0.5, 2, n_obs) if draw(st.booleans()) else None
    predictors = {
        "mu": PredictorDesign(
            X, ("Intercept", "a", "b")[:p], p > 0, rng.normal(size=n_obs), tuple(groups)
        )
    }
    if draw(st.booleans()):
        S = np.eye(3)[rng.integers(0, 3, n_obs)]
        predictors["sigma"] = PredictorDesign(S, ("s0", "s1", "s2"), False, np.zeros(n_obs))
    y = 30.0 * (p > 0) + 3 * rng.normal(size=n_obs)
    design = Design(ResponseDesign("y", y, weights=weights), predictors)
    priors = [Prior("normal", (rng.normal() * 10, 3.0)) for _ in range(p)]
    roots = [
        np.tril(rng.normal(size=(group.n_effects,) * 2)) * draw(st.sampled_from((0.0, 0.1, 1.0, 9)))
        for group in groups
    ]
    at_average = p > 0 and draw(st.booleans())
    return design, priors, at_average, roots, rng


def _structure(design, priors, at_average, **kwargs):
    residual = build_residual(design)
    prior = working_prior(priors, design.main.X.mean(axis=0), at_average=at_average)
    population = build_population(design.main, design.response.y, residual.weights, prior)
    return build_blocked(design.main, residual, population, **kwargs)


def _covariances(structure, roots, sigma):
    return Covariances(tuple(L[:, :, None] for L in roots), (sigma**-2.0)[:, None])


def _dense_log_density(design, priors, at_average, roots, sigma_of_row, dense_covariance):
    X, y = design.main.X, design.response.y - design.main.offset
    V = dense_covariance(design, roots, sigma_of_row)
    mean = np.array([prior.arguments[0] for prior in priors])
    T = np.eye(len(priors))
    if at_average:
        T[0, 1:] = -X.mean(axis=0)[1:]
    sds = np.array([prior.arguments[1] for prior in priors])
    XT = X @ T
    return stats.multivariate_normal(XT @ mean, V + (XT * sds**2) @ XT.T).logpdf(y)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases())
def test_value_is_the_dense_multivariate_normal(dense_covariance, case):
    design, priors, at_average, roots, rng = case
    structure = _structure(design, priors, at_average)
    sigma = rng.uniform(0.5, 2.0, structure.residual.n_strata)

    value = structure.value(_covariances(structure, roots, sigma))[0]

    expected = _dense_log_density(
        design, priors, at_average, roots, sigma[structure.residual.strata], dense_covariance
    )
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(cases())
def test_gradient_is_that_of_finite_differences(case):
    design, priors, at_average, roots, rng = case
    structure = _structure(design, priors, at_average)
    tau = rng.uniform(0.5, 2.0, structure.residual.n_strata)
    sizes = [L.shape[0] for L in roots]
    flat = np.concatenate([*(L[np.tril_indices(len(L))] for L in roots), tau])

    def unpack(x):
        found, start = [], 0
        for q in sizes:
            L, stop = np.zeros((q, q)), start + q * (q + 1) // 2
            L[np.tril_indices(q)], start = x[start:stop], stop
            found.append(L[:, :, None])
        return Covariances(tuple(found), x[start:, None])

    gradient = structure.gradient(unpack(flat))
    found = np.concatenate(
        [*(D[np.tril_indices(len(D))] for D in gradient.roots), gradient.precision]
    )

    errors = []
    for h in (1e-3, 1e-4):  # curvature asks for small steps, rounding for large ones
        expected = np.array([_central(structure, unpack, flat, h * e) for e in np.eye(len(flat))])
        errors.append(np.abs(found - expected / h).max() / (1 + np.abs(found).max()))
    assert gradient.value == pytest.approx(structure.value(unpack(flat))[0], rel=1e-12)
    assert min(errors) < 1e-6


def _central(structure, unpack, x, step):
    """Return h times the derivative along a step, by five points: an error of order h^4."""
    near, far = (
        structure.value(unpack(x + s * step))[0] - structure.value(unpack(x - s * step))[0]
        for s in (1, 2)
    )
    return (8 * near - far) / 12


@settings(max_examples=15, deadline=None, derandomize=True)
@given(cases())
def test_a_new_response_gives_the_structure_of_a_new_design(case):
    design, priors, at_average, roots, rng = case
    y = design.response.y + rng.normal(size=design.n_obs)
    structure = _structure(design, priors, at_average)
    fresh = _structure(replace(design, response=replace(design.response, y=y)), priors, at_average)
    at = _covariances(structure, roots, rng.uniform(0.5, 2.0, structure.residual.n_strata))

    again = structure.with_response(y)

    assert again.value(at)[0] == pytest.approx(fresh.value(at)[0], rel=1e-9)
    assert again.value(at)[0] != pytest.approx(structure.value(at)[0], rel=1e-9)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(cases())
def test_many_values_at_once_are_those_one_by_one(case):
    design, priors, at_average, roots, rng = case
    structure = _structure(design, priors, at_average)
    each = [
        _covariances(structure, [L * s for L in roots], np.full(structure.residual.n_strata, s))
        for s in rng.uniform(0.5, 2.0, 5)
    ]
    roots_of_each = zip(*(c.roots for c in each), strict=True)
    together = Covariances(
        tuple(np.concatenate(parts, axis=2) for parts in roots_of_each),
        np.concatenate([c.precision for c in each], axis=1),
    )

    expected = [structure.value(one)[0] for one in each]
    assert structure.value(together) == pytest.approx(expected, rel=1e-10)


def test_a_matrix_that_is_not_positive_definite_has_no_likelihood():
    y = np.arange(6.0)
    design = Design(
        ResponseDesign("y", y), {"mu": PredictorDesign(np.ones((6, 1)), ("a",), True, 0 * y)}
    )
    structure = _structure(design, [Prior("normal", (0.0, 1.0))], False)

    values = structure.value(Covariances((), np.array([[1.0, np.inf, np.nan]])))

    assert np.isfinite(values[0])
    assert (values[1:] == -np.inf).all()
