"""Node and Chromium, each asked for by the tests that need it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from poolish.explore.from_table import explore_table
from poolish.explore.page import Explorer

SCHOOL_LABELS = {"y": {"label": "Effect of coaching", "unit": "points"}}


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Evaluate an expression over the exports of pooling.js, imported as `m`."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the mathematics of the page is not tested here")
    module = tmp_path_factory.mktemp("module") / "pooling.mjs"
    source = resources.files("poolish.explore").joinpath("pooling.js")
    module.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")

    def evaluate(expression: str) -> Any:
        script = f'import * as m from "{module}"; console.log(JSON.stringify({expression}));'
        command = [program, "--input-type=module", "--eval", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)

    return evaluate


@pytest.fixture(scope="session")
def schools(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "models" / "eight_schools" / "data.csv")


@pytest.fixture(scope="session")
def schools_explorer(schools: pd.DataFrame) -> Explorer:
    return explore_table(schools, "y", "school", se="sigma", labels=SCHOOL_LABELS)
