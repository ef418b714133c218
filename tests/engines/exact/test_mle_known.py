"""REML and ML with known covariances: GEMMA's numbers, and dense algebra on a pedigree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, sparse

import poolish as po

REFERENCE = Path(__file__).parents[2] / "reference" / "genetics"
SHARED = Path(__file__).parents[4] / "shared" / "reference" / "genetics"
METHODS = {"lmm_gk1": "centered", "lmm_gk2": "standardized"}


@pytest.fixture(scope="module")
def pedigree() -> po.Pedigree:
    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    return po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


def relationship(pedigree: po.Pedigree) -> pd.DataFrame:
    """A by inverting the stored inverse of another program, not by ours."""
    ids = pd.read_csv(REFERENCE / "ped_pedigree.csv")["id"].astype(str)
    A = np.linalg.inv(sparse.load_npz(REFERENCE / "ped_Ainv.npz").toarray())
    return pd.DataFrame(A, ids, ids).loc[list(pedigree.labels), list(pedigree.labels)]


def dense_criterion(y: np.ndarray, X: np.ndarray, V: np.ndarray, *, reml: bool) -> float:
    """The restricted or profile log likelihood of one covariance of y, lme4's constants."""
    inverse = np.linalg.inv(V)
    XVX = X.T @ inverse @ X
    r = y - X @ np.linalg.solve(XVX, X.T @ inverse @ y)
    value = np.linalg.slogdet(V)[1] + r @ inverse @ r
    if reml:
        value += np.linalg.slogdet(XVX)[1]
    return -0.5 * (value + (len(y) - reml * X.shape[1]) * np.log(2 * np.pi))


@pytest.mark.skipif(not (SHARED / "gwas.bed").exists(), reason="../shared/reference is absent")
@pytest.mark.parametrize("run", METHODS)
def test_estimates_are_those_of_gemma(run: str) -> None:
    fam = pd.read_csv(SHARED / "gwas.fam", sep=r"\s+", header=None, dtype={1: str})
    X = np.loadtxt(SHARED / "gwas_covar.txt")
    data = pd.DataFrame({"id": fam[1], "y": fam[5], "age": X[:, 1], "sex": X[:, 2]})
    formula = "y ~ age + sex + (1 | kin(id, K))"
    relations = {"K": po.genomic_relationship(SHARED / "gwas", METHODS[run])}
    gemma = pd.read_csv(REFERENCE / "gemma_null.csv", index_col="run").loc[run]

    restricted = po.mle(formula, data, relations=relations)
    full = po.mle(formula, data, relations=relations, reml=False)

    # GEMMA 0.98.5 prints six digits, and stops its own search at a relative 1e-5.
    (h2,) = restricted.heritabilities
    assert (h2.estimate, h2.se) == pytest.approx((gemma["pve"], gemma["se"]), rel=2e-5)
    assert restricted.sigma**2 == pytest.approx(gemma["ve"], rel=2e-5)
    assert restricted.groups[0].sd[0] ** 2 == pytest.approx(gemma["vg"], rel=2e-5)
    # Its restricted likelihood has log|X'X| / 2 added.
    added = 0.5 * np.linalg.slogdet(X.T @ X)[1]
    assert restricted.log_likelihood + added == pytest.approx(gemma["reml"], abs=6e-3)
    assert full.log_likelihood == pytest.approx(gemma["ml"], abs=6e-3)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_repeated_records_by_dense_algebra(
    pedigree: po.Pedigree, *, is_sparse: bool, reml: bool
) -> None:
    data = pd.read_csv(REFERENCE / "ped_repeated.csv", dtype={"id": str}).iloc[::2]
    A = relationship(pedigree)
    ids = data["id"].tolist()
    X = np.column_stack([np.ones(len(data)), data["sex"]])
    y = data["y"].to_numpy()
    between, same = A.loc[ids, ids].to_numpy(), np.equal.outer(ids, ids).astype(float)

    def V(sds: np.ndarray) -> np.ndarray:
        return sds[0] ** 2 * between + sds[1] ** 2 * same + sds[2] ** 2 * np.eye(len(y))

    found = po.mle(
        "y ~ sex + (1 | kin(id, K)) + (1 | id)",
        data,
        relations={"K": pedigree if is_sparse else A},
        reml=reml,
    )

    sds = np.array([*(group.sd[0] for group in found.groups), found.sigma])
    value = dense_criterion(y, X, V(sds), reml=reml)
    assert found.log_likelihood == pytest.approx(value, abs=1e-8)
    best = optimize.minimize(
        lambda x: -dense_criterion(y, X, V(x), reml=reml), sds + 0.02, method="BFGS"
    )
    assert found.log_likelihood >= -best.fun - 1e-9
    np.testing.assert_allclose(sds, np.abs(best.x), atol=2e-4)
    variances = sds**2 * [np.diag(A).mean(), 1, 1]
    (h2,) = found.heritabilities
    assert h2.estimate == pytest.approx(variances[0] / variances.sum(), rel=1e-10)


