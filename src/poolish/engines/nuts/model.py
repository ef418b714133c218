"""A model as a `pymc.Model` that anyone can read, edit and sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolish.design.arrays import Design, PredictorDesign
from poolish.engines.nuts.centering import Choice, choose_centering
from poolish.engines.nuts.groups import Key, add_groups
from poolish.engines.nuts.names import coef_dim, effect_dims, vector_dim
from poolish.engines.nuts.population import Coefs, add_coefs
from poolish.engines.nuts.priors import Bounds, declare
from poolish.engines.nuts.start import intercept_start
from poolish.engines.nuts.tensors import Tensor
from poolish.spec.family import Parameter
from poolish.spec.model import ModelSpec, PredictorSpec
from poolish.spec.prior import Prior


def assemble_model(
    spec: ModelSpec, design: Design, choices: Mapping[Key, Choice] | None = None
) -> pm.Model:
    """Return the PyMC model of a declared model and its arrays.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    choices : Mapping of (parameter, group) to Choice, optional
        Parameterization of group effects; made here when left out.
    """
    chosen = choose_centering(spec, design) if choices is None else choices
    with pm.Model(coords=_coords(spec, design)) as model:
        coefs = {name: _add_coefs(name, spec, design) for name in spec.predictors}
        centered = {key: choice.centered for key, choice in chosen.items()}
        groups = add_groups(spec, design, centered, {n: c.values for n, c in coefs.items()})
        values = {
            name: _parameter(predictor, design, coefs[name], groups)
            for name, predictor in spec.predictors.items()
        }
        rows = {row.name: row for row in spec.family.active(design.response)}
        average = _at_average(spec, design, coefs)
        for name, prior in spec.auxiliary.items():
            values[name] = _add_auxiliary(rows[name], prior, average)
        spec.family.likelihood(
            pm,
            _response_name(model, design),
            {name: values[name] for name in rows if name in values},
            design.response,
            observed=design.response.y,
            dims="obs",
        )
    return model


def _coords(spec: ModelSpec, design: Design) -> dict[str, Any]:
    coords: dict[str, Any] = {"obs": np.arange(design.n_obs)}
    for predictor in spec.predictors.values():
        if predictor.coefs:
            coords[coef_dim(predictor)] = predictor.coefs
        for group in predictor.groups:
            coords[group.dim] = group.levels
            coords |= dict.fromkeys(effect_dims(predictor, group), group.effects)
    return coords


def _add_coefs(name: str, spec: ModelSpec, design: Design) -> Coefs:
    predictor = spec.predictors[name]
    start = intercept_start(spec, predictor, design)
    return add_coefs(predictor, design.predictors[name], dim=coef_dim(predictor), start=start)


def _parameter(
    predictor: PredictorSpec, design: Design, coefs: Coefs, groups: Mapping[Key, Tensor]
) -> Tensor:
    """Return a parameter on its own scale, shape (obs,)."""
    arrays = design.predictors[predictor.parameter]
    terms = (groups[predictor.parameter, group.name] for group in predictor.groups)
    eta = sum(terms, start=coefs.eta)
    return predictor.link.graph(pt, _over_rows(eta, arrays))


def _over_rows(eta: Tensor, arrays: PredictorDesign) -> Tensor:
    if arrays.offset.any() or eta.ndim == 0:
        return eta + arrays.offset
    return eta


def _at_average(spec: ModelSpec, design: Design, coefs: Mapping[str, Coefs]) -> Tensor:
    """Return the population part of the main predictor at average predictors."""
    name = spec.main.parameter
    means = design.predictors[name].X.mean(axis=0)
    return sum(
        (
            mean * coefs[name].values[label]
            for label, mean in zip(spec.main.coefs, means, strict=True)
        ),
        start=pt.zeros(()),
    )


def _add_auxiliary(parameter: Parameter, prior: Prior, average: Tensor) -> Tensor:
    """Return a parameter without a formula; the prior of thresholds holds at average predictors."""
    bounds = Bounds(parameter.lower, parameter.upper)
    if parameter.size is None:
        return declare(parameter.name, [prior], bounds=bounds)
    dim = vector_dim(parameter.name, parameter.dim)
    pm.modelcontext(None).add_coord(dim, np.arange(1, parameter.size + 1))
    priors = [prior] * parameter.size
    name = f"{parameter.name}_at_average"
    values = declare(name, priors, bounds=bounds, dims=dim, is_ordered=parameter.is_ordered)
    return pm.Deterministic(parameter.name, values + average, dims=dim)


def _response_name(model: pm.Model, design: Design) -> str:
    """Return the response's name, underscored where a variable or dimension has it already."""
    name = design.response.name
    while name in model.named_vars or name in model.coords:
        name += "_"
    return name
