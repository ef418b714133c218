"""A `ModelSpec` as JSON values and back: saved fits hold text and numbers, never code."""

from __future__ import annotations

from typing import Any

from poolish.formula import parse
from poolish.spec.families import family
from poolish.spec.links import parse_link
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

type Json = dict[str, Any]


def spec_to_json(spec: ModelSpec) -> Json:
    """Return a spec as a dict of JSON values."""
    return {
        "formula": str(spec.formula),
        "family": spec.family.name,
        "predictors": {name: _predictor_to_json(p) for name, p in spec.predictors.items()},
        "auxiliary": {name: _prior_to_json(prior) for name, prior in spec.auxiliary.items()},
        "lengths": dict(spec.lengths),
        "stated": dict(spec.stated),
    }


def spec_from_json(value: Json) -> ModelSpec:
    """Return the spec that `spec_to_json` wrote."""
    return ModelSpec(
        formula=parse(value["formula"]),
        family=family(value["family"]).family,
        predictors={name: _predictor_from_json(p) for name, p in value["predictors"].items()},
        auxiliary={name: _prior_from_json(prior) for name, prior in value["auxiliary"].items()},
        lengths=value["lengths"],
        stated=value["stated"],
    )


def _prior_to_json(prior: Prior) -> list[Any]:
    return [prior.distribution, *prior.arguments]


def _prior_from_json(value: list[Any]) -> Prior:
    return Prior(value[0], tuple(value[1:]))


def _predictor_to_json(predictor: PredictorSpec) -> Json:
    return {
        "parameter": predictor.parameter,
        "link": predictor.link.name,
        "coefs": list(predictor.coefs),
        "priors": [_prior_to_json(prior) for prior in predictor.priors],
        "intercept_at": predictor.intercept_at,
        "groups": [_group_to_json(group) for group in predictor.groups],
        "formula_of": predictor.formula_of,
    }


def _predictor_from_json(value: Json) -> PredictorSpec:
    return PredictorSpec(
        parameter=value["parameter"],
        link=parse_link(value["link"]),
        coefs=tuple(value["coefs"]),
        priors=tuple(_prior_from_json(prior) for prior in value["priors"]),
        intercept_at=value["intercept_at"],
        groups=tuple(_group_from_json(group) for group in value["groups"]),
        formula_of=value["formula_of"],
    )


def _group_to_json(group: GroupSpec) -> Json:
    return {
        "name": group.name,
        "dim": group.dim,
        "effects": list(group.effects),
        "levels": list(group.levels),
        "blocks": [list(block) for block in group.blocks],
        "sd_priors": [_prior_to_json(prior) for prior in group.sd_priors],
        "cor_priors": [_prior_to_json(prior) for prior in group.cor_priors],
        "is_centered": group.is_centered,
        "share": list(group.share),
        "relation": group.relation,
    }


def _group_from_json(value: Json) -> GroupSpec:
    return GroupSpec(
        name=value["name"],
        dim=value["dim"],
        effects=tuple(value["effects"]),
        levels=tuple(value["levels"]),
        blocks=tuple(tuple(block) for block in value["blocks"]),
        sd_priors=tuple(_prior_from_json(prior) for prior in value["sd_priors"]),
        cor_priors=tuple(_prior_from_json(prior) for prior in value["cor_priors"]),
        is_centered=value["is_centered"],
        share=tuple(value["share"]),
        relation=value["relation"],
    )
