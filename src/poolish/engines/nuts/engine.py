"""NUTS on the full model: the engine that fits everything. PyMC is imported when it is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.nuts.centering import Choice, choose_centering
from poolish.engines.nuts.names import public_variables
from poolish.engines.protocol import Draws, Engine, Plan
from poolish.spec.model import ModelSpec

if TYPE_CHECKING:
    import pymc as pm


def build_pymc(spec: ModelSpec, design: Design) -> pm.Model:
    """Return the model as a `pymc.Model`, observed and ready to be sampled.

    Parameters
    ----------
    spec : ModelSpec
    design : Design

    Notes
    -----
    `b`, `sd_G`, `cor_G`, `r_G` and the family's parameters carry the names and dimensions of the
    results. What is sampled beside them: `Intercept` and `b_scaled`, the coefficients of centred
    and scaled predictors; `z_G`, standardized group effects, or, where they are centred, `coef_G`,
    the groups' own coefficients; `cor_G_partial`, partial correlations.
    """
    from poolish.engines.nuts.model import assemble_model

    return assemble_model(spec, design)


def _can_fit(spec: ModelSpec, design: Design) -> str | None:
    return None


def _describe(spec: ModelSpec) -> str:
    return "it fits every model"


def _fit(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    from poolish.engines.nuts.model import assemble_model
    from poolish.engines.nuts.sampling import sample_model

    choices = choose_centering(spec, design)
    model = assemble_model(spec, design, choices)
    keep = plan.keeps(g for predictor in spec.predictors.values() for g in predictor.groups)
    started = time.perf_counter()
    sampled = sample_model(model, public_variables(spec, keep_groups=keep), plan)
    seconds = time.perf_counter() - started
    empty = {
        predictor.variable("b"): np.empty((*next(iter(sampled.posterior.values())).shape[:2], 0))
        for predictor in spec.predictors.values()
        if not predictor.coefs
    }
    notes = (*_centering_notes(choices), *_sampler_notes(sampled.sampler))
    return Draws(
        {**sampled.posterior, **empty},
        sampled.sample_stats,
        "nuts",
        seconds,
        is_complete=sampled.is_complete,
        notes=notes,
    )


def _centering_notes(choices: dict[tuple[str, str], Choice]) -> tuple[str, ...]:
    return tuple(
        f"group effects of `{group}`{'' if parameter == 'mu' else f' in `{parameter}`'} are "
        f"{choice.words}: {choice.reason}"
        for (parameter, group), choice in choices.items()
    )


def _sampler_notes(sampler: str) -> tuple[str, ...]:
    if sampler == "nutpie":
        return ()
    return (f"sampled by {sampler}: nutpie, which is faster, is not installed",)


ENGINE = Engine("nuts", _can_fit, _describe, _fit)
