"""What is kept of chains that did not all finish."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from poolish.engines.nuts.sampling import finished_rows, stack_draws
from poolish.engines.protocol import Plan

PLAN = Plan(draws=100, tune=50, chains=3)


def batch(n_tuning: int, n_draws: int) -> Any:
    tuning = np.repeat([True, False], [n_tuning, n_draws])
    return pa.record_batch({"tuning": pa.array(tuning)})


@pytest.mark.parametrize(
    ("sizes", "chains", "n_draws"),
    [
        ((100, 100, 100), {0, 1, 2}, 100),
        ((90, 100, 95), {0, 1, 2}, 90),  # 270 draws beat 2 x 95
        ((2, 80, 90), {1, 2}, 80),  # a chain far behind would cost more than it brings
        ((0, 0, 40), {2}, 40),
        ((0, 0, 0), {0, 1, 2}, 0),
    ],
)
def test_cut_keeps_the_most_draws(sizes: Any, chains: set[int], n_draws: int) -> None:
    kept = finished_rows([batch(50, size) for size in sizes], PLAN)

    assert set(kept.chains) == chains and kept.n_draws == n_draws
    assert bool(kept) is (n_draws > 0)


def test_warm_up_draws_are_left_out() -> None:
    values = [pa.record_batch({"lp": pa.array(np.arange(5.0) + 10 * k)}) for k in range(2)]
    kept = finished_rows([batch(2, 3), batch(1, 4)], Plan(draws=10))

    draws = stack_draws(values, "lp", kept)

    assert draws.tolist() == [[2.0, 3.0, 4.0], [11.0, 12.0, 13.0]]
