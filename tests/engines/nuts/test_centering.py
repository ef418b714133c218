"""The automatic parameterization and its reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import poolish as po
from poolish.engines.nuts.centering import choose_centering, information_ratio
from poolish.engines.nuts.working import Working, working_ratios, working_response
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

    assert choice.centered == (True,) and choice.reason.startswith(
        "the data are rich: variance ratio"
    )


def test_groups_close_together_are_not_centred(make: Any) -> None:
    choice = choose(*with_effects(make, 0.0))

    assert choice.centered == (False,) and choice.reason.startswith("the data are not rich")


def test_what_is_asked_for_is_taken(make: Any) -> None:
    choice = choose(*make.simple(is_centered=True))

    assert choice.centered == (True,) and choice.reason == "asked for"


def test_known_covariance_is_not_centred(make: Any) -> None:
    relation = Relation(tuple(f"g{k}" for k in range(6)), covariance=np.eye(6))

    choice = choose(*make.simple(relation=relation, is_centered=True))

    assert choice.centered == (False,) and "known covariance" in choice.reason


def counts(effects: np.ndarray, slopes: np.ndarray | None = None) -> Any:
    """Return a Poisson model of 40 groups of six rows, x and -x, about exp(2 + effect) each."""
    rng = np.random.default_rng(3)
    codes, x = np.repeat(np.arange(40), 6), np.tile([-1.0, 1.0], 120)
    eta = 2.0 + effects[codes] + (0.0 if slopes is None else slopes[codes] * x)
    data = pd.DataFrame({"y": rng.poisson(np.exp(eta)), "x": x, "g": [f"g{k}" for k in codes]})
    model = po.model("y ~ x + (x | g)", data, family="poisson")
    return choose(model.spec, model.design)


def test_large_counts_centre_the_effects_that_they_inform() -> None:
    spread = np.random.default_rng(4).normal(size=40)

    assert counts(spread).centered == (True, False)
    assert counts(spread, 0.7 * np.roll(spread, 1)).centered == (True, True)
    assert counts(0.0 * spread).centered == (False, False)
    assert counts(spread).words == "partly centred"


def test_ordinal_outcomes_are_not_centred(make: Any) -> None:
    arrays = make.predictor([make.group(((0,),))], n_coefs=1, has_intercept=False)
    predictor = make.predictor_spec(arrays, link="latent", is_centered=None)
    spec, design = make.model({"mu": (predictor, arrays)}, family="cumulative", auxiliary={})

    choice = choose(spec, design)

    assert choice.centered == (False,) and "safe choice" in choice.reason


def test_the_working_ratio_of_balanced_groups_is_the_limit_of_chi_squared(make: Any) -> None:
    _, design = with_effects(make, 3.0)
    y, group = design.response.y, design.main.groups[0]
    only_mean = replace(design.main, X=np.ones((len(y), 1)), coefs=("Intercept",))
    means = np.array([y[make.codes == k].mean() for k in range(6)])
    Q = 4 / 2.5 * np.sum((means - means.mean()) ** 2)

    (ratio,) = working_ratios(only_mean, group, Working(y, np.ones(len(y)), 2.5))

    # (J - 1) Q / (1 + ratio) is chi-squared: its upper 2.5 % quantile gives the least ratio.
    assert ratio == pytest.approx(Q / stats.chi2.ppf(0.975, 5) - 1.0)


def test_working_response_of_counts_is_that_of_a_glm(make: Any) -> None:
    spec, design = make.simple(family="poisson", link="log", auxiliary={})
    y, codes = design.response.y, make.codes
    mean = np.array([(y[codes == k].sum() + y.mean()) / 5.0 for k in range(6)])[codes]

    working = working_response(spec, design, design.main.groups[0])

    # McCullagh & Nelder (1989), section 2.5: z = eta + (y - mu) / mu, W = mu.
    np.testing.assert_allclose(working.y, np.log(mean) + (y - mean) / mean)
    np.testing.assert_allclose(working.weights, mean)
    assert working.dispersion == 1.0


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
