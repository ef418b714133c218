"""GEMMA 0.98.5 and the genotypes it was run on: `../shared/reference/genetics` (README there)."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import linalg, optimize

from poolish.errors import RelationError, UnknownNameError
from poolish.relations import genomic, genomic_relationship

REFERENCE = Path(__file__).parents[1] / "reference" / "genetics"
SHARED = Path(__file__).parents[3] / "shared" / "reference" / "genetics"
IDS = [f"p{i}" for i in range(30)]
needs_gwas = pytest.mark.skipif(
    not (SHARED / "gwas.bed").exists(), reason="../shared/reference/genetics is absent"
)


@pytest.fixture
def genotypes() -> np.ndarray:
    rng = np.random.default_rng(4)
    counts = rng.binomial(2, rng.uniform(0.05, 0.5, 2300), size=(30, 2300)).astype(float)
    counts[rng.random(counts.shape) < 0.05] = np.nan
    counts[0] = np.arange(2300) % 2
    counts[1] = 2.0
    counts[:, 7] = 1.0
    return counts


def dense_formula(genotypes: np.ndarray, method: str) -> np.ndarray:
    """One variant at a time, as the papers write it."""
    total, divisor = np.zeros((len(genotypes),) * 2), 0.0
    for x in genotypes.T:
        mean = np.nanmean(x)
        x = np.where(np.isnan(x), mean, x)
        if np.ptp(x) == 0:
            continue
        z = x - mean
        if method == "standardized":
            z = z / np.std(x)
        total += np.outer(z, z)
        divisor += 2 * (mean / 2) * (1 - mean / 2) if method == "vanraden" else 1.0
    return total / divisor


@pytest.mark.parametrize("method", ["vanraden", "standardized", "centered"])
def test_the_blocks_add_up_to_the_formula(genotypes: np.ndarray, method: str) -> None:
    relation = genomic_relationship(genotypes, method, ids=IDS)

    np.testing.assert_allclose(
        relation.covariance, dense_formula(genotypes, method), rtol=0, atol=1e-12
    )


def test_memory_is_that_of_one_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genomic, "_BLOCK_GENOTYPES", 20_000)
    rng = np.random.default_rng(1)
    genotypes = rng.integers(-1, 3, (1200, 400)).astype(np.int8)

    tracemalloc.start()
    relation = genomic_relationship(genotypes, ids=range(1200))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1.6 * relation.covariance.nbytes
    x = np.where(genotypes < 0, np.nan, genotypes)
    p = np.nanmean(x, axis=0) / 2
    centred = np.where(genotypes < 0, 0.0, genotypes - 2 * p)
    expected = centred @ centred.T / np.sum(2 * p * (1 - p))
    np.testing.assert_allclose(relation.covariance, expected, atol=1e-12)


def test_scaling_and_variants_are_stored(genotypes: np.ndarray) -> None:
    relation = genomic_relationship(genotypes, ids=IDS)

    assert relation.n_variants == 2299
    assert relation.notes == ("1 variants do not vary, left out",)
    assert relation.scaling.startswith("VanRaden (2008) method 1")
    assert f"mean diagonal {np.diagonal(relation.covariance).mean():.6g}" in relation.scaling


def test_minus_one_is_missing(genotypes: np.ndarray) -> None:
    coded = np.where(np.isnan(genotypes), -1, genotypes).astype(np.int8)

    relation = genomic_relationship(coded, ids=IDS)

    expected = genomic_relationship(genotypes, ids=IDS).covariance
    np.testing.assert_array_equal(relation.covariance, expected)


def test_the_counted_allele_does_not_matter(genotypes: np.ndarray) -> None:
    flipped = genotypes.copy()
    flipped[:, ::2] = 2 - flipped[:, ::2]

    np.testing.assert_allclose(
        genomic_relationship(flipped, ids=IDS).covariance,
        genomic_relationship(genotypes, ids=IDS).covariance,
        atol=1e-12,
    )


def test_a_vcf_zarr_dataset_is_read(genotypes: np.ndarray) -> None:
    first = np.where(genotypes >= 1, 1, 0)
    second = np.where(genotypes == 2, 1, 0)
    calls = np.where(np.isnan(genotypes), -1, np.stack([first, second])).transpose(2, 1, 0)
    dataset = xr.Dataset(
        {
            "call_genotype": (("variants", "samples", "ploidy"), calls.astype(np.int8)),
            "sample_id": ("samples", IDS),
        }
    )

    relation = genomic_relationship(dataset)

    expected = genomic_relationship(genotypes, ids=IDS)
    assert relation.labels == expected.labels
    np.testing.assert_array_equal(relation.covariance, expected.covariance)


def test_one_missing_allele_makes_the_genotype_missing() -> None:
    calls = np.array([[[0, 1], [1, -1], [1, 1], [0, 0]]], dtype=np.int8)
    dataset = xr.Dataset({"call_genotype": (("variants", "samples", "ploidy"), calls)})

    relation = genomic_relationship(dataset, "centered", ids=list("abcd"))

    np.testing.assert_allclose(np.diagonal(relation.covariance), [0, 0, 1, 1])


def test_dosages_of_a_dataset_are_read(genotypes: np.ndarray) -> None:
    dataset = xr.Dataset(
        {"call_dosage": (("variants", "samples"), genotypes.T), "sample_id": ("samples", IDS)}
    )

    np.testing.assert_array_equal(
        genomic_relationship(dataset).covariance,
        genomic_relationship(genotypes, ids=IDS).covariance,
    )


def plink_genotypes() -> tuple[np.ndarray, list[str]]:
    """PLINK 1 format by hand: two bits a genotype, 00 two copies of A1, 10 one, 11 none."""
    fam = pd.read_csv(SHARED / "gwas.fam", sep=r"\s+", header=None, dtype={1: str})
    raw = np.fromfile(SHARED / "gwas.bed", dtype=np.uint8)
    assert raw[:3].tolist() == [0x6C, 0x1B, 0x01]
    packed = raw[3:].reshape(-1, -(-len(fam) // 4))
    codes = (packed[:, :, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & 3
    copies = np.array([2.0, np.nan, 1.0, 0.0])[codes.reshape(len(packed), -1)[:, : len(fam)]]
    return copies.T, fam[1].tolist()


@needs_gwas
@pytest.mark.slow
@pytest.mark.parametrize("method", ["vanraden", "standardized", "centered"])
def test_plink_files_agree_with_the_formula_on_1496_people(method: str) -> None:
    genotypes, ids = plink_genotypes()
    filled = np.where(np.isnan(genotypes), np.nanmean(genotypes, axis=0), genotypes)
    z = filled - filled.mean(axis=0)
    p = filled.mean(axis=0) / 2
    expected = {
        "vanraden": lambda: z @ z.T / (2 * p * (1 - p)).sum(),
        "standardized": lambda: (z / z.std(axis=0)) @ (z / z.std(axis=0)).T / z.shape[1],
        "centered": lambda: z @ z.T / z.shape[1],
    }[method]()

    relation = genomic_relationship(SHARED / "gwas", method)

    assert relation.labels == tuple(ids)
    assert relation.n_variants == 12_000
    np.testing.assert_allclose(relation.covariance, expected, rtol=0, atol=1e-8)


@needs_gwas
@pytest.mark.slow
@pytest.mark.parametrize("run, method", [("lmm_gk1", "centered"), ("lmm_gk2", "standardized")])
def test_reml_on_our_matrix_gives_the_numbers_that_gemma_printed(run: str, method: str) -> None:
    fam = pd.read_csv(SHARED / "gwas.fam", sep=r"\s+", header=None, dtype={1: str})
    y = fam[5].to_numpy()
    X = np.loadtxt(SHARED / "gwas_covar.txt")
    gemma = pd.read_csv(REFERENCE / "gemma_null.csv", index_col="run").loc[run]

    K = genomic_relationship(SHARED / "gwas", method).covariance

    values, vectors = linalg.eigh(K, driver="evd")
    y, X = vectors.T @ y, vectors.T @ X

    def reml(log_ratio: float) -> tuple[float, float]:
        """Profiled restricted log-likelihood and residual variance at vg / ve."""
        w = 1 / (np.exp(log_ratio) * values + 1)
        XwX = (X.T * w) @ X
        beta = np.linalg.solve(XwX, (X.T * w) @ y)
        nu = len(y) - X.shape[1]
        ve = (w * (y - X @ beta) ** 2).sum() / nu
        value = nu * np.log(2 * np.pi * ve) + nu - np.log(w).sum() + np.linalg.slogdet(XwX)[1]
        return -0.5 * (value - np.linalg.slogdet(X.T @ X)[1]), ve

    found = optimize.minimize_scalar(
        lambda t: -reml(t)[0], bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}
    )
    log_likelihood, ve = reml(found.x)
    # GEMMA prints six digits and stops its own search at 1e-5.
    assert ve == pytest.approx(gemma["ve"], rel=2e-5)
    assert ve * np.exp(found.x) == pytest.approx(gemma["vg"], rel=2e-5)
    assert log_likelihood == pytest.approx(gemma["reml"], abs=6e-3)


@needs_gwas
def test_a_path_with_or_without_the_ending_is_the_same_file() -> None:
    from poolish.relations.genotypes import open_genotypes

    labels = open_genotypes(str(SHARED / "gwas.bed"), None).labels

    assert labels == open_genotypes(str(SHARED / "gwas"), None).labels


@pytest.mark.parametrize(
    "source, ids, message",
    [
        (np.ones((3, 2)), None, "the genotypes have no sample ids"),
        (np.ones((3, 2)), ["a", "b"], r"an array of shape \(3, 2\) and 2 ids"),
        (np.array([[0, 3], [1, 1]]), ["a", "b"], "values from 0 to 3"),
        (np.ones((2, 2)), ["a", "b"], "2 variants, all constant or missing"),
        (np.eye(2), ["a", "a"], "duplicate labels"),
        (xr.Dataset({"x": ("i", [1])}), None, "variables x"),
        (xr.Dataset({"call_dosage": (("variants", "samples"), np.eye(2))}), None, "`sample_id`"),
        ("nowhere/file", None, "there is no file `nowhere/file.bed`"),
    ],
)
def test_genotypes_that_cannot_be_used_are_refused(
    source: object, ids: list[str] | None, message: str
) -> None:
    with pytest.raises(RelationError, match=message):
        genomic_relationship(source, ids=ids)


def test_an_unknown_method_is_refused(genotypes: np.ndarray) -> None:
    with pytest.raises(UnknownNameError, match="there is no genomic relationship `yang`"):
        genomic_relationship(genotypes, "yang", ids=IDS)
