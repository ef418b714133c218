"""Cases and counts with known covariances: densities, coverage, and another sampler.

Truths are drawn from the prior, so that intervals of probability p hold a share p of them exactly
(Talts et al. 2018); the counts below are binomial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import special, stats

import poolish as po
from poolish.engines import nuts
from poolish.engines.protocol import Plan
from poolish.errors import EngineError
from poolish.relations import Relation, dense_covariance, mean_variance
from poolish.studies.calibration import RANKED_DRAWS, calibrate, simulate_response

PRIORS = {"Intercept": "normal(0, 0.5)", "sd": "half_normal(1)"}
N_FOUNDERS, N_BORN = 60, 150
FOUNDERS, BORN = [f"f{i}" for i in range(N_FOUNDERS)], [f"a{i}" for i in range(N_BORN)]


# --- Data ---


def parents(rng: np.random.Generator) -> np.ndarray:
    """Positions of sire and dam of each that is born, even and odd, among all before it."""
    before = np.arange(N_FOUNDERS, N_FOUNDERS + N_BORN) // 2
    sire, dam = rng.integers(before // 2, before, (2, N_BORN))
    return np.stack([2 * sire, 2 * dam + 1], axis=1)


def pedigree() -> Relation:
    ids = np.array(FOUNDERS + BORN)
    pairs = ids[parents(np.random.default_rng(5))]
    table = pd.DataFrame({"id": BORN, "sire": pairs[:, 0], "dam": pairs[:, 1]})
    return po.Pedigree.from_frame(table, id="id", sire="sire", dam="dam").relation()


def genomic() -> Relation:
    """The same families by 400 variants dropped through the pedigree; the last two are twins."""
    rng = np.random.default_rng(6)
    pairs = parents(np.random.default_rng(5))
    gametes = np.zeros((N_FOUNDERS + N_BORN, 2, 400), dtype=np.int8)
    gametes[:N_FOUNDERS] = rng.random((N_FOUNDERS, 2, 400)) < rng.uniform(0.1, 0.5, 400)
    for i, pair in enumerate(pairs, start=N_FOUNDERS):
        taken = rng.integers(0, 2, (2, 400))
        gametes[i] = np.take_along_axis(gametes[pair], taken[:, None], axis=1)[:, 0]
    genotypes = gametes.sum(axis=1)[N_FOUNDERS:]
    genotypes[-1] = genotypes[-2]
    return po.genomic_relationship(genotypes, ids=BORN)


def labelled(relation: Relation) -> pd.DataFrame:
    return pd.DataFrame(dense_covariance(relation), relation.labels, relation.labels)


RELATIONS = {"pedigree": pedigree, "genomic": genomic}


@dataclass(frozen=True)
class Trait:
    """A family, with records enough of each that its variance can be told."""

    family: str
    link: str
    n_records: int
    formula: str = "y ~ 1 + (1 | kin(id, K))"


TRAITS = {
    "probit": Trait("bernoulli", "probit", 2),
    "logit": Trait("bernoulli", "logit", 3),
    # With a permanent environment beside, whose share of the latent variance is not h2.
    "poisson": Trait("poisson", "log", 2, "y ~ 1 + (1 | kin(id, K)) + (1 | id)"),
}


def model_of(trait: Trait, relation: Relation, ids: list[str] = BORN) -> po.Model:
    rows = np.tile(ids, trait.n_records)
    data = pd.DataFrame({"y": np.arange(len(rows)) % 2, "id": rows})
    family = po.family(trait.family, link=trait.link)
    return po.model(trait.formula, data, family=family, relations={"K": relation}, priors=PRIORS)


# --- The density of the model that is sampled ---

INVERSE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "probit": stats.norm.cdf,
    "logit": stats.logistic.cdf,
    "poisson": np.exp,
}
DENSITY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "probit": stats.bernoulli.logpmf,
    "logit": stats.bernoulli.logpmf,
    "poisson": stats.poisson.logpmf,
}


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("relation", RELATIONS)
def test_what_nuts_samples_has_the_density_of_plain_algebra(name: str, relation: str) -> None:
    known = RELATIONS[relation]()
    model = model_of(TRAITS[name], known)
    sampled = model.to_pymc()
    rng = np.random.default_rng(8)
    point = {k: rng.normal(size=np.shape(v)) for k, v in sampled.initial_point().items()}
    typed = sampled.replace_rvs_by_values([sampled[v] for v in variables(model)])
    run = sampled.compile_fn([sampled.logp(jacobian=False), *typed], mode="FAST_COMPILE")
    values = run(point)
    logp, *found = (np.asarray(value) for value in values)
    named = dict(zip(variables(model), found, strict=True))

    expected = stats.norm(0, 0.5).logpdf(named["b"][0])
    eta, codes = named["b"][0], np.tile(np.arange(N_BORN), TRAITS[name].n_records)
    for group in model.spec.main.groups:
        sd = named[f"sd_{group.name}"][0]
        u = pd.Series(named[f"r_{group.name}"][:, 0], group.levels)
        eta = eta + u[BORN].to_numpy()[codes]
        z = point[next(k for k in point if k.endswith(f"z_{group.name}"))]
        expected += stats.halfnorm.logpdf(sd) + stats.norm.logpdf(z).sum()
        K = np.eye(len(u)) if group.relation is None else labelled(known).loc[u.index, u.index]
        assert u @ np.linalg.pinv(K, rcond=1e-10, hermitian=True) @ u == pytest.approx(
            sd**2 * np.square(z).sum(), rel=1e-6
        )
    y = model.design.response.y
    expected += DENSITY[name](y, INVERSE[name](eta)).sum()
    assert float(logp) == pytest.approx(float(expected), abs=1e-8)


def variables(model: po.Model) -> list[str]:
    names = [group.name for group in model.spec.main.groups]
    return ["b", *(f"{kind}_{name}" for kind in ("sd", "r") for name in names)]


# --- Coverage ---

REPLICATES = 25
PLAN = Plan(draws=500, chains=2, tune=300, progress=False)


def latent_h2(relation: Relation) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    unit = mean_variance(relation)

    def derive(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "sd_id.K" not in values:
            return {}
        own = unit * values["sd_id.K"][..., 0] ** 2
        return {"h2": own / (own + values["sd_id"][..., 0] ** 2)}

    return derive


@cache
def ranks_of(name: str, relation: str) -> dict[str, np.ndarray]:
    """Ranks of the truth among draws: of b, the sds and h2."""
    known = RELATIONS[relation]()
    model = model_of(TRAITS[name], known)
    calibration = calibrate(
        model.spec,
        model.design,
        nuts.ENGINE.fit,
        simulations=REPLICATES,
        seed=1,
        plan=PLAN,
        derive=latent_h2(known),
    )
    kept = ("sd_", "h2", "b")
    return {key: value for key, value in calibration.ranks.items() if key.startswith(kept)}


def inside(ranks: np.ndarray, prob: float) -> int:
    """How many truths lie in the central interval of that probability."""
    tail = round((1 - prob) / 2 * (RANKED_DRAWS + 1))
    return int(np.sum((ranks >= tail) & (ranks <= RANKED_DRAWS - tail)))


def assert_nominal(ranks: np.ndarray, prob: float, false_alarm: float) -> None:
    low, high = stats.binom(len(ranks), prob).interval(1 - false_alarm)
    assert low <= inside(ranks, prob) <= high


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("relation", RELATIONS)
def test_truths_lie_in_intervals_at_the_nominal_rate(name: str, relation: str) -> None:
    found = ranks_of(name, relation)

    # Of 25: 90 % intervals hold 17 to 25, 50 % intervals 5 to 20, but once in a thousand.
    for ranks in found.values():
        assert_nominal(ranks, 0.9, 1e-3)
        assert_nominal(ranks, 0.5, 1e-3)
        # The mean of 25 uniform ranks.
        assert ranks.mean() == pytest.approx(49.5, abs=3.3 * 28.9 / np.sqrt(REPLICATES))


@pytest.mark.slow
def test_all_cases_together_have_the_nominal_rate() -> None:
    of_k = [
        next(ranks for key, ranks in ranks_of(name, relation).items() if key.startswith("sd_id"))
        for name in TRAITS
        for relation in RELATIONS
    ]

    ranks = np.concatenate(of_k)

    # Of 150: 90 % intervals hold 125 to 144, 50 % intervals 59 to 91, but once in a hundred.
    assert_nominal(ranks, 0.9, 0.01)
    assert_nominal(ranks, 0.5, 0.01)


# --- Another sampler ---


def elliptical(
    y: np.ndarray,
    factors: list[np.ndarray],
    log_likelihood: Callable[[np.ndarray], float],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws of b, of the sds, and of the first group's effects on the rows of its factor.

    Elliptical slices of everything normal given the sds (Murray, Adams & MacKay 2010), then a
    Metropolis step of each sd with z held and one with u held (Yu & Meng 2011). `factors` map
    z to the rows of the data.
    """
    ends = np.cumsum([1, *(F.shape[1] for F in factors)])
    parts = [slice(a, b) for a, b in pairwise(ends)]
    z, sd = rng.normal(size=ends[-1]), np.full(len(factors), 0.5)

    def eta(z: np.ndarray, sd: np.ndarray) -> np.ndarray:
        return 0.5 * z[0] + sum(s * (F @ z[p]) for s, F, p in zip(sd, factors, parts, strict=True))

    b, sds, us = np.empty(n_draws), np.empty((n_draws, len(sd))), []
    value = log_likelihood(eta(z, sd))
    for draw in range(-n_draws // 5, n_draws):
        nu, level = rng.normal(size=len(z)), value + np.log(rng.random())
        angle = rng.uniform(0, 2 * np.pi)
        low, high = angle - 2 * np.pi, angle
        while True:
            moved = np.cos(angle) * z + np.sin(angle) * nu
            value = log_likelihood(eta(moved, sd))
            if value > level:
                break
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)
        z = moved
        for k, part in enumerate(parts):
            new = sd.copy()
            new[k] *= np.exp(0.3 * rng.normal())
            changed = log_likelihood(eta(z, new))
            prior = 0.5 * (sd[k] ** 2 - new[k] ** 2) + np.log(new[k] / sd[k])
            if np.log(rng.random()) < changed - value + prior:
                sd, value = new, changed
            new, size = sd.copy(), float(z[part] @ z[part])
            new[k] *= np.exp(0.1 * rng.normal())
            prior = 0.5 * (sd[k] ** 2 - new[k] ** 2) + np.log(new[k] / sd[k])
            ratio = sd[k] / new[k]
            slope = 0.5 * size * (1 - ratio**2) + z[part].size * np.log(ratio)
            if np.log(rng.random()) < prior + slope:
                z[part] *= ratio
                sd = new
        if draw >= 0:
            b[draw], sds[draw] = 0.5 * z[0], sd
            if draw % 10 == 0:
                us.append(sd[0] * (factors[0][:N_BORN] @ z[parts[0]]))
    return b, sds, np.array(us)


