"""The PyMC model's log density against SciPy's, in the parameters people see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from scipy import special, stats

import poolish as po
from poolish.design.arrays import Design
from poolish.engines.nuts.centering import Choice
from poolish.engines.nuts.model import assemble_model
from poolish.engines.nuts.names import public_variables
from poolish.relations.relation import Relation
from poolish.spec.model import ModelSpec
from poolish.spec.prior import Prior
from poolish.spec.priors import parse_prior

FROZEN = {
    "normal": lambda m, s: stats.norm(m, s),
    "student_t": lambda nu, m, s: stats.t(nu, m, s),
    "cauchy": lambda m, s: stats.cauchy(m, s),
    "laplace": lambda m, s: stats.laplace(m, s),
    "logistic": lambda m, s: stats.logistic(m, s),
    "uniform": lambda low, high: stats.uniform(low, high - low),
    "half_normal": lambda m, s: stats.halfnorm(0, s),
    "half_student_t": lambda nu, m, s: Half(stats.t(nu, 0, s)),
    "half_cauchy": lambda m, s: stats.halfcauchy(0, s),
    "exponential": lambda rate: stats.expon(scale=1 / rate),
    "gamma": lambda a, rate: stats.gamma(a, scale=1 / rate),
    "inverse_gamma": lambda a, s: stats.invgamma(a, scale=s),
    "sqrt_inverse_gamma": lambda a, s: Root(stats.invgamma(a, scale=s)),
    "lognormal": lambda m, s: stats.lognorm(s, scale=np.exp(m)),
    "beta": lambda a, b: stats.beta(a, b),
}


class Half:
    """A symmetric distribution folded at 0."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def logpdf(self, x: float) -> float:
        return np.log(2) + self.whole.logpdf(x)


class Root:
    """The distribution of the square root."""

    def __init__(self, square: Any) -> None:
        self.square = square

    def logpdf(self, x: float) -> float:
        return self.square.logpdf(x**2) + np.log(2 * x)


def prior_logpdf(prior: Prior, x: float, *, positive: bool = False) -> float:
    """Return a prior's log density by SciPy, truncated at 0 for a scale parameter."""
    if prior.distribution in ("flat", "constant"):
        return 0.0
    frozen = FROZEN[prior.distribution](*prior.arguments)
    symmetric = ("normal", "student_t", "cauchy", "laplace", "logistic")
    is_cut = positive and prior.distribution in symmetric
    return float(frozen.logpdf(x) - (np.log(frozen.sf(0.0)) if is_cut else 0.0))


def lkj_logpdf(R: np.ndarray, eta: float) -> float:
    """Return the normalised LKJ density: Lewandowski et al. (2009), equations 16 and 17."""
    d = len(R)
    k = np.arange(1, d)
    power = np.sum((2 * (eta - 1) + d - k) * (d - k)) * np.log(2)
    a = eta + (d - k - 1) / 2
    return float(
        (eta - 1) * np.linalg.slogdet(R)[1] - power - np.sum((d - k) * special.betaln(a, a))
    )


def covariance(sd: np.ndarray, cor: np.ndarray) -> np.ndarray:
    return sd[:, None] * cor * sd


