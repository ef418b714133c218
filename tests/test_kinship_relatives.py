"""Units without records after a fit by NUTS, within K or in an extended one, also from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import stats

import poolish as po
from poolish.errors import DataError, RelationError

N = 60
IDS = [f"a{i:02d}" for i in range(N)]
RECORDED, SILENT = IDS[:45], IDS[45:]
NEW = ["calf", "grandcalf", "stranger"]

pytestmark = pytest.mark.slow


def family_tree() -> pd.DataFrame:
    """Sixty animals, the first twelve founders, then one's calf, its calf, and a stranger."""
    rng = np.random.default_rng(1)
    before = np.arange(12, N) // 2
    sire, dam = rng.integers(0, before), rng.integers(0, before)
    rows = [(label, "", "") for label in IDS[:12]]
    rows += [
        (own, IDS[2 * s], IDS[2 * d + 1]) for own, s, d in zip(IDS[12:], sire, dam, strict=True)
    ]
    rows += [("calf", IDS[50], IDS[51]), ("grandcalf", IDS[20], "calf"), ("stranger", "", "")]
    return pd.DataFrame(rows, columns=["id", "sire", "dam"])


def pedigree(rows: pd.DataFrame) -> po.Pedigree:
    return po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


def labelled(ped: po.Pedigree) -> pd.DataFrame:
    return pd.DataFrame(ped.relationship().to_numpy(), list(ped.labels), list(ped.labels))


TREE = family_tree()
A = labelled(pedigree(TREE))
FORMS = {
    "pedigree": (pedigree(TREE.iloc[:N]), pedigree(TREE)),
    "covariance": (A.loc[IDS, IDS], A.sample(frac=1, random_state=2)[A.columns]),
}


@pytest.fixture(scope="module", params=FORMS)
def fit(request: pytest.FixtureRequest) -> tuple[po.Fit, object]:
    """Cases and healthy animals, three records of each of 45, and K extended."""
    rng = np.random.default_rng(3)
    u = np.linalg.cholesky(A.loc[IDS, IDS]) @ rng.normal(size=N)
    rows = np.repeat(np.arange(45), 3)
    data = pd.DataFrame({"id": [IDS[i] for i in rows], "x": rng.normal(size=len(rows))})
    data["y"] = rng.binomial(1, stats.norm.cdf(0.3 + 0.5 * data["x"] + u[rows]))
    fitted, extended = FORMS[request.param]
    found = po.fit(
        "y ~ x + (1 | kin(id, K))",
        data,
        family=po.family("bernoulli", link="probit"),
        relations={"K": fitted},
        seed=4,
        draws=500,
        progress=False,
    )
    return found, extended


def assert_conditional(
    values: np.ndarray, r: np.ndarray, sd: np.ndarray, labels: list[str]
) -> None:
    """The effects of `labels` are normal given those with records, by plain matrix algebra."""
    B = A.loc[labels, RECORDED].to_numpy() @ np.linalg.inv(A.loc[RECORDED, RECORDED])
    C = A.loc[labels, labels].to_numpy() - B @ A.loc[RECORDED, labels].to_numpy()
    white = (values - r @ B.T) / sd[..., None]
    for i in range(len(labels)):
        assert abs(white[..., i].mean()) < 4.5 * mcse(white[..., i])
        for j in range(i + 1):
            product = white[..., i] * white[..., j]
            assert abs(product.mean() - C[i, j]) < 4.5 * mcse(product)


def mcse(draws: np.ndarray) -> float:
    return float(array_stats.mcse(draws, method="mean"))


def effects(fit: po.Fit, labels: list[str]) -> np.ndarray:
    return fit.posterior["r_id"].sel(id=labels).values[..., 0]


def test_ids_without_records_follow_from_those_with(fit: tuple[po.Fit, object]) -> None:
    found, _ = fit
    sd = found.posterior["sd_id"].values[..., 0]

    assert found.result.record.engine == "nuts"
    assert_conditional(effects(found, SILENT), effects(found, RECORDED), sd, SILENT)