def log_likelihood_of(name: str, y: np.ndarray) -> Callable[[np.ndarray], float]:
    sign = 2 * y - 1
    return {
        "probit": lambda eta: float(special.log_ndtr(sign * eta).sum()),
        "logit": lambda eta: float(-np.logaddexp(0, -sign * eta).sum()),
        "poisson": lambda eta: float(y @ eta - np.exp(eta).sum()),
    }[name]


PAIRS = {"probit": "genomic", "logit": "pedigree", "poisson": "pedigree"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_nuts_agrees_with_elliptical_slices(name: str) -> None:
    trait, known = TRAITS[name], RELATIONS[PAIRS[name]]()
    model = model_of(trait, known)
    rng = np.random.default_rng(9)
    values, vectors = np.linalg.eigh(labelled(known).loc[BORN, BORN])
    root = vectors * np.sqrt(np.maximum(values, 0))
    truth = {"b": np.array([0.2])}
    for group in model.spec.main.groups:
        u = (
            0.5 * rng.normal(size=N_BORN)
            if group.relation is None
            else root @ rng.normal(size=N_BORN)
        )
        at = pd.Series(0.0, group.levels)
        at[BORN] = u
        truth[f"r_{group.name}"] = at.to_numpy()[:, None]
    y = simulate_response(model.spec, model.design, truth, rng=rng)
    own = np.tile(np.eye(N_BORN), (trait.n_records, 1))

    fit = model.with_response(y).fit(seed=3, draws=2000, tune=1000, progress=False)
    others = [own] if "(1 | id)" in trait.formula else []
    b, sds, u = elliptical(
        y, [own @ root, *others], log_likelihood_of(name, y), n_draws=60_000, rng=rng
    )

    assert fit.result.record.engine == "nuts"
    names = [f"sd_{g.name}" for g in model.spec.main.groups]
    for variable, expected in [("b", b), *zip(names, sds.T, strict=True)]:
        assert_close(fit.posterior[variable].values[..., 0], expected, 4)
    related = next(g.name for g in model.spec.main.groups if g.relation is not None)
    effects = fit.posterior[f"r_{related}"].sel({related: BORN}).values[..., 0]
    for i in range(N_BORN):
        assert_close(effects[..., i], u[:, i], 5)  # the largest of 150


def assert_close(found: np.ndarray, other: np.ndarray, limit: float) -> None:
    error = np.hypot(mcse(found), mcse(other[None]))
    assert abs(found.mean() - other.mean()) < limit * error


def mcse(draws: np.ndarray) -> float:
    return float(array_stats.mcse(draws, method="mean"))


# --- Quadrature, where relatives come in independent sets that are alike ---


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logit", "poisson"])
def test_clones_by_nuts_agree_with_quadrature_over_their_sets(name: str) -> None:
    trait = Trait(TRAITS[name].family, TRAITS[name].link, 1)
    sets = np.repeat(np.arange(50), 3)
    K = Relation(tuple(BORN), np.equal.outer(sets, sets).astype(float))
    model = model_of(trait, K)
    rng = np.random.default_rng(10)
    truth = {"b": np.array([0.2]), "r_id": rng.normal(size=50)[sets][:, None]}
    y = simulate_response(model.spec, model.design, truth, rng=rng)
    data = pd.DataFrame({"y": y, "set": sets})

    related = model.with_response(y).fit(seed=3, draws=2000, progress=False)
    plain = po.fit(
        "y ~ 1 + (1 | set)",
        data,
        family=po.family(trait.family, link=trait.link),
        priors=PRIORS,
        engine="quadrature",
        seed=3,
        draws=2000,
        progress=False,
    )

    assert related.result.record.engine == "nuts"
    for ours, theirs in (("b", "b"), ("sd_id", "sd_set")):
        a, b = related.posterior[ours].values[..., 0], plain.posterior[theirs].values[..., 0]
        assert abs(a.mean() - b.mean()) < 4 * np.hypot(mcse(a), mcse(b))
        assert a.std() == pytest.approx(b.std(), rel=0.08)


def test_quadrature_says_that_it_does_not_take_relatives() -> None:
    model = model_of(TRAITS["logit"], pedigree())

    with pytest.raises(EngineError, match="`id` has a known covariance between its levels"):
        model.fit(engine="quadrature", progress=False)
