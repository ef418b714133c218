"""Speed of the exact engine against nutpie, bambi and lme4: ratios measured in one run.

    python benchmarks/engines.py                    # the table of the README
    python benchmarks/engines.py --case InstEval    # one data set

Every measurement is a fresh process with one thread; times are CPU seconds (user + system) of
that process and its compilers. "whole" is everything from a cold start: import, read, build, fit,
print. "sampling" is inference alone, without imports and compilers. nutpie and bambi run twice, so
that their compiler caches are warm; the bytecode of all packages is there before anything is timed.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A model to time: formula, data file below `--data`, and the columns that are factors."""

    name: str
    formula: str
    file: str
    factors: tuple[str, ...]
    ml_only: bool = False


CASES = {
    case.name: case
    for case in (
        Case("sleepstudy", "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv", ("Subject",)),
        Case(
            "Penicillin",
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            "Penicillin.csv",
            ("plate", "sample"),
        ),
        Case("Dyestuff2", "Yield ~ 1 + (1 | Batch)", "Dyestuff2.csv", ("Batch",)),
        Case("Pastes", "strength ~ 1 + (1 | batch/cask)", "Pastes.csv", ("batch", "cask")),
        Case(
            "InstEval",
            "y ~ service + (1 | s) + (1 | d) + (1 | dept:service)",
            "InstEval.csv",
            ("s", "d", "dept", "service"),
        ),
        Case("million", "y ~ x + (x | g)", "simulated", ("g",)),
    )
}


# --- One measurement, inside a fresh process. ---


def read_case(case: Case, data: Path):
    import pandas as pd

    if case.file == "simulated":
        return simulate_million()
    frame = pd.read_csv(data / case.file)
    return frame.astype(dict.fromkeys(case.factors, str))


def simulate_million(n_obs: int = 1_000_000, n_groups: int = 100_000):
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    codes = rng.integers(n_groups, size=n_obs)
    x = rng.standard_normal(n_obs)
    effects = rng.standard_normal((n_groups, 2)) @ np.array([[1.0, 0.3], [0.0, 0.5]])
    y = 2 + 0.5 * x + effects[codes, 0] + effects[codes, 1] * x + rng.standard_normal(n_obs)
    return pd.DataFrame({"y": y, "x": x, "g": codes})


def run_exact(case: Case, data: Path) -> dict:
    """Fit and print once, the whole job; then fit again, SciPy loaded, for inference alone."""
    import poolish as po
    from poolish.engines import exact
    from poolish.engines.protocol import Plan

    model = po.model(case.formula, read_case(case, data))
    fit = model.fit(engine="exact", seed=1, progress=False)
    print(repr(fit), file=sys.stderr)
    whole = cpu_seconds()
    draws = exact.ENGINE.fit(model.spec, model.design, Plan(seed=1, progress=False))
    sampling = cpu_seconds() - whole
    assert draws.engine == "exact"
    return {"sampling": sampling, "ess": smallest_ess(fit.posterior), "whole": whole}


def run_nutpie(case: Case, data: Path) -> dict:
    """Compile and sample the full PyMC model; the compiler's time counts in "whole" alone."""
    import nutpie

    import poolish as po

    compiled = nutpie.compile_pymc_model(po.model(case.formula, read_case(case, data)).to_pymc())
    before = cpu_seconds()
    tree = nutpie.sample(
        compiled, draws=1000, tune=1000, chains=4, cores=1, seed=1, progress_bar=False
    )
    sampling = cpu_seconds() - before
    names = [n for n in ("b", "sigma") if n in tree["posterior"]]
    names += [str(n) for n in tree["posterior"].data_vars if str(n).startswith(("sd_", "cor_"))]
    return {"sampling": sampling, "ess": smallest_ess(tree["posterior"].to_dataset()[names])}


def run_bambi(case: Case, data: Path) -> dict:
    """Fit by bambi's defaults; only the kept draws count, not tuning nor compiling."""
    import bambi

    frame = read_case(case, data)
    formula = case.formula.replace("(1 | batch/cask)", "(1 | batch) + (1 | batch:cask)")
    model = bambi.Model(formula, frame)
    tree = model.fit(draws=1000, chains=4, cores=1, random_seed=1, progressbar=False)
    posterior = tree["posterior"].to_dataset()
    keep = [n for n in posterior.data_vars if "|" not in n or n.endswith("_sigma")]
    sampling = float(tree["sample_stats"]["process_time_diff"].sum())
    return {"sampling": sampling, "ess": smallest_ess(posterior[keep])}


def run_mle(case: Case, data: Path) -> dict:
    import poolish as po

    frame = read_case(case, data)
    before = cpu_seconds()
    result = po.mle(case.formula, frame, reml=False)
    return {"sampling": cpu_seconds() - before, "log_likelihood": float(result.log_likelihood)}