def predictor_logpdf(
    spec: ModelSpec, design: Design, name: str, values: dict[str, np.ndarray]
) -> tuple[float, np.ndarray]:
    """Return log prior of a predictor's parameters and eta, all from the typed quantities."""
    predictor, arrays = spec.predictors[name], design.predictors[name]
    b = values[predictor.variable("b")]
    placed = b.copy()
    if predictor.has_intercept and predictor.intercept_at == "average":
        placed[0] += arrays.X[:, 1:].mean(axis=0) @ b[1:]
    total = sum(prior_logpdf(p, x) for p, x in zip(predictor.priors, placed, strict=True))
    eta = arrays.offset + arrays.X @ b
    for group, group_arrays in zip(predictor.groups, arrays.groups, strict=True):
        sd = values[predictor.variable("sd", group)]
        r = values[predictor.variable("r", group)]
        cor = values.get(predictor.variable("cor", group), np.eye(len(sd)))
        total += sum(
            prior_logpdf(p, x, positive=True) for p, x in zip(group.sd_priors, sd, strict=True)
        )
        for block, prior in zip(group.blocks, group.cor_priors, strict=True):
            part = cor[np.ix_(block, block)]
            if len(block) > 1:
                total += lkj_logpdf(part, prior.arguments[0])
            K = np.eye(len(r))
            if group_arrays.relation is not None:
                K = group_arrays.relation.covariance
            effects = r[:, list(block)].T.ravel()
            S = np.kron(covariance(sd[list(block)], part), K)
            total += stats.multivariate_normal(cov=S).logpdf(effects)
        eta = eta + np.sum(group_arrays.Z * r[group_arrays.codes], axis=1)
    return float(total), eta


def free_coordinates(spec: ModelSpec, values: dict[str, np.ndarray]) -> np.ndarray:
    """Return the typed parameters that vary, as one vector."""
    parts = []
    for predictor in spec.predictors.values():
        is_free = np.array([p.distribution != "constant" for p in predictor.priors])
        parts.append(values[predictor.variable("b")][is_free])
        for group in predictor.groups:
            sd = values[predictor.variable("sd", group)]
            parts.append(sd[[p.distribution != "constant" for p in group.sd_priors]])
            parts.append(values[predictor.variable("r", group)].ravel())
            for block in group.blocks:
                if len(block) > 1:
                    cor = values[predictor.variable("cor", group)][np.ix_(block, block)]
                    parts.append(cor[np.tril_indices(len(block), -1)])
    parts.extend(np.atleast_1d(values[name]) for name in spec.auxiliary)
    return np.concatenate(parts)


def check_density(spec: ModelSpec, design: Design, choices: Any = None) -> None:
    """Hold the model's logp to SciPy's density times the Jacobian of the typed parameters.

    A flat prior has no constant of its own: there the gap must be the same at two points.
    """
    has_flat = any(p.distribution == "flat" for q in spec.predictors.values() for p in q.priors)
    expected = density_gap(spec, design, choices, seed=5) if has_flat else 0.0

    gap = density_gap(spec, design, choices, seed=3)

    assert gap == pytest.approx(expected, abs=2e-6)


