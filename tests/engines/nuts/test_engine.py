"""The NUTS engine from spec and design to draws."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytest
from arviz_stats.base import array_stats

from poolish.engines.nuts import ENGINE, build_pymc, sampling
from poolish.engines.nuts.names import public_variables
from poolish.engines.protocol import Plan

PLAN = Plan(draws=200, tune=300, chains=2, seed=4, progress=False)
STATS = set(sampling.NUTPIE_STATS.values())


def test_every_model_can_be_fitted(make: Any) -> None:
    assert ENGINE.can_fit(*make.simple()) is None
    assert ENGINE.describe(make.simple()[0])


def test_group_effects_are_left_out_where_they_are_not_kept(make: Any) -> None:
    spec, _ = make.simple()

    assert "r_g" not in public_variables(spec, keep_groups=False)


def test_built_model_is_a_pymc_model_with_the_response_observed(make: Any) -> None:
    model = build_pymc(*make.simple())

    assert isinstance(model, pm.Model)
    assert [variable.name for variable in model.observed_RVs] == ["y"]


@pytest.mark.slow
def test_draws_are_silent_complete_and_the_same_for_the_same_seed(
    make: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    spec, design = make.simple(((0, 1),))

    first, second = (ENGINE.fit(spec, design, PLAN) for _ in range(2))

    assert capfd.readouterr() == ("", "")
    assert first.is_complete and set(first.sample_stats) == STATS
    assert all("non-centred: asked for" in note for note in first.notes)
    for name in public_variables(spec):
        assert first.posterior[name].shape[:2] == (2, 200)
        assert np.array_equal(first.posterior[name], second.posterior[name])
    eta = np.einsum(
        "oe,cdoe->cdo", design.main.groups[0].Z, first.posterior["r_g"][:, :, make.codes]
    )
    mean = (first.posterior["b"] @ design.main.X.T + eta).mean((0, 1))
    assert np.corrcoef(mean, make.y)[0, 1] > 0.9


@pytest.mark.slow
def test_interrupted_sampling_returns_the_finished_draws(make: Any) -> None:
    spec, design = make.simple(((0, 1),))
    plan = replace(PLAN, draws=5_000_000, tune=200)
    ENGINE.fit(spec, design, PLAN)  # compiles, so that the signal comes while sampling
    stop = threading.Timer(25.0, os.kill, (os.getpid(), signal.SIGINT))
    stop.start()

    draws = ENGINE.fit(spec, design, plan)

    stop.cancel()
    n_chains, n_draws = draws.sample_stats["lp"].shape
    assert not draws.is_complete and n_chains >= 1 and 0 < n_draws < plan.draws
    assert draws.posterior["b"].shape == (n_chains, n_draws, 2)
    assert all(np.isfinite(values).all() for values in draws.posterior.values())


@pytest.mark.slow
def test_without_nutpie_pymc_samples_the_same_posterior(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, design = make.simple(((0,),))
    plan = replace(PLAN, draws=1000)
    reference = ENGINE.fit(spec, design, plan)
    monkeypatch.setattr(sampling, "find_spec", lambda name: None)

    draws = ENGINE.fit(spec, design, plan)

    assert set(draws.sample_stats) == STATS
    assert "nutpie, which is faster, is not installed" in draws.notes[-1]
    for k in range(2):
        ours, theirs = draws.posterior["b"][..., k], reference.posterior["b"][..., k]
        error = np.hypot(*(float(array_stats.mcse(x, method="mean")) for x in (ours, theirs)))
        assert abs(ours.mean() - theirs.mean()) < 4 * error


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sampler", ["pymc", "nutpie", "numpyro"])
def test_built_model_runs_under_every_sampler(make: Any, sampler: str) -> None:
    model = build_pymc(*make.simple(((0, 1, 2),), n_coefs=3))

    tree = pm.sample(
        draws=50,
        tune=50,
        chains=1,
        random_seed=1,
        progressbar=False,
        nuts_sampler=sampler,
        model=model,
        compute_convergence_checks=False,
    )

    assert tree["posterior"]["cor_g"].dims == ("chain", "draw", "g_effect", "g_effect_bis")
    assert tree["posterior"]["r_g"].shape == (1, 50, 6, 3)
