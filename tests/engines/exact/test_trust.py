"""The gate: what makes draws untrustworthy."""

import numpy as np
import pytest

from poolish.engines.exact.trust import gate
from poolish.engines.protocol import Draws


def draws_of(values, *, khat=0.1):
    statistics = {"khat": np.array(khat)}
    return Draws({"sigma": values, "r_g": np.zeros((4, 1000, 2, 1))}, statistics, "exact", 0.0)


@pytest.fixture
def independent():
    return np.random.default_rng(1).normal(size=(4, 1000))


def test_independent_draws_pass(independent):
    assert gate(draws_of(independent)) is None


def test_a_missed_tail_fails(independent):
    found = gate(draws_of(independent, khat=0.9))

    assert found == "k-hat of its proposal is 0.90, above 0.7"


def test_chains_that_disagree_fail(independent):
    found = gate(draws_of(independent + np.arange(4)[:, None]))

    assert found is not None
    assert found.startswith("R-hat of `sigma` is")


def test_sticky_chains_fail(independent):
    sticky = np.repeat(independent[:, :50], 20, axis=1)

    found = gate(draws_of(sticky))

    assert found is not None
    assert "of `sigma` is" in found


def test_constants_are_not_judged():
    assert gate(draws_of(np.full((4, 1000), 2.0))) is None
