from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.design.arrays import PredictorDesign
from poolish.engines.exact import structure
from poolish.engines.exact.blocked import Blocked
from poolish.engines.exact.dense import Dense
from poolish.engines.exact.population import build_population, flat_prior
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.prepare import prepare
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.spectral import Spectral
from poolish.engines.exact.structure import build_structure, structure_obstacle
from poolish.relations import Relation, precision

N = 12
LABELS = tuple(map(str, range(N)))
DENSE = Relation(LABELS, np.eye(N) + 0.5)
SPARSE = precision(np.eye(N), LABELS)


@pytest.fixture
def predictor(make_group, make_design) -> PredictorDesign:
    codes = np.append(np.arange(N), np.arange(N)[::-1])
    once = make_group(codes[:N], np.ones(N), name="id")
    return make_design(np.arange(float(N)), np.ones(N), [once]).main


def built(predictor: PredictorDesign, make_design):
    residual = build_residual(make_design(np.arange(float(N)), np.ones(N)))
    y = np.random.default_rng(1).normal(size=N)
    population = build_population(predictor, y, residual.weights, flat_prior(1))
    return build_structure(predictor, residual, population)


def with_relations(predictor: PredictorDesign, *relations: Relation | None) -> PredictorDesign:
    group = predictor.groups[0]
    groups = tuple(replace(group, relation=relation) for relation in relations)
    return replace(predictor, groups=groups)


@pytest.mark.parametrize(
    "relations, kind",
    [
        ((None,), Blocked),
        ((DENSE,), Spectral),
        ((SPARSE,), Spectral),
        ((SPARSE, None), Dense),
        ((SPARSE, SPARSE), Dense),
        ((DENSE, None), Dense),
        ((DENSE, SPARSE), Dense),
    ],
)
def test_each_model_has_its_structure(predictor, make_design, relations, kind: type) -> None:
    assert isinstance(built(with_relations(predictor, *relations), make_design), kind)


def test_very_many_independent_levels_are_sparse(
    predictor, make_group, make_design, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = make_group(np.arange(N) // 2, np.ones(N), name="half")
    nested = replace(predictor, groups=(*predictor.groups, half))

    assert isinstance(built(nested, make_design), Blocked)
    monkeypatch.setattr(structure, "MIN_PLACED", 2)
    monkeypatch.setattr(structure, "SPARSE_ADVANTAGE", 5.0)
    assert isinstance(built(nested, make_design), Precision)
    monkeypatch.setattr(structure, "SPARSE_ADVANTAGE", 1000.0)
    assert isinstance(built(nested, make_design), Blocked)
    monkeypatch.setattr(structure, "MAX_PLACED", 5)
    assert isinstance(built(nested, make_design), Precision)


@pytest.mark.parametrize(
    "relations, limit",
    [
        ((SPARSE,), "MAX_INVERTED"),
        ((SPARSE, None), "MAX_INVERTED"),
        ((SPARSE, SPARSE), "MAX_SMALL"),
    ],
)
def test_a_large_sparse_precision_stays_sparse(
    predictor, make_design, monkeypatch: pytest.MonkeyPatch, relations, limit: str
) -> None:
    monkeypatch.setattr(structure, limit, N - 1)

    assert isinstance(built(with_relations(predictor, *relations), make_design), Precision)


def test_dense_and_sparse_maternal_models_are_the_same(rng, monkeypatch) -> None:
    ids = [f"a{i:02d}" for i in range(40)]
    # Even ones are sires, odd ones dams, of those ten to nineteen later.
    sires = [None] * 10 + [ids[i - 10 - i % 2] for i in range(10, 40)]
    dams = [None] * 10 + [ids[i - 9 - i % 2] for i in range(10, 40)]
    frame = pd.DataFrame({"id": ids, "sire": sires, "dam": dams})
    pedigree = po.Pedigree.from_frame(frame, id="id", sire="sire", dam="dam")
    data = frame[10:].assign(y=rng.normal(size=30), x=rng.normal(size=30))
    formula = "y ~ x + (1 | kin(id, A)) + (1 | kin(dam, A))"
    model = po.model(formula, data, relations={"A": pedigree})
    theta = rng.normal(size=(5, 3))

    small = prepare(model.spec, model.design)
    monkeypatch.setattr(structure, "MAX_SMALL", 0)
    large = prepare(model.spec, model.design)

    assert (type(small.likelihood), type(large.likelihood)) == (Dense, Precision)
    np.testing.assert_allclose(
        small.target.log_density(theta), large.target.log_density(theta), atol=1e-8
    )
    for one in theta:
        slopes = (prepared.target.gradient(one)[1] for prepared in (small, large))
        np.testing.assert_allclose(*slopes, atol=1e-8)


@pytest.mark.parametrize(
    "relations, limit, reason",
    [
        ((DENSE,), "MAX_SPECTRAL", "a known covariance of 12 levels, more than 5"),
        ((DENSE, DENSE), "MAX_DENSE", "known covariances over 12 distinct rows, more than 5"),
        ((SPARSE, None), "MAX_SPECTRAL", None),
        ((DENSE,), "MAX_DENSE", None),
        ((None,), "MAX_DENSE", None),
    ],
)
def test_models_out_of_reach_say_why(
    predictor, make_design, monkeypatch: pytest.MonkeyPatch, relations, limit: str, reason
) -> None:
    monkeypatch.setattr(structure, limit, 5)
    residual = build_residual(make_design(np.arange(float(N)), np.ones(N)))

    assert structure_obstacle(with_relations(predictor, *relations), residual) == reason
