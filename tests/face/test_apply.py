from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import UnsupportedError
from poolish.summaries.doctor import Step


@pytest.fixture(scope="module")
def steep():
    """A model without the slopes that its groups have."""
    rng = np.random.default_rng(2)
    g, x = np.repeat(np.arange(20), 10), rng.normal(size=200)
    y = 2 + (1 + 2 * rng.normal(size=20)[g]) * x + rng.normal(size=20)[g] + rng.normal(size=200)
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    return po.fit("y ~ x + (1 | g)", data, priors={"b[x]": "normal(0, 9)"}, seed=1, progress=False)


def test_a_step_applied_removes_its_cause(steep):
    step = steep.check().steps[0]

    applied = steep.apply(step)

    assert step.cause == "slopes differ between groups"
    assert applied.has_helped
    assert applied.fit.result.record.formula == "y ~ 1 + x + (1 + x | g)"
    assert repr(applied).startswith("It helped: slopes differ between groups.")


def test_stated_priors_and_the_seed_stay(steep):
    applied = steep.apply(steep.check().steps[0])

    rows = applied.fit.priors().to_df().set_index("parameter")
    assert rows.loc["b[x]", "prior"] == "normal(0, 9)"
    assert applied.fit.result.record.seed == 1


def test_a_step_that_misses_is_said_not_to_help(steep):
    step = steep.check().steps[0]
    other = Step(step.cause, step.problem, step.evidence, {"draws": 1500})

    assert not steep.apply(other).has_helped


def test_a_step_without_a_change_cannot_be_applied(steep):
    step = Step("cause", "problem", "evidence", advice="look at the data")

    with pytest.raises(UnsupportedError, match="proposes no other model"):
        steep.apply(step)
