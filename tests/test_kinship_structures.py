"""Models with known covariances, from formula and labels, against one dense normal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import poolish as po
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.prepare import prepare

N = 24
IDS = [f"i{k}" for k in range(N)]


def make_pedigree(rng: np.random.Generator) -> po.Pedigree:
    born = np.arange(N)
    sire = np.where(born < 6, None, 2 * rng.integers(0, np.maximum(born // 2, 1)))
    dam = np.where(born < 6, None, 2 * rng.integers(0, np.maximum(born // 2, 1)) + 1)
    rows = pd.DataFrame(
        {
            "id": IDS,
            "sire": [None if s is None else f"i{s}" for s in sire],
            "dam": [None if d is None else f"i{d}" for d in dam],
        }
    )
    return po.Pedigree.from_frame(
        rows.sample(frac=1, random_state=1), id="id", sire="sire", dam="dam"
    )


def labelled(pedigree: po.Pedigree) -> pd.DataFrame:
    labels = list(pedigree.labels)
    return pd.DataFrame(pedigree.relationship().to_numpy(), labels, labels)


def make_genomic(rng: np.random.Generator) -> pd.DataFrame:
    """Singular, with twins, negative Cholesky entries and a mean diagonal of about 0.25."""
    genotypes = rng.integers(0, 3, (N, 12)).astype(float)
    genotypes[3] = genotypes[4]
    centred = genotypes - genotypes.mean(axis=0)
    K = centred @ centred.T
    return pd.DataFrame(0.25 * K / np.diag(K).mean(), IDS, IDS)


def make_data(rng: np.random.Generator, n_obs: int = 60) -> pd.DataFrame:
    """Records of some of the ids, several for most: two ids have none."""
    return pd.DataFrame(
        {
            "y": rng.normal(10, 2, n_obs),
            "x": rng.normal(size=n_obs),
            "id": rng.choice(IDS[2:], n_obs),
            "dam": rng.choice(IDS, n_obs),
            "herd": rng.choice(list("abcde"), n_obs),
        }
    )


type Part = tuple[str, pd.DataFrame | None, np.ndarray]


def dense_value(data: pd.DataFrame, model: po.Model, parts: list[Part], sigma: float) -> float:
    """The log density of y, the population effects integrated out under their priors."""
    x, y = data["x"].to_numpy(), data["y"].to_numpy()
    V = sigma**2 * np.eye(len(y))
    for factor, K, L in parts:
        Z = np.column_stack([np.ones(len(y)), x])[:, : len(L)]
        levels = data[factor]
        between = (
            np.equal.outer(levels.to_numpy(), levels.to_numpy()).astype(float)
            if K is None
            else K.loc[levels, levels].to_numpy()
        )
        V += between * (Z @ L @ L.T @ Z.T)
    intercept, slope = (prior.arguments for prior in model.spec.main.priors)
    X = np.column_stack([np.ones(len(y)), x - x.mean()])  # the intercept at average predictors
    V += X @ np.diag([intercept[1] ** 2, slope[1] ** 2]) @ X.T
    return float(stats.multivariate_normal(X @ [intercept[0], slope[0]], V).logpdf(y))


def value(model: po.Model, roots: list[np.ndarray], sigma: float) -> float:
    at = Covariances(tuple(L[:, :, None] for L in roots), np.full((1, 1), sigma**-2.0))
    return float(prepare(model.spec, model.design).likelihood.value(at)[0])


def one(sd: float) -> np.ndarray:
    return np.array([[sd]])


SLOPES = np.array([[0.9, 0.0], [-0.3, 0.4]])
ANIMAL = "y ~ x + (1 | kin(id, K)) + (1 | id) + (1 | kin(dam, K)) + (1 | herd)"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["pedigree", "covariance"])
def test_direct_permanent_maternal_and_crossed_effects(form: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pedigree, data = make_pedigree(rng), make_data(rng)
    A = labelled(pedigree)
    shuffled = rng.permutation(IDS)
    K = pedigree if form == "pedigree" else A.loc[shuffled, shuffled[::-1]]
    model = po.model(ANIMAL, data, relations={"K": K})
    sds = {"id.K": 0.8, "id": 0.5, "dam": 0.6, "herd": 0.4}
    named = [group.name for group in model.spec.main.groups]

    found = value(model, [one(sds[name]) for name in named], 0.7)

    parts: list[Part] = [
        ("id", A, one(0.8)),
        ("id", None, one(0.5)),
        ("dam", A, one(0.6)),
        ("herd", None, one(0.4)),
    ]
    assert found == pytest.approx(dense_value(data, model, parts, 0.7), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["pedigree", "covariance", "genomic"])
def test_correlated_slopes(form: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pedigree, data = make_pedigree(rng), make_data(rng)
    A = make_genomic(rng) if form == "genomic" else labelled(pedigree)
    K = pedigree if form == "pedigree" else A
    model = po.model("y ~ x + (1 + x | kin(id, K)) + (1 | herd)", data, relations={"K": K})

    found = value(model, [SLOPES, one(0.4)], 0.7)

    parts: list[Part] = [("id", A, SLOPES), ("herd", None, one(0.4))]
    assert found == pytest.approx(dense_value(data, model, parts, 0.7), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_two_covariances_of_the_same_ids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pedigree, data, G = make_pedigree(rng), make_data(rng), make_genomic(rng)
    formula = "y ~ x + (1 | kin(id, A)) + (1 | kin(id, G))"
    model = po.model(formula, data, relations={"A": pedigree, "G": G})

    found = value(model, [one(0.8), one(1.5)], 0.7)

    parts: list[Part] = [("id", labelled(pedigree), one(0.8)), ("id", G, one(1.5))]
    assert found == pytest.approx(dense_value(data, model, parts, 0.7), abs=1e-9)


@pytest.mark.parametrize("n_records", [1, 3])
def test_a_singular_covariance_along_its_eigenvectors(n_records: int) -> None:
    rng = np.random.default_rng(5)
    G = make_genomic(rng)
    data = make_data(rng, 20 * n_records)
    data["id"] = np.repeat(rng.permutation(IDS)[:20], n_records)
    model = po.model("y ~ x + (1 | kin(id, G)) + (1 | herd)", data, relations={"G": G})

    found = value(model, [one(1.5), one(0.4)], 0.7)

    parts: list[Part] = [("id", G, one(1.5)), ("herd", None, one(0.4))]
    assert found == pytest.approx(dense_value(data, model, parts, 0.7), abs=1e-9)


@pytest.mark.parametrize("form", ["pedigree", "covariance"])
def test_reliability_is_that_of_the_prediction_error_variance(form: str) -> None:
    rng = np.random.default_rng(6)
    pedigree, data = make_pedigree(rng), make_data(rng, 40)
    A, sd, sigma = labelled(pedigree), 0.8, 0.6
    fit = po.fit(
        "y ~ x + (1 | kin(id, K))",
        data,
        relations={"K": pedigree if form == "pedigree" else A},
        priors={"b": "flat()", "sd_id": f"constant({sd})", "sigma": f"constant({sigma})"},
        engine="exact",
        seed=1,
        progress=False,
    )

    found = fit.breeding_values("id").to_df().set_index("level").loc[IDS]

    ids = data["id"]
    X = np.column_stack([np.ones(len(data)), data["x"]])
    P = np.linalg.inv(sd**2 * A.loc[ids, ids].to_numpy() + sigma**2 * np.eye(len(data)))
    P = P - P @ X @ np.linalg.solve(X.T @ P @ X, X.T @ P)
    across = sd**2 * A.loc[IDS, ids].to_numpy()
    prior = sd**2 * np.diag(A.loc[IDS, IDS])
    error = prior - np.einsum("ij,jk,ik->i", across, P, across)
    # A variance of 4,000 independent draws has a relative error of sqrt(2 / 4000).
    gap = np.abs((1 - found["reliability"]) * prior - error)
    assert (gap < 4 * np.sqrt(2 / 4000) * error).all()
    np.testing.assert_array_less(
        np.abs(found["mean"] - across @ P @ data["y"]), 4 * np.sqrt(error / 4000)
    )
