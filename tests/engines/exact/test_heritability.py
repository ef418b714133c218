"""Heritability of pedigrees and genomes against the answers in `tests/reference/genetics`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import linalg

from poolish.design import build_design
from poolish.engines.exact.dense import build_dense
from poolish.engines.exact.metropolis import Chains
from poolish.engines.exact.parameters import build_parameters
from poolish.engines.exact.precision import build_precision
from poolish.engines.exact.prepare import prior_population
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.sampler import first_proposal, sample
from poolish.engines.exact.spectral import build_spectral
from poolish.engines.exact.structure import build_structure
from poolish.engines.exact.target import Target
from poolish.engines.protocol import Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.relations import Pedigree, as_relation, genomic_relationship
from poolish.spec.build import build_spec

REFERENCE = Path(__file__).parents[2] / "reference" / "genetics"
SHARED = Path(__file__).parents[4] / "shared" / "reference" / "genetics"
PRIORS = {"b": "flat()", "Intercept": "flat()", "sd": "half_student_t(3, 0, 1)"}
PRIORS["sigma"] = PRIORS["sd"]


def pedigree() -> Pedigree:
    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    return Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


def fit(formula, data, relation, *, draws=1000, build=build_structure):
    design, _ = build_design(parse(formula), read_table(data), {"K": relation})
    spec = build_spec(parse(formula), design, priors=PRIORS)
    residual = build_residual(design)
    likelihood = build(design.main, residual, prior_population(spec, design, residual))
    target = Target(likelihood, build_parameters(spec, residual))
    start = target.parameters.start([np.ones(g.n_effects) for g in design.main.groups], 1.0)
    first = first_proposal(target, np.asarray(start))
    return likelihood, target, sample(target, first, Plan(draws=draws, seed=1))


def natural(target: Target, chains: Chains) -> tuple[np.ndarray, np.ndarray]:
    """Variances by group, shape (group, draw), and of the residual."""
    theta = np.concatenate(chains.theta)
    found, _ = target.parameters.natural(theta.T)
    return np.array([sd[0] ** 2 for sd in found.sds]), found.residual[0] ** 2


def mcse(x: np.ndarray, n_chains: int = 4) -> float:
    from arviz_stats.base import array_stats

    return float(array_stats.mcse(x.reshape(n_chains, -1), method="mean"))


@pytest.mark.parametrize("build", [build_precision, build_spectral])
def test_one_record_each_has_the_reference_heritability(build: Callable) -> None:
    data = pd.read_csv(REFERENCE / "ped_single.csv")
    reference = pd.read_csv(REFERENCE / "ped_single_methods.csv").iloc[0]

    _, target, sampled = fit(
        "y ~ 1 + sex + (1 | kin(id, K))", data, as_relation(pedigree()), draws=500, build=build
    )

    variances, residual = natural(target, sampled.chains)
    h2 = variances[0] / (variances[0] + residual)
    # The reference is a mean of 4,000 independent draws.
    tolerance = 4 * np.hypot(mcse(h2), reference["h2_sd"] / np.sqrt(4000))
    assert h2.mean() == pytest.approx(reference["h2"], abs=tolerance)
    assert h2.std() == pytest.approx(reference["h2_sd"], rel=0.06)
    b = np.concatenate(sampled.chains.joint.b)
    assert b[:, 1].mean() == pytest.approx(reference["b_sex"], abs=5 * mcse(b[:, 1]))


@pytest.mark.parametrize("build", [build_precision, build_dense])
def test_repeated_records_have_the_reference_heritability(build: Callable) -> None:
    data = pd.read_csv(REFERENCE / "ped_repeated.csv")
    formula = "y ~ 1 + sex + (1 | kin(id, K)) + (1 | id)"

    _, target, sampled = fit(formula, data, as_relation(pedigree()), draws=250, build=build)

    variances, residual = natural(target, sampled.chains)
    h2 = variances[0] / (variances.sum(axis=0) + residual)
    # 0.263 +- 0.090 from 2,000 draws of brms; three digits are known.
    tolerance = 4 * np.hypot(mcse(h2), 0.090 / np.sqrt(2000)) + 0.0005
    assert h2.mean() == pytest.approx(0.263, abs=tolerance)
    assert h2.std() == pytest.approx(0.090, rel=0.12)


def test_breeding_values_have_the_moments_of_the_mixed_model_equations() -> None:
    data = pd.read_csv(REFERENCE / "ped_single.csv")
    ped = pedigree()

    _, target, sampled = fit("y ~ 1 + sex + (1 | kin(id, K))", data, as_relation(ped))

    # Rao-Blackwell: the mean over theta of the conditional means, by plain matrix algebra.
    ids = data["id"].tolist()
    A = ped.relationship().sel(individual=list(ped.labels), individual_bis=ids).to_numpy()
    A_oo = ped.relationship().sel(individual=ids, individual_bis=ids).to_numpy()
    X = np.column_stack([np.ones(len(data)), data["sex"]])
    variances, residual = natural(target, sampled.chains)
    means = []
    for va, ve in zip(variances[0, ::4], residual[::4], strict=True):
        factor = linalg.cho_factor(va * A_oo + ve * np.eye(len(data)))
        b = np.linalg.solve(
            X.T @ linalg.cho_solve(factor, X), X.T @ linalg.cho_solve(factor, data["y"])
        )
        means.append(va * A @ linalg.cho_solve(factor, data["y"] - X @ b))
    u = np.concatenate(sampled.chains.joint.effects[0][..., 0])
    # Both are Monte Carlo, of 4,000 nearly independent draws and of 1,000; there are 300 animals.
    error = np.sqrt(u.var(axis=0) / len(u) + np.var(means, axis=0) / len(means))
    assert (np.abs(u.mean(axis=0) - np.mean(means, axis=0)) < 4.5 * error).all()
    assert error.max() < 0.04 * u.std(axis=0).min()


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "gwas.bed").exists(), reason="../shared/reference is absent")
def test_1496_people_have_the_reference_heritability() -> None:
    relation = genomic_relationship(SHARED / "gwas", "centered")
    fam = pd.read_csv(SHARED / "gwas.fam", sep=r"\s+", header=None, dtype={1: str})
    covar = np.loadtxt(SHARED / "gwas_covar.txt")
    data = pd.DataFrame({"id": fam[1], "y": fam[5], "age": covar[:, 1], "sex": covar[:, 2]})

    _, target, sampled = fit("y ~ 1 + age + sex + (1 | kin(id, K))", data, relation)

    variances, residual = natural(target, sampled.chains)
    mean_diagonal = relation.variances.mean()
    h2 = variances[0] * mean_diagonal / (variances[0] * mean_diagonal + residual)
    assert h2.mean() == pytest.approx(0.4942, abs=0.05 * 0.0396 + 4 * mcse(h2))
    assert h2.std() == pytest.approx(0.0396, rel=0.06)
