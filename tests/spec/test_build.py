"""Specs built from a formula and a small table: defaults with their numbers, names, refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design
from poolish.errors import FamilyError, PriorError, UnknownNameError
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.adapt import adapt_design
from poolish.spec.build import build_spec, spec_priors
from poolish.spec.correlated import list_correlated
from poolish.spec.families import family, parse_family
from poolish.spec.model import ModelSpec
from poolish.spec.prior import Prior
from poolish.spec.serialize import spec_from_json, spec_to_json

RNG = np.random.default_rng(20261120)
DATA = pd.DataFrame(
    {
        "y": RNG.normal(50.0, 10.0, 24),
        "x": RNG.normal(3.0, 0.5, 24),
        "g": np.repeat(list("abcdef"), 4),
        "chain": np.tile(list("uvw"), 8),
        "grade": pd.Categorical(np.tile(["lo", "mid", "hi"], 8), ["lo", "mid", "hi"], ordered=True),
    }
)


def spec_of(formula: str, **options: object) -> ModelSpec:
    parsed = parse(formula)
    choice = parse_family(options.pop("family", "gaussian"))
    bare, _ = build_design(parsed, read_table(DATA), {})
    design = adapt_design(choice.family, bare)
    return build_spec(parsed, design, family=choice, **options)  # type: ignore[arg-type]


def test_default_priors_are_scaled_by_the_data_with_known_numbers() -> None:
    spec = spec_of("y ~ x + (x | g)")

    sd_y, sd_x = DATA["y"].std(), DATA["x"].std()
    mad = 1.4826 * (DATA["y"] - DATA["y"].median()).abs().median()
    intercept, slope = spec.main.priors
    assert intercept.arguments == pytest.approx((DATA["y"].mean(), 2.5 * sd_y), rel=1e-3)
    assert slope.arguments == pytest.approx((0.0, 2.5 * sd_y / sd_x), rel=1e-3)
    assert spec.main.intercept_at == "average"
    assert spec.main.groups[0].sd_priors[0].arguments == pytest.approx((3, 0, mad), rel=1e-3)
    assert spec.main.groups[0].cor_priors == (Prior("lkj", (2.0,)),)
    assert spec.auxiliary["sigma"].arguments == pytest.approx((3, 0, mad), rel=1e-3)


def test_prior_on_the_raw_intercept_moves_it_to_zero_predictors() -> None:
    spec = spec_of("y ~ x", priors={"b[Intercept]": "normal(0, 100)"})

    assert spec.main.intercept_at == "zero"
    assert spec.main.priors[0] == Prior("normal", (0.0, 100.0))


def test_prior_on_intercept_stays_at_average_predictors() -> None:
    spec = spec_of("y ~ x", priors={"Intercept": "normal(0, 100)", "b": "flat()"})

    assert spec.main.intercept_at == "average"
    assert spec.main.priors == (Prior("normal", (0.0, 100.0)), Prior("flat"))


def test_without_intercept_the_scale_covers_the_level_of_the_response() -> None:
    spec = spec_of("y ~ 0 + g")

    scale = np.hypot(DATA["y"].std(), DATA["y"].mean())
    sd_column = np.std(np.r_[np.ones(4), np.zeros(20)], ddof=1)
    assert spec.main.priors[0].arguments == pytest.approx((0, 2.5 * scale / sd_column), rel=1e-3)


def test_group_called_chain_gets_a_dimension_of_its_own() -> None:
    spec = spec_of("y ~ x + (1 | chain)")

    assert spec.main.groups[0].name == "chain"
    assert spec.main.groups[0].dim == "chain_"
    assert spec.main.variable("sd", spec.main.groups[0]) == "sd_chain"


def test_distributional_parameter_has_suffixed_names_and_its_own_defaults() -> None:
    spec = spec_of("y ~ x + (1 | g)\nsigma ~ x + (1 | g)")

    names = [item.slot.names[0] for item in spec_priors(spec)]
    assert names == [
        "b[Intercept]",
        "b[x]",
        "sd_g[Intercept]",
        "b_sigma[Intercept]",
        "b_sigma[x]",
        "sd_g_sigma[Intercept]",
    ]
    location, _ = spec.predictors["sigma"].priors[0].arguments
    assert location == pytest.approx(np.log(DATA["y"].std()), rel=1e-3)
    assert spec.auxiliary == {}


def test_intercept_of_a_tail_or_shape_formula_has_the_default_of_its_own_link() -> None:
    """Without it `nu ~ x` would put half its prior on tails heavier than nu = 2."""
    spec = spec_of("y ~ x\nnu ~ x", family="student")

    assert spec.predictors["nu"].priors[0] == Prior("normal", (2.7, 0.8))


def test_a_stated_link_takes_the_general_default() -> None:
    probit = family("hurdle_gamma", hu="probit")

    assert spec_of("y ~ x\nhu ~ x", family=probit).predictors["hu"].priors[0] == Prior(
        "normal", (0.0, 2.5)
    )


def test_stated_priors_are_remembered_by_parameter() -> None:
    spec = spec_of("y ~ x + (x | g)", priors={"sd_g": "exponential(1)"})

    stated = {item.slot.names[0]: item.stated_as for item in spec_priors(spec)}
    assert stated["sd_g[x]"] == "sd_g"
    assert stated["sigma"] is None


def test_centering_is_chosen_by_group() -> None:
    spec = spec_of("y ~ x + (1 | g) + (1 | chain)", centered={"g": True})

    assert [group.is_centered for group in spec.main.groups] == [True, None]


def test_centering_of_an_unknown_group_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="`centered` names `h`"):
        spec_of("y ~ x + (1 | g)", centered={"h": True})


def test_formula_of_a_parameter_the_family_lacks_is_an_error() -> None:
    with pytest.raises(FamilyError, match="family `gaussian` has no parameter `zi`"):
        spec_of("y ~ x\nzi ~ x")


def test_thresholds_take_the_place_of_an_ordinal_models_intercept() -> None:
    spec = spec_of("grade ~ x + (1 | g)", family="cumulative")

    assert spec.main.coefs == ("x",)
    assert spec.lengths == {"threshold": 2}
    assert spec.auxiliary["threshold"] == Prior("student_t", (3.0, 0.0, 2.5))


def test_categorical_model_has_one_predictor_per_level_but_the_first() -> None:
    spec = spec_of("chain ~ x + (1 | g)", family="categorical")

    assert list(spec.predictors) == ["muv", "muw"]
    assert {predictor.formula_of for predictor in spec.predictors.values()} == {"mu"}
    assert spec.predictors["muv"].variable("b") == "b_muv"


def test_prior_of_mu_holds_for_every_category_unless_one_is_named() -> None:
    priors = {"sd": "exponential(1)", "sd_g_muw": "exponential(2)"}

    spec = spec_of("chain ~ x + (1 | g)", family="categorical", priors=priors)

    assert [p.groups[0].sd_priors[0].arguments for p in spec.predictors.values()] == [
        (1.0,),
        (2.0,),
    ]


def cor_priors(spec: ModelSpec) -> dict[str, str]:
    return {
        prior.slot.names[0]: str(prior.prior) for prior in spec_priors(spec) if prior.slot.n_effects
    }


def test_a_matrix_that_formulas_share_is_one_prior() -> None:
    intercepts = spec_of("y ~ x + (1 |p| g)\nsigma ~ 1 + (1 |p| g)")
    mixed = spec_of(
        "y ~ x + (1 + x |p| g) + (1 + x | chain)\nsigma ~ 1 + (1 |p| g)",
        priors={"cor_g__p": "lkj(4)", "cor": "lkj(1)"},
    )

    assert cor_priors(intercepts) == {"cor_g__p": "lkj(2)"}
    assert cor_priors(mixed) == {"cor_chain": "lkj(1)", "cor_g__p": "lkj(4)"}
    shared = next(each for each in list_correlated(mixed) if each.is_joint)
    assert shared.prior == Prior("lkj", (4.0,))
    assert all(p.groups[0].cor_priors == (shared.prior,) for p in mixed.predictors.values())


def test_a_shared_matrix_takes_no_second_prior_under_the_name_of_one_formula() -> None:
    priors = {"cor_g": "lkj(4)", "cor_g_sigma": "lkj(1)"}

    with pytest.raises(PriorError, match="prior `cor_g_sigma` applies to nothing") as raised:
        spec_of("y ~ x + (x |p| g)\nsigma ~ x + (x |p| g)", priors=priors)
    assert raised.value.fix == "write `cor_g__p`"


def test_a_label_of_one_formula_alone_is_no_shared_matrix() -> None:
    assert cor_priors(spec_of("y ~ x + (x |p| g)")) == {"cor_g": "lkj(2)"}


def test_spec_survives_json() -> None:
    spec = spec_of("y ~ x + (x || g)\nsigma ~ x", priors={"b": "student_t(3, 0, 2)"})

    again = spec_from_json(json.loads(json.dumps(spec_to_json(spec))))

    assert again == spec
