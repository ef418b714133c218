"""Speed of the quadrature engine against nutpie: ratios measured in one run.

    python benchmarks/glmm.py                    # the table
    python benchmarks/glmm.py --case cbpp        # one data set

Every measurement is a fresh process with one thread; times are CPU seconds (user + system) of that
process and its compilers, from a cold start: import, read, build, compile, fit. ESS is the smallest
bulk ESS of coefficients and standard deviations. "first" is nutpie with an empty compiler cache,
"again" the second process with the same model.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
SEED = 1


@dataclass(frozen=True, slots=True)
class Case:
    """A model to time: formula, family, and how its data are read."""

    name: str
    formula: str
    family: str
    read: Callable[[Path], object]


def read_cbpp(data: Path):
    import pandas as pd

    return pd.read_csv(data / "cbpp.csv").astype({"period": str, "herd": str})


def read_contraception(data: Path):
    import pandas as pd

    frame = pd.read_csv(data / "Contraception.csv").astype({"district": str})
    return frame.assign(use=(frame["use"] == "Y").astype(int))


def simulate_binary(data: Path):
    """Return 200 groups of 3 binary rows: little information on each group."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(200), 3)
    x, u = rng.normal(size=600), 1.5 * rng.normal(size=200)
    chance = 1.0 / (1.0 + np.exp(0.5 - x - u[group]))
    return pd.DataFrame(
        {"y": (rng.random(600) < chance).astype(int), "x": x, "g": group.astype(str)}
    )


CASES = {
    case.name: case
    for case in (
        Case("cbpp", "incidence | trials(size) ~ period + (1 | herd)", "binomial", read_cbpp),
        Case(
            "Contraception",
            "use ~ age + I(age^2) + urban + livch + (1 | district)",
            "bernoulli",
            read_contraception,
        ),
        Case("200 x 3 binary", "y ~ x + (1 | g)", "bernoulli", simulate_binary),
    )
}


def measure_here(case: Case, engine: str, data: Path) -> dict:
    import poolish as po

    fit = po.fit(
        case.formula, case.read(data), family=case.family, engine=engine, seed=SEED, progress=False
    )
    cpu = cpu_seconds()
    return {"cpu": cpu, "ess": smallest_ess(fit.posterior)}


def cpu_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def smallest_ess(posterior) -> float:
    """Return the smallest bulk ESS of the parameters that are not group effects."""
    from arviz_stats.base import array_stats

    sizes = []
    for name, values in posterior.data_vars.items():
        if not str(name).startswith("r_"):
            flat = values.values.reshape(*values.shape[:2], -1)
            sizes += [float(array_stats.ess(flat[..., i])) for i in range(flat.shape[-1])]
    return min(sizes)


def measure(case: Case, engine: str, data: Path, cache: str) -> dict:
    command = [sys.executable, __file__, "--child", engine, "--case", case.name]
    command += ["--data", str(data)]
    flags = {"PYTENSOR_FLAGS": f"base_compiledir={cache}", "NUMBA_CACHE_DIR": f"{cache}/numba"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | ONE_THREAD | flags, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def table_row(case: Case, data: Path) -> dict:
    with tempfile.TemporaryDirectory() as cache:
        return {
            "case": case.name,
            "quadrature": measure(case, "quadrature", data, cache),
            "first": measure(case, "nuts", data, cache),
            "again": measure(case, "nuts", data, cache),
        }


def rate(found: dict) -> float:
    return found["ess"] / found["cpu"]


def print_table(rows: list[dict]) -> None:
    print(
        "| data set | quadrature CPU-s | ESS | ESS per CPU-s | nutpie first: CPU-s | ESS |"
        " ratio | nutpie again: CPU-s | ESS | ratio |"
    )
    print("|---|" + "---|" * 9)
    for row in rows:
        ours = row["quadrature"]
        cells = [row["case"], f"{ours['cpu']:.1f}", f"{ours['ess']:,.0f}", f"{rate(ours):,.0f}"]
        for peer in (row["first"], row["again"]):
            ratio = rate(ours) / rate(peer)
            cells += [f"{peer['cpu']:.1f}", f"{peer['ess']:,.0f}", f"{ratio:.0f}"]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", type=Path, help="write every measurement here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = [CASES[name] for name in options.case or CASES]
    if options.child:
        print(json.dumps(measure_here(cases[0], options.child, options.data)))
        return
    rows = []
    for case in cases:
        rows.append(table_row(case, options.data))
        print(f"measured {case.name}", file=sys.stderr)
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
