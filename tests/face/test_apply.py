from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.broken_fits import ZOO, grouped, not_a_number

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


APPLICABLE = [
    pytest.param(animal, id=animal.make.__name__, marks=[pytest.mark.slow] * animal.needs_nuts)
    for animal in ZOO
    if animal.change
]


@pytest.mark.parametrize("animal", APPLICABLE)
def test_the_first_step_helps_every_broken_model(animal):
    fit = po.Fit(animal.make())
    step = fit.check().steps[0]

    applied = fit.apply(step)

    assert step.cause == animal.cause
    assert applied.has_helped, applied
    assert applied.after.verdict == "sound"
    assert (applied.fit.result.record.engine == "nuts") == animal.needs_nuts
    assert repr(applied).startswith(f"It helped: {animal.cause}. Sampling was ")


def test_draws_that_are_no_numbers_leave_nothing_to_apply():
    fit = po.Fit(not_a_number())

    with pytest.raises(UnsupportedError, match="proposes no other model"):
        fit.apply(fit.check().steps[0])


@pytest.mark.slow
def test_divergences_of_nuts_go_with_the_other_parameterization():
    """Eight groups whose means are known badly, sampled around their own means: a funnel."""
    data = pd.DataFrame({"y": [28.0, 8, -3, 7, -1, 1, 18, 12], "g": list("abcdefgh")})
    data["se"] = [15.0, 10, 16, 11, 9, 11, 10, 18]
    model = po.model("y | se(se) ~ 1 + (1 | g)", data, centered=True)
    fit = model.fit(engine="nuts", seed=3, progress=False)
    step = fit.check().steps[0]

    applied = fit.apply(step)

    assert (step.cause, dict(step.change)) == ("divergences", {"centered": False})
    assert applied.fit.result.record.engine == "nuts"
    assert applied.has_helped, applied


def stated(fit: po.Fit) -> dict[str, str]:
    frame = fit.priors().to_df().set_index("parameter")
    is_stated = frame["source"].str.startswith("stated")
    return dict(frame.loc[is_stated, "prior"] + " " + frame.loc[is_stated, "source"])


def test_stated_priors_stay_under_their_own_names():
    """A prior of `Intercept` is at average predictors, one of `b[Intercept]` at zero."""
    priors = {"Intercept": "normal(3, 9)", "b": "normal(0, 8)"}
    fit = po.fit("y ~ x + (1 | g)", grouped(), priors=priors, seed=1, progress=False)

    applied = fit.apply(Step("cause", "", "", {"priors": {"b[x]": "normal(0, 7)"}}))

    assert stated(applied.fit) == {
        "b[Intercept]": "normal(3, 9) stated as Intercept, at average predictors",
        "b[x]": "normal(0, 7) stated as b[x]",
    }


def test_a_prior_at_average_predictors_replaces_one_at_zero():
    fit = po.fit(
        "y ~ x", grouped(), priors={"b[Intercept]": "normal(0, 1)"}, seed=1, progress=False
    )

    applied = fit.apply(Step("cause", "", "", {"priors": {"Intercept": "normal(0, 9)"}}))

    assert stated(applied.fit) == {
        "b[Intercept]": "normal(0, 9) stated as Intercept, at average predictors"
    }


def test_priors_of_one_link_are_not_taken_to_another():
    data = grouped().assign(y=lambda d: (d["y"] > 2).astype(int))
    priors = {"b[x]": "normal(0, 100)", "sigma": "half_normal(3)"}
    fit = po.fit("y ~ x + (1 | g)", data, priors=priors, seed=1, progress=False)

    applied = fit.apply(Step("cause", "", "", {"family": "bernoulli"}))

    assert stated(applied.fit) == {}


def test_an_engine_that_was_asked_for_stays_where_it_can():
    data = grouped().assign(y=lambda d: d["y"].abs().round())
    fit = po.fit("y ~ x", data, engine="exact", draws=300, seed=1, progress=False)

    same = fit.apply(Step("cause", "", "", {"tune": 1500})).fit.result.record
    other = fit.apply(Step("cause", "", "", {"family": "poisson"})).fit.result.record

    assert (same.engine, same.reason, same.draws) == ("exact", "asked for", 1000)
    assert other.engine == "quadrature"


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


def test_a_step_that_takes_the_group_of_a_relation_out_is_fitted_without_it():
    data = grouped(seed=6, between=0.0)
    levels = sorted(set(data["g"]))
    K = pd.DataFrame(0.5 * np.eye(len(levels)) + 0.5, levels, levels)
    fit = po.fit("y ~ x + (1 | kin(g, K))", data, relations={"K": K}, seed=1, progress=False)

    applied = fit.apply(Step("cause", "", "", {"formula": "y ~ x"}))

    assert applied.fit.result.record.formula == "y ~ 1 + x"