def test_the_error_of_h2_is_that_of_the_curvature_in_all_variances(pedigree: po.Pedigree) -> None:
    data = pd.read_csv(REFERENCE / "ped_single.csv", dtype={"id": str})
    A = relationship(pedigree)
    X, y = np.column_stack([np.ones(len(data)), data["sex"]]), data["y"].to_numpy()
    between, mean = A.loc[data["id"], data["id"]].to_numpy(), np.diag(A).mean()

    def criterion(v: np.ndarray) -> float:
        return dense_criterion(y, X, v[0] * between + v[1] * np.eye(len(y)), reml=True)

    found = po.mle("y ~ sex + (1 | kin(id, K))", data, relations={"K": pedigree})

    v = np.array([found.groups[0].sd[0], found.sigma]) ** 2
    steps = 1e-3 * np.eye(2)
    information = np.array(
        [
            [
                sum(
                    -a * b * criterion(v + a * steps[i] + b * steps[j]) / 4e-6
                    for a in (1, -1)
                    for b in (1, -1)
                )
                for j in range(2)
            ]
            for i in range(2)
        ]
    )
    slope = np.array([mean * v[1], -mean * v[0]]) / (mean * v[0] + v[1]) ** 2
    expected = np.sqrt(slope @ np.linalg.solve(information, slope))
    (h2,) = found.heritabilities
    assert h2.se == pytest.approx(expected, rel=1e-3)
    assert found.to_frame().loc["h2_id", "se"] == h2.se
    assert f"id           {h2.estimate:.5g}" in repr(found)


def test_no_variance_between_relatives_is_at_the_boundary(pedigree: po.Pedigree) -> None:
    data = pd.read_csv(REFERENCE / "ped_single.csv", dtype={"id": str})
    A = relationship(pedigree).loc[data["id"], data["id"]].to_numpy()
    values, vectors = np.linalg.eigh(A)
    # Alike where relatives are unlike: all of it along the small eigenvalues.
    noise = np.random.default_rng(1).normal(size=len(data))
    data["y"] = vectors @ (noise * (values < np.median(values)))

    found = po.mle("y ~ sex + (1 | kin(id, K))", data, relations={"K": pedigree})

    X = np.column_stack([np.ones(len(data)), data["sex"]])
    ols, rest = np.linalg.lstsq(X, data["y"])[:2]
    assert found.is_singular
    assert found.heritabilities[0].estimate == 0.0
    assert np.isnan(found.heritabilities[0].se)
    np.testing.assert_allclose(found.b, ols, rtol=1e-8)
    assert found.sigma**2 == pytest.approx(rest[0] / (len(X) - 2), rel=1e-8)
    assert not found.groups[0].modes.any()
    assert not found.groups[0].mode_sds.any()
