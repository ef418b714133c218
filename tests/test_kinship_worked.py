"""Blue tits and dairy cows: whole analyses, as in `docs/kinship.md`, held to sums over a grid.

The data are those of the R packages MCMCglmm and pedigreemm (`../shared/external`, README there).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import sparse, stats
from scipy.sparse.linalg import splu

import poolish as po
from poolish.summaries.heritability import heritability_draws

REFERENCE = Path(__file__).parent / "reference" / "genetics"
EXTERNAL = Path(__file__).parents[2] / "shared" / "external"
H2 = ("h2", "response", "mean diagonal")
SD_PRIOR = stats.t(3, scale=2.5)  # the default, half of it, of every standard deviation here

pytestmark = pytest.mark.skipif(
    not (EXTERNAL / "BTdata.csv").exists(), reason="../shared/external is absent"
)


# --- The other computation ---


def inverse_relationship(ped: pd.DataFrame) -> tuple[list[str], sparse.csc_matrix, float, float]:
    """Ids, A^-1, log|A| and mean diagonal of A, by the tabular rule and Henderson's rules.

    The rows of these two pedigrees come parents first.
    """
    ids = ped["id"].tolist()
    at = {label: i for i, label in enumerate(ids)}
    parents = [[at[p] for p in row if p == p] for row in ped[["sire", "dam"]].to_numpy()]
    A, d = np.zeros((len(ids),) * 2), np.zeros(len(ids))
    entries = []
    for i, known in enumerate(parents):
        A[i, :i] = A[:i, i] = 0.5 * sum((A[p, :i] for p in known), np.zeros(i))
        A[i, i] = 1.0 + (0.5 * A[known[0], known[1]] if len(known) == 2 else 0.0)
        d[i] = 1.0 - 0.25 * sum(A[p, p] for p in known)
        own = [(i, 1.0), *((p, -0.5) for p in known)]
        entries += [(r, c, a * b / d[i]) for r, a in own for c, b in own]
    rows, columns, values = map(np.array, zip(*entries, strict=True))
    inverse = sparse.csc_matrix((values, (rows, columns)), A.shape)
    return ids, inverse, float(np.log(d).sum()), float(np.diagonal(A).mean())


@dataclass(frozen=True)
class Grid:
    """Posterior means by a grid, and the sd of h2."""

    h2: float
    h2_sd: float
    other: float
    b: np.ndarray
    u: pd.Series


def grid_posterior(
    y: np.ndarray,
    X: np.ndarray,
    animal: pd.Series,
    other: pd.Series,
    ped: pd.DataFrame,
    shares: tuple[np.ndarray, np.ndarray],
) -> Grid:
    """Sum over the sds (sd_animal, sd_other, sigma) = s (x, w, z) with x^2 + w^2 + z^2 = 1.

    Given x and w, Henderson's mixed model equations have the restricted likelihood of s, whose
    sum is one-dimensional: b is under a flat prior, which the default is next to here.
    """
    ids, A_inverse, log_A, diagonal = inverse_relationship(ped)
    levels = sorted(set(other))
    n, p, q, m = len(y), X.shape[1], len(ids), len(levels)
    at_animal, at_other = (pd.Index(k).get_indexer(v) for k, v in ((ids, animal), (levels, other)))
    row = np.arange(n)
    Z = sparse.csc_matrix((np.ones(n), (row, at_animal)), (n, q))
    H = sparse.csc_matrix((np.ones(n), (row, at_other)), (n, m))
    W = sparse.hstack([sparse.csc_matrix(X), Z, H]).tocsc()
    WW, Wy, yy = (W.T @ W).tocsc(), W.T @ y, float(y @ y)
    weights, values = [], []
    for x in shares[0]:
        for w in shares[1]:
            z2 = 1.0 - x**2 - w**2
            if x == 0 or w == 0 or z2 <= 0:
                continue
            G_inverse = sparse.block_diag(
                [sparse.csc_matrix((p, p)), A_inverse / x**2, sparse.eye(m) / w**2]
            )
            factor = splu((WW / z2 + G_inverse).tocsc(), permc_spec="MMD_AT_PLUS_A")
            solution = factor.solve(Wy / z2)
            rss = (yy - Wy @ solution) / z2
            log_C = float(np.log(np.abs(factor.U.diagonal())).sum())
            log_G = log_A + 2 * q * np.log(x) + 2 * m * np.log(w)
            s = np.sqrt(rss / (n - p)) * (1 + np.linspace(-7, 7, 41) / np.sqrt(2 * (n - p)))
            of_s = -(n - p - 2) * np.log(s) - rss / (2 * s**2)
            of_s += sum(SD_PRIOR.logpdf(s * part) for part in (x, w, np.sqrt(z2)))
            weights.append(
                np.logaddexp.reduce(of_s + np.log(s[1] - s[0]))
                - 0.5 * (log_C + log_G + n * np.log(z2) + np.log(z2))
            )
            total = x**2 * diagonal + w**2 + z2
            values.append([x**2 * diagonal / total, w**2 / total, *solution[: p + q]])
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(values)
    h2 = np.array(values)[:, 0]
    return Grid(
        float(mean[0]),
        float(np.sqrt(share @ (h2 - mean[0]) ** 2)),
        float(mean[1]),
        mean[2 : 2 + p],
        pd.Series(mean[2 + p :], ids),
    )


def assert_agree(fit: po.Fit, group: str, other: str, grid: Grid) -> None:
    """The fit's shares, coefficients and breeding values are those of the grid."""
    h2 = heritability_draws(fit.result, group)[H2]
    draws = fit.posterior
    other_share = draws[f"sd_{other}"].values[..., 0] ** 2
    additive = draws[f"sd_{group}"].values[..., 0] ** 2
    other_share = other_share / (other_share + additive + draws["sigma"].values ** 2)
    b = draws["b"].values
    assert fit.result.record.engine == "exact"
    # Beside Monte Carlo error: a step of the grid, and coefficients with a wide prior, not flat.
    for found, expected in ((h2, grid.h2), (other_share, grid.other)):
        assert found.mean() == pytest.approx(expected, abs=4 * mcse(found) + 0.01 * found.std())
    assert h2.std() == pytest.approx(grid.h2_sd, rel=0.08)
    for k in range(b.shape[-1]):
        tolerance = 4 * mcse(b[..., k]) + 0.02 * b[..., k].std()
        assert b[..., k].mean() == pytest.approx(grid.b[k], abs=tolerance)
    values = fit.breeding_values(group).to_df().set_index("level")
    gap = (values["mean"] - grid.u[values.index]).abs() / values["sd"]
    assert len(values) == len(grid.u) and gap.max() < 0.1


