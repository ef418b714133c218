"""Speed of models with a known covariance: ratios measured in one run.

    python benchmarks/kinship.py                     # all three cases
    python benchmarks/kinship.py --case animals      # one of them: animals, genomes, herd

Every measurement is a fresh process with one thread; times are CPU seconds (user + system).

- animals: 300 animals by pedigree. Effective draws per CPU second of inference, exact engine
  against nutpie on the full PyMC model (compiled beforehand; the compiler does not count): the
  model as written by hand, effects the Cholesky factor of A times standard normals, and
  Poolish's own, one sparse solve.
- genomes: 5,000 people, dense K. The share of the one eigendecomposition in the whole posterior.
- herd: 100,000 animals by pedigree. CPU seconds of the posterior of h2, from the data frame on.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
REFERENCE = Path(__file__).parents[1] / "tests" / "reference" / "genetics"
PRIORS = {"sd": "half_student_t(3, 0, 1)", "sigma": "half_student_t(3, 0, 1)"}
FORMULA = "y ~ sex + (1 | kin(id, K))"
H2 = ("h2", "response", "mean diagonal")


# --- Models. ---


def animals():
    import poolish as po

    data, pedigree = animal_data()
    return po.model(FORMULA, data, relations={"K": pedigree}, priors=PRIORS)


def animal_data():
    import pandas as pd

    import poolish as po

    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    pedigree = po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")
    return pd.read_csv(REFERENCE / "ped_single.csv"), pedigree


def animals_by_hand():
    import numpy as np
    import pymc as pm
    import pytensor.tensor as pt

    data, pedigree = animal_data()
    A = pedigree.relationship().to_pandas()
    ids = data["id"].astype(str)
    L = np.linalg.cholesky(A.loc[ids, ids].to_numpy())
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 10.0, shape=2)
        sd = pm.HalfStudentT("sd_id", nu=3, sigma=1)
        sigma = pm.HalfStudentT("sigma", nu=3, sigma=1)
        z = pm.Normal("z", shape=len(L))
        mean = b[0] + b[1] * data["sex"].to_numpy() + sd * pt.dot(L, z)
        pm.Normal("y", mean, sigma, observed=data["y"].to_numpy())
    return model


def genomes(n: int = 5_000, n_variants: int = 10_000):
    import numpy as np
    import pandas as pd

    import poolish as po

    rng = np.random.default_rng(1)
    frequency = rng.uniform(0.05, 0.5, n_variants)
    genotypes = rng.binomial(2, frequency, (n, n_variants)).astype(np.float32)
    W = (genotypes - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency))
    K = (W @ W.T / n_variants).astype(float)
    u = W @ rng.normal(size=n_variants) / np.sqrt(n_variants)
    sex = rng.integers(0, 2, n)
    y = np.sqrt(0.5) * (u + rng.normal(size=n)) + 0.3 * sex
    ids = [f"p{i}" for i in range(n)]
    data = pd.DataFrame({"y": y, "sex": sex, "id": ids})
    return po.model(FORMULA, data, relations={"K": (K, ids)}, priors=PRIORS)


def herd_data(n: int = 100_000, n_generations: int = 10):
    """Livestock: each generation has few sires, chosen, and many dams; h2 is 0.4."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    size = n // n_generations
    sire, dam = np.full(n, -1), np.full(n, -1)
    u = np.sqrt(0.4) * rng.normal(size=n)
    for start in range(size, n, size):
        last = np.arange(start - size, start)
        rows = slice(start, start + size)
        sire[rows] = rng.choice(rng.choice(last[: size // 2], size // 50, replace=False), size)
        dam[rows] = rng.choice(last[size // 2 :], size)
        u[rows] = 0.5 * (u[sire[rows]] + u[dam[rows]]) + np.sqrt(0.2) * rng.normal(size=size)
    sex = rng.integers(0, 2, n)
    y = u + 0.3 * sex + np.sqrt(0.6) * rng.normal(size=n)
    names = np.array([f"c{i}" for i in range(n)] + [None], dtype=object)
    pedigree = pd.DataFrame({"id": names[:-1], "sire": names[sire], "dam": names[dam]})
    return pd.DataFrame({"y": y, "sex": sex, "id": names[:-1]}), pedigree


# --- One measurement each, inside a fresh process. ---


def run_animals_exact() -> dict:
    model = animals()
    model.fit(draws=10, seed=2, progress=False)  # loads SciPy
    before = cpu_seconds()
    fit = model.fit(seed=1, engine="exact", progress=False)
    return {"sampling": cpu_seconds() - before, "ess": smallest_ess(fit.posterior)}


def run_animals_nutpie() -> dict:
    return run_nutpie(animals().to_pymc())


def run_animals_by_hand() -> dict:
    return run_nutpie(animals_by_hand())


def run_nutpie(model) -> dict:
    import nutpie

    compiled = nutpie.compile_pymc_model(model)
    before = cpu_seconds()
    tree = nutpie.sample(
        compiled, draws=1000, tune=1000, chains=4, cores=1, seed=1, progress_bar=False
    )
    found = tree["posterior"].to_dataset()[["b", "sd_id", "sigma"]]
    return {"sampling": cpu_seconds() - before, "ess": smallest_ess(found)}


def run_genomes() -> dict:
    from scipy import linalg

    model = genomes()
    before = cpu_seconds()
    fit = model.fit(seed=1, engine="exact", progress=False)
    whole = cpu_seconds() - before
    relation = model.design.main.groups[0].relation
    before = cpu_seconds()
    linalg.eigh(relation.covariance.copy(), driver="evd", overwrite_a=True, check_finite=False)
    return {"whole": whole, "eigh": cpu_seconds() - before, **describe_h2(fit)}


def run_herd() -> dict:
    import poolish as po

    data, rows = herd_data()
    before = cpu_seconds()
    pedigree = po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")
    model = po.model(FORMULA, data, relations={"K": pedigree}, priors=PRIORS)
    built = cpu_seconds() - before
    fit = model.fit(seed=1, engine="exact", keep_groups=False, progress=False)
    return {"whole": cpu_seconds() - before, "built": built, **describe_h2(fit)}


RUNNERS: dict[str, Callable[[], dict]] = {
    "animals-exact": run_animals_exact,
    "animals-nutpie": run_animals_nutpie,
    "animals-by-hand": run_animals_by_hand,
    "genomes": run_genomes,
    "herd": run_herd,
}


def describe_h2(fit) -> dict:
    from poolish.summaries.heritability import heritability_draws

    h2 = heritability_draws(fit.result, "id")[H2]
    return {"h2": float(h2.mean()), "h2_sd": float(h2.std())}


def smallest_ess(posterior) -> float:
    """Return the smallest bulk ESS of the parameters that are not group effects."""
    from arviz_stats.base import array_stats

    names = [name for name in posterior.data_vars if not str(name).startswith("r_")]
    draws = (posterior[name].values.reshape(*posterior[name].shape[:2], -1) for name in names)
    sizes = (array_stats.ess(x[..., k], method="bulk") for x in draws for k in range(x.shape[2]))
    return float(min(sizes))


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


# --- The table, in the parent process. ---


def measure(runner: str) -> dict:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--child", runner],
        capture_output=True,
        text=True,
        env=os.environ | ONE_THREAD,
        check=False,
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(1)
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - started}


def report_animals() -> str:
    runs = [measure(f"animals-{name}") for name in ("exact", "by-hand", "nutpie")]
    exact, by_hand, own = (found["ess"] / found["sampling"] for found in runs)
    return (
        f"animals (n = 300): exact {exact:,.0f} effective draws per CPU-s, nutpie {by_hand:,.0f} on"
        f" the model by hand (ratio {exact / by_hand:.0f}), {own:,.0f} on Poolish's (ratio"
        f" {exact / own:.0f})"
    )


def report_genomes() -> str:
    found = measure("genomes")
    return (
        f"genomes (n = 5,000): posterior in {found['whole']:.1f} CPU-s, of it one"
        f" eigendecomposition {found['eigh']:.1f} ({found['eigh'] / found['whole']:.0%});"
        f" h2 {found['h2']:.3f} +- {found['h2_sd']:.3f}, simulated with 0.5"
    )


def report_herd() -> str:
    found = measure("herd")
    return (
        f"herd (100,000 animals): posterior of h2 in {found['whole']:.1f} CPU-s, of it pedigree"
        f" and model {found['built']:.1f}; h2 {found['h2']:.3f} +- {found['h2_sd']:.3f},"
        " simulated with 0.4"
    )


REPORTS = {"animals": report_animals, "genomes": report_genomes, "herd": report_herd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=REPORTS, action="append")
    parser.add_argument("--child", choices=RUNNERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(RUNNERS[arguments.child]()))
        return
    for name in arguments.case or REPORTS:
        print(REPORTS[name](), flush=True)


if __name__ == "__main__":
    main()
