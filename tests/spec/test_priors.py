"""Prior texts, which stated prior applies where, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from poolish.errors import FormulaError, PriorError
from poolish.spec.prior import Prior
from poolish.spec.priors import ResolvedPrior, Slot, implied_range, parse_prior, resolve_priors

SD = Slot(("sd_g[x]", "sd_g", "sd"), Prior("half_student_t", (3.0, 0.0, 2.5)), lower=0.0)
COEF = Slot(("b[x]", "b"), Prior("normal", (0.0, 2.5)))
COR = Slot(("cor_g", "cor"), Prior("lkj", (2.0,)), n_effects=2)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("normal(0, 5)", Prior("normal", (0.0, 5.0))),
        ("normal(-1.5, 2e3)", Prior("normal", (-1.5, 2000.0))),
        ("half_student_t(3, 0, 20)", Prior("half_student_t", (3.0, 0.0, 20.0))),
        ("half_student_t(3, 20)", Prior("half_student_t", (3.0, 0.0, 20.0))),
        ("half_normal(50)", Prior("half_normal", (0.0, 50.0))),
        ("half_normal(0, 50)", Prior("half_normal", (0.0, 50.0))),
        ("flat()", Prior("flat")),
        ("constant(0)", Prior("constant", (0.0,))),
    ],
)
def test_prior_text_becomes_a_value_and_back(text: str, prior: Prior) -> None:
    assert parse_prior(text) == prior
    assert parse_prior(str(prior)) == prior


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("norml(0, 1)", "write `normal"),
        ("normal(0)", "takes 2 numbers"),
        ("normal(0, -1)", "`sd` must be above 0"),
        ("half_normal(1, 2)", "the mean of a half distribution is 0"),
        ("uniform(3, 1)", "`low` must be below `high`"),
    ],
)
def test_unreadable_prior_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(PriorError, match=message):
        parse_prior(text)


def test_infinite_number_is_refused() -> None:
    with pytest.raises(PriorError, match="every number must be finite"):
        parse_prior(Prior("normal", (0.0, np.inf)))


@pytest.mark.parametrize("text", ["normal(0, 1", "normal(0, x)", "", "normal"])
def test_text_that_is_no_call_of_numbers_is_a_formula_error(text: str) -> None:
    with pytest.raises(FormulaError):
        parse_prior(text)


def test_most_specific_stated_prior_wins() -> None:
    stated = {"sd": "exponential(1)", "sd_g": "exponential(2)", "sd_g[x]": "exponential(3)"}

    (resolved,) = resolve_priors((SD,), stated)

    assert resolved == ResolvedPrior(SD, Prior("exponential", (3.0,)), "sd_g[x]")


def test_default_applies_when_nothing_is_stated() -> None:
    (resolved,) = resolve_priors((SD,), {})

    assert resolved == ResolvedPrior(SD, SD.default, None)


def test_spaces_in_stated_names_do_not_matter() -> None:
    slot = Slot(("b[poly(x, 2)[1]]", "b"), COEF.default)

    (resolved,) = resolve_priors((slot,), {"b[poly(x,2)[1]]": "normal(0, 1)"})

    assert resolved.stated_as == "b[poly(x, 2)[1]]"


def test_name_that_applies_to_nothing_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(PriorError, match=r"applies to nothing.*\n.*\n.*\n.*write `b\[x\]`"):
        resolve_priors((COEF, SD), {"b[X]": "normal(0, 1)"})


@pytest.mark.parametrize(
    ("slot", "text", "message"),
    [
        (SD, "lkj(2)", "for correlations, and only for them"),
        (COR, "normal(0, 1)", "for correlations, and only for them"),
        (SD, "flat()", "a proper prior"),
        (SD, "constant(-1)", "a value between 0 and inf"),
        (SD, "uniform(-2, -1)", "some probability between 0 and inf"),
    ],
)
def test_prior_that_cannot_hold_for_its_parameter_is_refused(
    slot: Slot, text: str, message: str
) -> None:
    with pytest.raises(PriorError, match=message):
        resolve_priors((slot,), {slot.names[0]: text})


@pytest.mark.parametrize(
    ("slot", "text", "expected"),
    [
        (COEF, "normal(1, 2)", stats.norm(1, 2).interval(0.95)),
        (SD, "normal(0, 5)", stats.halfnorm(0, 5).interval(0.95)),
        (COEF, "flat()", (-np.inf, np.inf)),
        (COR, "lkj(2)", tuple(2 * np.array(stats.beta(2, 2).interval(0.95)) - 1)),
    ],
)
def test_implied_range_is_the_central_interval(
    slot: Slot, text: str, expected: tuple[float, float]
) -> None:
    (resolved,) = resolve_priors((slot,), {slot.names[0]: text})

    assert implied_range(resolved) == pytest.approx(expected, rel=1e-9)


def test_an_intercept_that_is_not_there_is_no_spread_of_groups() -> None:
    slots = (COEF, Slot(("sd_calf[Intercept]", "sd_calf", "sd"), COEF.default, lower=0.0))

    with pytest.raises(PriorError, match="leave this prior out"):
        resolve_priors(slots, {"Intercept": "normal(0, 1)"})


def test_accents_of_a_key_may_be_spelled_either_way() -> None:
    slot = Slot(("b[caf\u00e9]", "b"), COEF.default)

    (resolved,) = resolve_priors((slot,), {"b[cafe\u0301]": "normal(0, 1)"})

    assert resolved.stated_as == "b[caf\u00e9]"