def mcse(draws: np.ndarray) -> float:
    return float(array_stats.mcse(draws, method="mean"))


# --- Blue tits ---


def blue_tits() -> tuple[pd.DataFrame, pd.DataFrame]:
    data = pd.read_csv(EXTERNAL / "BTdata.csv")
    ped = pd.read_csv(EXTERNAL / "BTped.csv").rename(columns={"animal": "id"})
    return data, ped


@pytest.fixture(scope="module")
def fit_trait() -> Callable[[str], po.Fit]:
    data, ped = blue_tits()
    pedigree = po.Pedigree.from_frame(ped, id="id", sire="sire", dam="dam")
    return lambda trait: po.fit(
        f"{trait} ~ sex + (1 | kin(animal, ped)) + (1 | fosternest)",
        data,
        relations={"ped": pedigree},
        seed=1,
        progress=False,
    )


SHARES = {
    "tarsus": (np.arange(0.45, 0.96, 0.025), np.arange(0.0125, 0.55, 0.025)),
    "back": (np.arange(0.015, 0.8, 0.03), np.arange(0.05, 0.6, 0.03)),
}


@pytest.mark.slow
@pytest.mark.parametrize("trait", SHARES)
def test_blue_tits_are_those_of_a_grid(fit_trait: Callable[[str], po.Fit], trait: str) -> None:
    data, ped = blue_tits()
    X = np.column_stack([np.ones(len(data)), data["sex"] == "Male", data["sex"] == "UNK"])
    grid = grid_posterior(
        data[trait].to_numpy(),
        X.astype(float),
        data["animal"],
        data["fosternest"],
        ped,
        SHARES[trait],
    )

    fit = fit_trait(trait)

    assert_agree(fit, "animal", "fosternest", grid)


# --- Dairy cows ---


@pytest.mark.slow
def test_dairy_cows_are_those_of_a_grid() -> None:
    data, ped = pd.read_csv(EXTERNAL / "milk.csv"), pd.read_csv(EXTERNAL / "milk_pedCows.csv")
    data["yield_sd"] = data["milk"] / data["milk"].std()
    pedigree = po.Pedigree.from_frame(ped, id="id", sire="sire", dam="dam")
    grid = grid_posterior(
        data["yield_sd"].to_numpy(),
        np.column_stack([np.ones(len(data)), data["lact"], np.log(data["dim"])]),
        data["id"],
        data["herd"],
        ped,
        (np.arange(0.48, 0.65, 0.02), np.arange(0.29, 0.66, 0.045)),
    )

    fit = po.fit(
        "yield_sd ~ lact + log(dim) + (1 | kin(id, ped)) + (1 | herd)",
        data,
        relations={"ped": pedigree},
        seed=1,
        progress=False,
    )

    grid = Grid(grid.h2, grid.h2_sd, grid.other, grid.b, grid.u.rename(index=str))
    assert_agree(fit, "id", "herd", grid)


def test_the_permanent_environment_of_dairy_cows_is_that_of_reml_in_r() -> None:
    milk, ped = pd.read_csv(EXTERNAL / "milk.csv"), pd.read_csv(EXTERNAL / "milk_pedCows.csv")
    milk["yield_sd"] = milk["milk"] / milk["milk"].std()
    expected = pd.read_csv(REFERENCE / "milk_reml.csv", index_col="quantity")["value"]

    found = po.mle(
        "yield_sd ~ lact + log(dim) + (1 | kin(id, ped)) + (1 | id) + (1 | herd)",
        milk,
        relations={"ped": po.Pedigree.from_frame(ped, id="id", sire="sire", dam="dam")},
    )

    sds = [*(float(found.group(name).sd[0]) for name in ("id.ped", "id", "herd")), found.sigma]
    variances = expected[["animal", "cow", "herd", "residual"]]
    # Two optimisers stop where the criterion is flat to its last digits: 1e-4 of a variance.
    np.testing.assert_allclose(np.square(sds), variances, rtol=1e-4)
    np.testing.assert_allclose(found.b, expected[["intercept", "lact", "log_dim"]], rtol=1e-5)
    (h2,) = found.heritabilities
    assert h2.estimate == pytest.approx(expected["h2"], rel=1e-4)
    assert found.deviance == pytest.approx(expected["deviance"], abs=1e-4)
