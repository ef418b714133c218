"""Known covariances from the outside: `po.fit` against answers from elsewhere.

The reference is computed here by plain matrix algebra on a grid, or stands in
`tests/reference/genetics` (see its README for programs, versions and dates).
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import linalg, sparse, stats

import poolish as po
from poolish.engines.exact import prepare
from poolish.engines.exact.marginal import Covariances
from poolish.errors import RelationError, UnknownNameError
from poolish.relations import Relation
from poolish.summaries.heritability import heritability_draws

REFERENCE = Path(__file__).parent / "reference" / "genetics"
SHARED = Path(__file__).parents[2] / "shared" / "reference" / "genetics"
PRIORS = {
    "b": "flat()",
    "Intercept": "flat()",
    "sd": "half_student_t(3, 0, 1)",
    "sigma": "half_student_t(3, 0, 1)",
}
SCALE = ("h2", "response", "mean diagonal")
RAW = ("h2", "response", "1")


@pytest.fixture(scope="module")
def pedigree() -> po.Pedigree:
    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    return po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


@pytest.fixture(scope="module")
def single() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "ped_single.csv")


@pytest.fixture(scope="module")
def animal_model(pedigree: po.Pedigree, single: pd.DataFrame) -> po.Fit:
    return po.fit(
        "y ~ sex + (1 | kin(id, ped))",
        single,
        relations={"ped": pedigree},
        priors=PRIORS,
        seed=1,
        progress=False,
    )


def labelled(pedigree: po.Pedigree) -> pd.DataFrame:
    labels = list(pedigree.labels)
    return pd.DataFrame(pedigree.relationship().to_numpy(), labels, labels)


def mcse(draws: np.ndarray) -> float:
    return float(array_stats.mcse(draws, method="mean"))


def grid_posterior(A: pd.DataFrame, data: pd.DataFrame) -> tuple[pd.Series, float, float]:
    """Posterior mean of every breeding value, mean and sd of h2: sums over a grid of (sg, se).

    Along the eigenvectors of A the records are independent given b, which is integrated out
    under its flat prior (Lippert et al. 2011).
    """
    ids = data["id"].tolist()
    s, U = linalg.eigh(A.loc[ids, ids].to_numpy())
    X = U.T @ np.column_stack([np.ones(len(data)), data["sex"]])
    y = U.T @ data["y"].to_numpy()
    across = A.loc[:, ids].to_numpy() @ U
    half_t = stats.t(3)
    weights, values, h2 = [], [], []
    for sg in np.linspace(0.02, 1.6, 120):
        for se in np.linspace(0.4, 1.2, 90):
            v = sg**2 * s + se**2
            XV = X / v[:, None]
            root = linalg.cho_factor(X.T @ XV)
            r = y - X @ linalg.cho_solve(root, XV.T @ y)
            log_density = -0.5 * (np.log(v).sum() + r @ (r / v)) - np.log(np.diag(root[0])).sum()
            weights.append(log_density + half_t.logpdf(sg) + half_t.logpdf(se))
            values.append(sg**2 * (r / v))
            h2.append(sg**2 / (sg**2 + se**2))
    w, h2 = np.exp(np.array(weights) - max(weights)), np.array(h2)
    w /= w.sum()
    mean = float(w @ h2)
    u = across @ (w @ np.array(values))
    return pd.Series(u, A.index), mean, float(np.sqrt(w @ (h2 - mean) ** 2))


# --- Against references ---


def test_one_record_each_has_the_reference_heritability(animal_model: po.Fit) -> None:
    reference = pd.read_csv(REFERENCE / "ped_single_methods.csv").iloc[0]

    h2 = heritability_draws(animal_model.result, "id")[RAW]

    # The reference is a mean of 4,000 independent draws.
    tolerance = 4 * np.hypot(mcse(h2), reference["h2_sd"] / np.sqrt(4000))
    assert h2.mean() == pytest.approx(0.4587, abs=tolerance)
    assert h2.std() == pytest.approx(0.1223, rel=0.06)
    assert animal_model.result.record.engine == "exact"


def test_breeding_values_are_those_of_a_grid_of_variances(
    animal_model: po.Fit, pedigree: po.Pedigree, single: pd.DataFrame
) -> None:
    u, h2, h2_sd = grid_posterior(labelled(pedigree), single)
    assert (h2, h2_sd) == pytest.approx((0.4587, 0.1223), abs=0.006)

    found = animal_model.breeding_values("id").to_df().set_index("level")

    gap = (found["mean"] - u[found.index]).abs() / found["sd"]
    assert gap.max() < 0.1
    assert found["reliability"].between(0, 1).all()


@pytest.mark.slow
def test_repeated_records_have_the_reference_heritability(pedigree: po.Pedigree) -> None:
    fit = po.fit(
        "y ~ sex + (1 | kin(id, ped)) + (1 | id)",
        pd.read_csv(REFERENCE / "ped_repeated.csv"),
        relations={"ped": pedigree},
        priors=PRIORS,
        seed=1,
        progress=False,
    )

    h2 = heritability_draws(fit.result, "id")[RAW]

    # 2,000 draws of brms; three digits are known.
    tolerance = 4 * np.hypot(mcse(h2), 0.090 / np.sqrt(2000)) + 0.0005
    assert h2.mean() == pytest.approx(0.263, abs=tolerance)
    assert h2.std() == pytest.approx(0.090, rel=0.12)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "gwas.bed").exists(), reason="../shared/reference is absent")
def test_1496_people_have_the_reference_heritability() -> None:
    fam = pd.read_csv(SHARED / "gwas.fam", sep=r"\s+", header=None, dtype={1: str})
    covar = np.loadtxt(SHARED / "gwas_covar.txt")
    data = pd.DataFrame({"id": fam[1], "y": fam[5], "age": covar[:, 1], "sex": covar[:, 2]})

    fit = po.fit(
        "y ~ age + sex + (1 | kin(id, K))",
        data,
        relations={"K": po.genomic_relationship(SHARED / "gwas", "centered")},
        priors=PRIORS,
        seed=1,
        progress=False,
    )

    h2 = heritability_draws(fit.result, "id")[SCALE]
    assert h2.mean() == pytest.approx(0.4942, abs=0.05 * 0.0396 + 4 * mcse(h2))
    assert h2.std() == pytest.approx(0.0396, rel=0.06)


# --- What must not change the posterior ---


def log_likelihood(data: pd.DataFrame, formula: str, **relations: object) -> np.ndarray:
    """The log marginal likelihood of a model at some variances."""
    model = po.model(formula, data, relations=relations, priors=PRIORS)
    sd, sigma = np.array([0.0, 0.3, 1.0, 2.0]), np.array([1.0, 0.7, 0.9, 0.2])
    at = Covariances((sd[None, None],), sigma[None] ** -2.0)
    return prepare(model.spec, model.design).likelihood.value(at)


KIN, PLAIN = "y ~ sex + (1 | kin(id, K))", "y ~ sex + (1 | id)"


def test_permuting_k_changes_nothing(pedigree: po.Pedigree, single: pd.DataFrame) -> None:
    K = labelled(pedigree)
    order = np.random.default_rng(3).permutation(len(K))
    columns = np.random.default_rng(4).permutation(len(K))

    permuted = log_likelihood(single, KIN, K=K.iloc[order, columns])

    np.testing.assert_allclose(permuted, log_likelihood(single, KIN, K=K), rtol=1e-10)
    np.testing.assert_allclose(permuted, log_likelihood(single, KIN, K=pedigree), rtol=1e-10)


def test_negative_cholesky_entries_are_not_dropped(single: pd.DataFrame) -> None:
    # brms#1939: entries of the Cholesky factor that are negative were taken for zeros.
    data = single.head(40)
    genotypes = np.random.default_rng(5).normal(size=(40, 60))
    K = genotypes @ genotypes.T / 60
    assert (np.linalg.cholesky(K) < 0).sum() > 300
    X = np.column_stack([np.ones(40), data["sex"]])

    found = log_likelihood(data, KIN, K=(K, data["id"].tolist()))

    contrasts = linalg.null_space(X.T)  # restricted likelihood: b has a flat prior
    dense = [
        stats.multivariate_normal(
            np.zeros(38), contrasts.T @ (sd**2 * K + sigma**2 * np.eye(40)) @ contrasts
        ).logpdf(contrasts.T @ data["y"])
        for sd, sigma in ((0.0, 1.0), (0.3, 0.7), (1.0, 0.9), (2.0, 0.2))
    ]
    constant = 0.5 * np.linalg.slogdet(X.T @ X)[1]
    np.testing.assert_allclose(found + constant, dense, rtol=1e-9)


@pytest.mark.parametrize("form", ["covariance", "precision"])
def test_identity_is_the_plain_random_intercept(form: str, single: pd.DataFrame) -> None:
    data = single.assign(id=[f"g{i % 60}" for i in range(len(single))])
    ids = sorted(set(data["id"]))
    forms = {
        "covariance": (np.eye(60), ids),
        "precision": po.precision(sparse.eye(60, format="csc"), ids),
    }

    found = log_likelihood(data, KIN, K=forms[form])

    np.testing.assert_allclose(found, log_likelihood(data, PLAIN), rtol=1e-10)


# --- Files and errors ---


def test_a_saved_fit_keeps_every_field_of_its_relation(
    animal_model: po.Fit, tmp_path: Path
) -> None:
    animal_model.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    before, after = (f.result.design.main.groups[0] for f in (animal_model, loaded))
    assert (after.relation_name, after.levels) == ("ped", before.levels)
    for field in fields(Relation):
        old, new = getattr(before.relation, field.name), getattr(after.relation, field.name)
        if sparse.issparse(old):
            assert abs(old - new).max() == 0
        else:
            np.testing.assert_array_equal(new, old)
    assert repr(loaded.heritability("id")) == repr(animal_model.heritability("id"))


def test_a_loaded_fit_predicts_a_new_relative(
    animal_model: po.Fit, pedigree: po.Pedigree, tmp_path: Path
) -> None:
    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    sire, dam = rows["sire"].dropna().iloc[0], rows["dam"].dropna().iloc[0]
    calf = pd.DataFrame({"id": ["calf"], "sire": [sire], "dam": [dam]})
    grown = po.Pedigree.from_frame(pd.concat([rows, calf]), id="id", sire="sire", dam="dam")
    animal_model.save(tmp_path / "fit.nc")
    new = pd.DataFrame({"id": ["calf", sire], "sex": [0.0, 0.0]})

    found = po.load(tmp_path / "fit.nc").predict(new, relations={"ped": grown}, seed=2)

    draws = animal_model.posterior
    r = draws["r_id"].sel(id=[sire, dam], id_effect="Intercept").values
    mendelian = found.values[..., 0] - draws["b"].values[..., 0] - r.mean(axis=-1)
    standardized = mendelian / (draws["sd_id"].values[..., 0] * np.sqrt(0.5))
    # 4,000 independent standard normals: half of A between parents that are not inbred.
    assert standardized.std() == pytest.approx(1.0, abs=4 / np.sqrt(8000))
    assert standardized.mean() == pytest.approx(0.0, abs=4 / np.sqrt(4000))


def test_ids_that_k_lacks_are_listed(pedigree: po.Pedigree, single: pd.DataFrame) -> None:
    K = labelled(pedigree).drop(index=["A001", "A007"], columns=["A001", "A007"])

    with pytest.raises(
        RelationError, match="`id` has levels that the relation `K` does not know"
    ) as e:
        po.model(KIN, single, relations={"K": K})

    assert "A001, A007" in str(e.value)


def test_an_indefinite_k_offers_the_nearest_that_is_not(single: pd.DataFrame) -> None:
    ids = single["id"].tolist()
    K = np.eye(len(ids))
    K[0, 1] = K[1, 0] = 1.5

    with pytest.raises(RelationError, match=r"nearest_psd=True"):
        po.model(KIN, single, relations={"K": (K, ids)})

    model = po.model(KIN, single, relations={"K": po.as_relation((K, ids), nearest_psd=True)})
    relation = model.design.main.groups[0].relation
    assert relation is not None and np.linalg.eigvalsh(relation.covariance)[0] > -1e-12


def test_a_relation_that_is_not_given_is_an_error(single: pd.DataFrame) -> None:
    with pytest.raises(UnknownNameError, match="names a relation `K` that was not given"):
        po.model(KIN, single)