def test_breeding_values_of_all_ids_are_moments_of_their_effects(
    fit: tuple[po.Fit, object],
) -> None:
    found, _ = fit

    table = found.breeding_values("id").to_df().set_index("level")

    draws = effects(found, IDS).reshape(-1, N)
    table = table.loc[IDS]
    np.testing.assert_allclose(table["mean"], draws.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(table["sd"], draws.std(axis=0, ddof=1), rtol=1e-9)
    prior = np.square(found.posterior["sd_id"].values).mean() * np.diag(A.loc[IDS, IDS])
    reliability = np.maximum(1 - draws.var(axis=0, ddof=1) / prior, 0)
    np.testing.assert_allclose(table["reliability"], reliability, rtol=1e-9)
    assert table["n"].tolist() == [3] * 45 + [0] * 15
    assert table["reliability"][SILENT].mean() < table["reliability"][RECORDED].mean()


def test_new_relatives_follow_from_the_fitted(fit: tuple[po.Fit, object]) -> None:
    found, extended = fit
    new = pd.DataFrame({"id": NEW, "x": 0.0})

    eta = found.predict(new, kind="linear", relations={"K": extended}, seed=5)
    mean = found.predict(new, kind="mean", relations={"K": extended}, seed=5)

    sd = found.posterior["sd_id"].values[..., 0]
    u = eta.values - found.posterior["b"].sel(coef="Intercept").values[..., None]
    # Given all that were fitted, not only those with records.
    B = A.loc[NEW, IDS].to_numpy() @ np.linalg.inv(A.loc[IDS, IDS])
    C = A.loc[NEW, NEW].to_numpy() - B @ A.loc[IDS, NEW].to_numpy()
    white = (u - effects(found, IDS) @ B.T) / sd[..., None]
    n = white[..., 0].size
    covariance = np.einsum("cdi,cdj->ij", white, white) / n
    error = np.sqrt((np.outer(np.diag(C), np.diag(C)) + C**2) / n)
    np.testing.assert_array_less(np.abs(covariance - C), 4 * error)
    np.testing.assert_allclose(mean.values, stats.norm.cdf(eta.values), rtol=1e-9)
    assert_conditional(u, effects(found, RECORDED), sd, NEW)


def test_a_loaded_fit_predicts_the_same_new_relatives(
    fit: tuple[po.Fit, object], tmp_path: Path
) -> None:
    found, extended = fit
    new = pd.DataFrame({"id": [*NEW, "a50"], "x": 0.5})
    found.save(tmp_path / "cases.nc")

    loaded = po.load(tmp_path / "cases.nc")

    np.testing.assert_array_equal(
        loaded.predict(new, relations={"K": extended}, seed=6).values,
        found.predict(new, relations={"K": extended}, seed=6).values,
    )
    pd.testing.assert_frame_equal(
        loaded.breeding_values("id").to_df(), found.breeding_values("id").to_df()
    )
    pd.testing.assert_frame_equal(
        loaded.heritability("id").to_df(), found.heritability("id").to_df()
    )


def test_a_loaded_fit_says_what_a_new_relative_needs(
    fit: tuple[po.Fit, object], tmp_path: Path
) -> None:
    found, _ = fit
    found.save(tmp_path / "cases.nc")
    loaded = po.load(tmp_path / "cases.nc")
    new = pd.DataFrame({"id": ["calf"], "x": [0.0]})

    with pytest.raises(DataError, match=r"`calf`(.*\n)*.*relations=\{\"K\": \.\.\.\}"):
        loaded.predict(new)
    with pytest.raises(RelationError, match="lacks 1 of the units that were fitted"):
        part = A.drop(index="a10", columns="a10")
        loaded.predict(new, relations={"K": part})
    with pytest.raises(RelationError, match="is not that of the fit between the fitted units"):
        loaded.predict(new, relations={"K": A * 1.01})
