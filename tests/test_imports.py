"""`import poolish` and `poolish --help` stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pymc", "pytensor", "arviz", "bambi", "matplotlib", "nutpie", "numba", "jax")
# Processor seconds of a whole interpreter; the best of three, since other work may be running.
LIMIT = 1.0

REPORT = """
import sys, time
{code}
heavy = sorted(set({heavy}) & set(sys.modules))
print("used", time.process_time(), ",".join(heavy))
"""
HELP = """
from poolish.cli.main import run
try:
    run({arguments})
except SystemExit as stop:
    assert stop.code == 0, stop.code
"""


def run_python(code: str) -> tuple[float, str]:
    script = REPORT.format(code=code, heavy=HEAVY)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    _, seconds, *heavy = result.stdout.splitlines()[-1].split(" ")
    return float(seconds), heavy[0]


@pytest.mark.parametrize(
    "code",
    [
        "import poolish",
        "import poolish; poolish.formula('y ~ x + (x | g)')",
        HELP.format(arguments=["--help"]),
        HELP.format(arguments=["fit", "--help"]),
        HELP.format(arguments=["models", "list"]),
    ],
)
def test_a_light_start_imports_nothing_heavy_and_takes_under_a_second(code, root, monkeypatch):
    monkeypatch.chdir(root)

    runs = [run_python(code) for _ in range(3)]

    assert runs[0][1] == ""
    assert min(seconds for seconds, _ in runs) < LIMIT


def test_reading_a_saved_fit_needs_no_pymc(sleep_file):
    code = f"import poolish; str(poolish.load({str(sleep_file)!r}))"

    _, heavy = run_python(code)

    assert not {"pymc", "pytensor", "nutpie", "bambi", "matplotlib"} & set(heavy.split(","))


def test_the_exact_engine_needs_no_pymc(root):
    data = root / "models" / "dyestuff2" / "data.csv"
    code = (
        "import poolish, pandas; "
        f"poolish.fit('Yield ~ 1 + (1 | Batch)', pandas.read_csv({str(data)!r}), seed=1)"
    )

    _, heavy = run_python(code)

    assert not {"pymc", "pytensor", "nutpie", "bambi", "matplotlib"} & set(heavy.split(","))


def test_a_fit_by_the_exact_engine_is_printed_without_slow_libraries():
    slow = ("numba", "sparse", "scipy.optimize", "scipy.ndimage", "scipy.stats", "pymc")
    code = f"""
import sys
import poolish as po
data = {{"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")}}
repr(po.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False))
print(sorted(set({slow}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