RUNNERS: dict[str, Callable[[Case, Path], dict]] = {
    "exact": run_exact,
    "nutpie": run_nutpie,
    "bambi": run_bambi,
    "ml": run_mle,
}


def smallest_ess(posterior) -> float:
    """Return the smallest bulk ESS of the parameters that are not group effects."""
    import numpy as np
    from arviz_stats.base import array_stats

    sizes = []
    for name, values in posterior.data_vars.items():
        if str(name).startswith("r_") or (str(name).startswith("cor_") and values.ndim != 4):
            continue
        flat = values.values.reshape(*values.shape[:2], -1)
        sizes += [
            array_stats.ess(flat[..., i], chain_axis=0, draw_axis=1, method="bulk")
            for i in range(flat.shape[-1])
            if np.ptp(flat[..., i]) > 0
        ]
    return float(min(sizes))


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the compilers it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure_here(case: Case, runner: str, data: Path) -> dict:
    started = time.perf_counter()
    found = RUNNERS[runner](case, data)
    return (
        {"whole": cpu_seconds()}
        | found
        | {
            "wall": time.perf_counter() - started,
            "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        }
    )


# --- The table, in the parent process. ---


def measure(case: Case, runner: str, data: Path, *, warm: bool = False) -> dict:
    command = [
        sys.executable,
        __file__,
        "--child",
        runner,
        "--case",
        case.name,
        "--data",
        str(data),
    ]
    compileall.compile_dir(package_folder(), quiet=1)
    for _ in range(2 if warm else 1):
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | ONE_THREAD, check=False
        )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def package_folder() -> str:
    """Return where Poolish is: an installed package has bytecode, a checkout may not."""
    found = importlib.util.find_spec("poolish")
    assert found is not None and found.origin is not None
    return str(Path(found.origin).parent)


def measure_lme4(case: Case, data: Path) -> dict:
    """Return lme4's ML time, or nothing where R or lme4 is missing."""
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        file = data / case.file
        if case.file == "simulated":
            file = Path(folder, "simulated.csv")
            read_case(case, data).to_csv(file, index=False)
        done = subprocess.run(
            ["Rscript", str(HERE / "lme4_ml.R"), case.formula, str(file), *case.factors],
            capture_output=True,
            text=True,
            env=os.environ | ONE_THREAD,
            check=False,
        )
    return json.loads(done.stdout) if done.returncode == 0 else {}


def table_row(case: Case, data: Path, peers: list[str]) -> dict:
    exact = measure(case, "exact", data)
    row = {"case": case.name, "exact": exact}
    for peer in peers:
        row[peer] = measure(case, peer, data, warm=True)
    row["ml"] = measure(case, "ml", data)
    row["lme4"] = measure_lme4(case, data)
    return row


def rate(found: dict) -> float:
    return found["ess"] / found["sampling"] if found else float("nan")


def number(value: float | None, digits: int = 2) -> str:
    return "" if value is None or value != value else f"{value:,.{digits}f}"


def print_table(rows: list[dict]) -> None:
    print(
        "| data set | exact ESS | ESS per CPU-s | x nutpie | x bambi | whole CPU-s | nutpie whole"
        " / exact | ML CPU-s | lme4 CPU-s | ML / lme4 | memory GB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        exact, nutpie, bambi = row["exact"], row.get("nutpie", {}), row.get("bambi", {})
        ml, lme4 = row["ml"].get("sampling"), row["lme4"].get("cpu")
        cells = (
            row["case"],
            number(exact["ess"], 0),
            number(rate(exact), 0),
            number(rate(exact) / rate(nutpie), 0),
            number(rate(exact) / rate(bambi), 0),
            number(exact["whole"]),
            number(nutpie["whole"] / exact["whole"] if nutpie else None, 1),
            number(ml, 3),
            number(lme4, 3),
            number(ml / lme4 if ml and lme4 else None),
            number(exact["memory_gb"]),
        )
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--peers", nargs="*", default=["nutpie", "bambi"])
    parser.add_argument("--json", type=Path, help="write every measurement here")
    parser.add_argument("--child", choices=RUNNERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = [CASES[name] for name in options.case or CASES]
    if options.child:
        print(json.dumps(measure_here(cases[0], options.child, options.data)))
        return
    small = ("million", "InstEval")
    rows = []
    for case in cases:
        peers = [p for p in options.peers if not (case.name in small and p == "bambi")]
        rows.append(table_row(case, options.data, [] if case.name == "million" else peers))
        print(f"measured {case.name}", file=sys.stderr)
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