def density_gap(spec: ModelSpec, design: Design, choices: Any, *, seed: int) -> float:
    """Return the model's logp less SciPy's density times the Jacobian, at a random point."""
    model = assemble_model(spec, design, choices)
    rng = np.random.default_rng(seed)
    start = model.initial_point()
    # Away from 0: a standard normal at its mode hides wrong signs.
    point = {k: np.asarray(v + 0.3 * rng.standard_normal(np.shape(v))) for k, v in start.items()}
    shown = [v for v in model.free_RVs + model.deterministics if v.name[0] in "bscr"]
    names = [v.name for v in shown]
    shown_values = model.replace_rvs_by_values(shown)
    function = compile_cheaply(model, [model.logp(), *shown_values])

    def at(flat: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        logp, *values = function(_unflatten(flat, point))
        return float(logp), dict(zip(names, map(np.asarray, values), strict=True))

    flat = np.concatenate([np.ravel(v) for v in point.values()])
    logp, values = at(flat)
    step = 1e-5
    jacobian = np.column_stack(
        [
            (
                free_coordinates(spec, at(flat + step * e)[1])
                - free_coordinates(spec, at(flat - step * e)[1])
            )
            / (2 * step)
            for e in np.eye(len(flat))
        ]
    )
    expected = np.linalg.slogdet(jacobian)[1]
    parameters = {}
    for name, predictor in spec.predictors.items():
        prior, eta = predictor_logpdf(spec, design, name, values)
        expected += prior
        parameters[name] = predictor.link.inverse(eta)
    for name, prior in spec.auxiliary.items():
        expected += prior_logpdf(prior, float(values[name]), positive=True)
        parameters[name] = values[name]
    y = design.response.y
    expected += spec.family.log_density(y, parameters, design.response).sum()
    return logp - float(expected)


def compile_cheaply(model: Any, expressions: Any) -> Any:
    """Return a function of the value variables, without a compiler."""
    mode = pytensor.compile.mode.Mode(linker="vm", optimizer="fast_compile")
    with pytensor.config.change_flags(cxx=""):
        return model.compile_fn(
            expressions, inputs=model.value_vars, mode=mode, on_unused_input="ignore"
        )


def _unflatten(flat: np.ndarray, like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    ends = np.cumsum([np.size(v) for v in like.values()])
    parts = np.split(flat, ends[:-1])
    return {k: p.reshape(np.shape(v)) for (k, v), p in zip(like.items(), parts, strict=True)}


@pytest.mark.parametrize(("intercept_at", "is_centered"), [("average", True), ("zero", False)])
@pytest.mark.parametrize("blocks", [((0,),), ((0, 1),), ((0,), (1,)), ((0, 1, 2),), ((0, 2), (1,))])
def test_density_is_scipys_in_typed_parameters(
    make: Any, blocks: Any, intercept_at: str, is_centered: bool
) -> None:
    spec, design = make.simple(
        blocks, n_coefs=3, intercept_at=intercept_at, is_centered=is_centered, eta=1.5
    )

    check_density(spec, design)


MIXES = [
    ("flat()", "flat()", "flat()"),
    ("normal(1, 2)", "flat()", "laplace(0.5, 2)"),
    ("student_t(4, 1, 2)", "gamma(2, 0.7)", "flat()"),
    ("cauchy(1, 2)", "beta(2, 3)", "lognormal(0.1, 0.7)"),
    ("logistic(1, 2)", "uniform(-1, 4)", "exponential(0.3)"),
    ("uniform(-9, 30)", "half_normal(0, 2)", "half_cauchy(0, 1)"),
    ("gamma(2, 0.5)", "half_student_t(3, 0, 1)", "cauchy(0, 2)"),
    ("constant(4)", "student_t(3, 0, 1)", "logistic(0, 2)"),
    ("normal(0, 9)", "constant(2)", "inverse_gamma(2, 3)"),
    ("laplace(0, 9)", "sqrt_inverse_gamma(2, 3)", "sqrt_inverse_gamma(3, 3)"),
]


@pytest.mark.parametrize(
    ("intercept_at", "texts"),
    [("zero", texts) for texts in MIXES] + [("average", texts) for texts in MIXES[1:9:3]],
)
def test_any_mix_of_priors_is_on_the_coefficients_as_typed(
    make: Any, intercept_at: str, texts: tuple[str, ...]
) -> None:
    priors = [parse_prior(text) for text in texts]
    spec, design = make.simple((), n_coefs=3, priors=priors, intercept_at=intercept_at)

    check_density(spec, design)


@pytest.mark.parametrize(
    ("first", "second", "sigma"),
    [
        ("normal(0, 2)", "half_normal(0, 2)", "normal(1, 2)"),
        ("student_t(3, 0, 2)", "half_student_t(3, 0, 2)", "student_t(3, 1, 2)"),
        ("cauchy(0, 2)", "half_cauchy(0, 2)", "laplace(0.5, 2)"),
        ("gamma(2, 0.5)", "inverse_gamma(2, 0.5)", "sqrt_inverse_gamma(2, 0.5)"),
        ("lognormal(0, 1)", "uniform(0, 5)", "flat()"),
        ("constant(1.5)", "exponential(0.5)", "logistic(1, 2)"),
        ("normal(1, 2)", "normal(1, 3)", "lognormal(0, 1)"),
    ],
)
def test_priors_of_scales_are_cut_at_zero(make: Any, first: str, second: str, sigma: str) -> None:
    sds = [[parse_prior(first), parse_prior(second)]]
    spec, design = make.simple(((0, 1),), sd_priors=sds, auxiliary={"sigma": parse_prior(sigma)})

    check_density(spec, design)


def test_intercept_only_and_no_intercept(make: Any) -> None:
    for options in ({"n_coefs": 1}, {"n_coefs": 2, "has_intercept": False}):
        spec, design = make.simple(((0,),), **options)

        check_density(spec, design)


def test_known_covariance_couples_levels_of_correlated_effects(make: Any) -> None:
    A = np.random.default_rng(2).normal(size=(6, 6))
    relation = Relation(tuple(f"g{k}" for k in range(6)), covariance=A @ A.T + np.eye(6))
    spec, design = make.simple(((0, 1),), relation=relation)

    check_density(spec, design)


def test_poisson_response_with_a_log_link(make: Any) -> None:
    spec, design = make.simple(
        ((0, 1),),
        family="poisson",
        link="log",
        auxiliary={},
        priors=[Prior("normal", (0.0, 1.0)), Prior("normal", (0.0, 0.1))],
    )

    check_density(spec, design)


def test_scale_has_its_own_predictor_and_groups(make: Any) -> None:
    mu = make.predictor([make.group(((0, 1),))], n_coefs=2)
    sigma = make.predictor([make.group(((0,),))], n_coefs=3)
    small = [Prior("normal", (0.0, 0.2))] * 3
    spec, design = make.model(
        {
            "mu": (make.predictor_spec(mu), mu),
            "sigma": (
                make.predictor_spec(sigma, parameter="sigma", link="log", priors=small),
                sigma,
            ),
        },
        auxiliary={},
    )

    check_density(spec, design)


def test_vector_parameter_increases_and_has_its_own_dimension(make: Any) -> None:
    arrays = make.predictor(n_coefs=1, has_intercept=False)
    predictor = make.predictor_spec(arrays)
    codes = np.resize([0.0, 1.0, 2.0, 3.0], len(make.y))
    threshold = {"threshold": Prior("student_t", (3.0, 0.0, 2.5))}
    spec, design = make.model({"mu": (predictor, arrays)}, family="cumulative", auxiliary=threshold)
    design = replace(design, response=replace(design.response, y=codes, levels=tuple("abcd")))

    model = assemble_model(spec, design)

    (dim,) = model.named_vars_to_dims["threshold"]
    drawn = model.initial_point()["threshold_at_average_ordered__"]
    assert dim != "threshold" and tuple(model.coords[dim]) == (1, 2, 3)
    assert drawn.shape == (3,) and np.isfinite(sum(model.point_logps().values()))


def test_the_prior_of_thresholds_holds_at_average_predictors() -> None:
    """As brms, whose `Intercept` is that of centred predictors; x and 2000 + x are one model."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=30)
    grades = pd.Categorical(np.resize(["a", "b", "c"], 30), ordered=True)
    data = pd.DataFrame({"grade": grades, "x": x, "year": 2000.0 + x})
    points = []
    for name in ("x", "year"):
        declared = po.model(
            f"grade ~ {name}", data, family="cumulative", priors={"b": "normal(0, 1)"}
        )
        model = assemble_model(declared.spec, declared.design)
        scale = np.sqrt(np.mean(data[name] ** 2))
        inputs = model.initial_point() | {"b_scaled": np.array([0.7 * scale])}
        points.append(model.compile_logp()(inputs) + np.log(scale))

    assert points[1] == pytest.approx(points[0], rel=1e-9)


def test_names_dims_and_coords_are_those_of_the_results(make: Any) -> None:
    mu = make.predictor([make.group(((0, 1),))], n_coefs=3)
    sigma = make.predictor([make.group(((0,),))], n_coefs=1)
    spec, design = make.model(
        {
            "mu": (make.predictor_spec(mu), mu),
            "sigma": (make.predictor_spec(sigma, parameter="sigma", link="log"), sigma),
        },
        auxiliary={},
    )

    model = assemble_model(spec, design)

    dims = model.named_vars_to_dims
    assert {name: dims[name] for name in public_variables(spec)} == {
        "b": ("coef",),
        "sd_g": ("g_effect",),
        "cor_g": ("g_effect", "g_effect_bis"),
        "r_g": ("g", "g_effect"),
        "b_sigma": ("coef_sigma",),
        "sd_g_sigma": ("g_effect_sigma",),
        "r_g_sigma": ("g", "g_effect_sigma"),
    }
    assert tuple(model.coords["coef"]) == ("Intercept", "x", "w")
    assert tuple(model.coords["g"]) == tuple(f"g{k}" for k in range(6))
    assert tuple(model.coords["g_effect_bis"]) == ("Intercept", "x")
    assert tuple(dims["y"]) == ("obs",)


def test_response_named_as_a_parameter_keeps_both_apart(make: Any) -> None:
    spec, design = make.simple()
    design = replace(design, response=replace(design.response, name="sigma"))

    model = assemble_model(spec, design)

    assert {"sigma", "sigma_"} <= set(model.named_vars)


def test_shared_blocks_have_one_joint_correlation_matrix(make: Any) -> None:
    mu = make.predictor([make.group(((0, 1),), share=("p",))], n_coefs=2)
    sigma = make.predictor([make.group(((0,),), share=("p",))], n_coefs=1)
    spec, design = make.model(
        {
            "mu": (make.predictor_spec(mu), mu),
            "sigma": (make.predictor_spec(sigma, parameter="sigma", link="log"), sigma),
        },
        auxiliary={},
    )

    model = assemble_model(spec, design)

    assert model.named_vars_to_dims["cor_g__p"] == ("g__p_effect", "g__p_effect_bis")
    assert tuple(model.coords["g__p_effect"]) == ("Intercept", "x", "sigma_Intercept")
    assert "cor_g__p" in public_variables(spec) and "cor_g" in public_variables(spec)
    names = ["cor_g__p", "sd_g", "sd_g_sigma", "z_g__p", "r_g", "r_g_sigma"]
    joint, sd, sd_sigma, z, r, r_sigma = pm.draw(
        [model[name] for name in names], random_seed=1, mode="FAST_COMPILE"
    )
    assert np.diag(joint) == pytest.approx(1.0) and np.linalg.eigvalsh(joint).min() > 0
    L = np.linalg.cholesky(joint)
    expected = (np.concatenate([sd, sd_sigma])[:, None] * L) @ z
    np.testing.assert_allclose(np.column_stack([r, r_sigma]).T, expected)


def test_intercept_starts_at_the_mean_of_the_response(make: Any) -> None:
    spec, design = make.simple(priors=[Prior("flat"), Prior("flat")])

    start = assemble_model(spec, design).initial_point()

    assert float(start["Intercept"]) == pytest.approx(make.y.mean())


@pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])
def test_effects_of_one_block_are_centred_one_by_one(make: Any, flags: tuple[bool, bool]) -> None:
    # w differs between groups, so that a centred intercept varies around a level of its own.
    spec, design = make.simple(((0, 1),), n_coefs=3)

    check_density(spec, design, {("mu", "g"): Choice(flags, "for the test")})


def test_centred_effects_share_no_coefficient_between_factors(make: Any) -> None:
    few = make.group(((0,),))
    many = replace(few, name="h", levels=tuple(f"h{k}" for k in range(24)), codes=np.arange(24))
    arrays = make.predictor([few, many])
    spec, design = make.model({"mu": (make.predictor_spec(arrays, is_centered=True), arrays)})

    check_density(spec, design)
