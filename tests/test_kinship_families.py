"""Known covariances with outcomes that are not Gaussian: simulated, sampled by NUTS, recovered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

import poolish as po
from poolish.summaries.heritability import heritability_draws

N_SIRES, N_DAMS, N_OFFSPRING = 20, 3, 5
SD = 1.0


@pytest.fixture(scope="module")
def pedigree() -> po.Pedigree:
    """A half-sib design: 20 sires, 3 dams each, 5 offspring of each dam."""
    rows = [(f"s{s}", None, None) for s in range(N_SIRES)]
    for s in range(N_SIRES):
        for d in range(N_DAMS):
            dam = f"d{s}_{d}"
            rows.append((dam, None, None))
            rows += [(f"o{s}_{d}_{o}", f"s{s}", dam) for o in range(N_OFFSPRING)]
    frame = pd.DataFrame(rows, columns=["id", "sire", "dam"])
    return po.Pedigree.from_frame(frame, id="id", sire="sire", dam="dam")


def simulate(pedigree: po.Pedigree, outcome, n_records: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Records of the offspring, and the true breeding values of all."""
    rng = np.random.default_rng(7)
    A = pedigree.relationship().to_numpy()
    u = SD * np.linalg.cholesky(A) @ rng.normal(size=len(A))
    effect = dict(zip(pedigree.labels, u, strict=True))
    ids = [label for label in pedigree.labels if label.startswith("o")] * n_records
    x = rng.normal(size=len(ids))
    eta = 0.5 + 0.7 * x + np.array([effect[label] for label in ids])
    return pd.DataFrame({"y": outcome(rng, eta), "x": x, "id": ids}), u


OUTCOMES = {
    "bernoulli": (lambda rng, eta: rng.binomial(1, 1 / (1 + np.exp(-eta))), 4),
    "poisson": (lambda rng, eta: rng.poisson(np.exp(eta)), 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", OUTCOMES)
def test_variance_and_breeding_values_are_recovered(family: str, pedigree: po.Pedigree) -> None:
    data, u = simulate(pedigree, *OUTCOMES[family])

    fit = po.fit(
        "y ~ x + (1 | kin(id, ped))",
        data,
        family=family,
        relations={"ped": pedigree},
        seed=2,
        draws=500,
        tune=500,
        progress=False,
    )

    sd = fit.posterior["sd_id"].values
    assert fit.result.record.engine == "nuts"
    assert abs(sd.mean() - SD) < 3 * sd.std() < 0.75
    slope = fit.posterior["b"].sel(coef="x").values
    assert abs(slope.mean() - 0.7) < 3 * slope.std()
    values = fit.breeding_values("id").to_df()
    assert np.corrcoef(values["mean"], u)[0, 1] > 0.6
    # Reliability is the squared accuracy: that of the simulation must be what is claimed.
    claimed = values["reliability"].mean()
    assert np.corrcoef(values["mean"], u)[0, 1] ** 2 == pytest.approx(claimed, abs=0.15)
    scales = {scale for _, scale, _ in heritability_draws(fit.result, "id")}
    assert scales == {"latent", "observed"} | ({"liability"} if family == "bernoulli" else set())


@pytest.mark.slow
def test_identity_by_nuts_agrees_with_quadrature() -> None:
    rng = np.random.default_rng(8)
    ids = [f"g{i % 60:02d}" for i in range(300)]
    u = rng.normal(size=60)
    eta = 0.3 + np.array([u[i % 60] for i in range(300)])
    data = pd.DataFrame({"y": rng.poisson(np.exp(eta)), "id": ids})
    K = pd.DataFrame(np.eye(60), sorted(set(ids)), sorted(set(ids)))
    common = {"family": "poisson", "seed": 3, "progress": False}

    related = po.fit("y ~ 1 + (1 | kin(id, K))", data, relations={"K": K}, **common)
    plain = po.fit("y ~ 1 + (1 | id)", data, engine="quadrature", **common)

    assert related.result.record.engine == "nuts"
    for name in ("b", "sd_id"):
        a, b = related.posterior[name].values[..., 0], plain.posterior[name].values[..., 0]
        error = np.hypot(*(float(array_stats.mcse(x, method="mean")) for x in (a, b)))
        assert a.mean() == pytest.approx(b.mean(), abs=4 * error)
        assert a.std() == pytest.approx(b.std(), rel=0.1)
