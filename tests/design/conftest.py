from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design
from poolish.formula import parse
from poolish.frame import read_table


@pytest.fixture
def data():
    rng = np.random.default_rng(4)
    n = 40
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 2, size=n),
            "f": rng.permutation(np.repeat(["a", "b", "c", "d"], 10)),
            "h": rng.permutation(np.repeat(["u", "v"], 20)),
            "id": rng.permutation(np.repeat([9, 10, 101, 2, 33], 8)),
            "n": rng.integers(5, 9, size=n),
            "s": rng.integers(0, 5, size=n),
        }
    )


@pytest.fixture
def build(data):
    def build_from(text, changed=None, relations=None):
        table = read_table(data if changed is None else changed)
        return build_design(parse(text), table, relations or {})

    return build_from
