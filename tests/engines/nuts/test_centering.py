"""The automatic parameterization and its reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poolish.engines.nuts.centering import choose_centering, information_ratio
from poolish.relations.relation import Relation

KEY = ("mu", "g")


def choose(spec: Any, design: Any) -> Any:
    return choose_centering(spec, design)[KEY]


def with_effects(make: Any, size: float) -> Any:
    """Return a model whose groups differ by about `size` residual standard deviations."""
    spec, design = make.simple(is_centered=None)
    effects = size * np.array([-1.0, 1.0, -0.5, 0.5, -1.5, 1.5])
    y = design.response.y + effects[make.codes]
    return spec, replace(design, response=replace(design.response, y=y))


def test_groups_far_apart_are_centred(make: Any) -> None:
    choice = choose(*with_effects(make, 20.0))

    assert choice.is_centered and choice.reason.startswith("the data are rich: variance ratio")


def test_groups_close_together_are_not_centred(make: Any) -> None:
    choice = choose(*with_effects(make, 0.0))

    assert not choice.is_centered and choice.reason.startswith("the data are not rich")


def test_what_is_asked_for_is_taken(make: Any) -> None:
    choice = choose(*make.simple(is_centered=True))

    assert choice.is_centered and choice.reason == "asked for"


def test_known_covariance_is_not_centred(make: Any) -> None:
    relation = Relation(tuple(f"g{k}" for k in range(6)), covariance=np.eye(6))

    choice = choose(*make.simple(relation=relation, is_centered=True))

    assert not choice.is_centered and "known covariance" in choice.reason


def test_other_links_are_not_centred(make: Any) -> None:
    choice = choose(*make.simple(is_centered=None, family="poisson", link="log", auxiliary={}))

    assert not choice.is_centered and "safe choice" in choice.reason


def test_few_levels_are_not_centred(make: Any) -> None:
    spec, design = make.simple(is_centered=None)
    group = replace(spec.main.groups[0], levels=("a", "b"))
    spec = replace(spec, predictors={"mu": replace(spec.main, groups=(group,))})

    assert choose(spec, design).reason == "only 2 levels inform the standard deviation"


def test_ratio_of_a_balanced_one_way_layout_is_that_of_the_anova(make: Any) -> None:
    _, design = with_effects(make, 3.0)
    y = design.response.y
    only_mean = replace(design.main, X=np.ones((len(y), 1)), coefs=("Intercept",))
    groups = [y[make.codes == k] for k in range(6)]
    within = np.mean([np.var(values, ddof=1) for values in groups])
    between = np.var([values.mean() for values in groups], ddof=1) - within / 4

    ratio = information_ratio(only_mean, design.main.groups[0], y)

    assert ratio == pytest.approx(max(between, 0.0) / (within / 4))
