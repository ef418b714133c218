"""What the exact engine can fit, and the reason where it cannot."""

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design
from poolish.engines.exact.reach import MAX_OPERATIONS, can_estimate, can_fit
from poolish.engines.exact.residual import MAX_STRATA
from poolish.engines.exact.structure import MAX_PLACED
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

N = 120
RNG = np.random.default_rng(0)
DATA = pd.DataFrame(
    {
        "y": RNG.uniform(1, 2, N),
        "x": RNG.normal(size=N),
        "g": np.arange(N) % 12,
        "h": np.arange(N) % 7,
        "s": RNG.uniform(1, 2, N),
        "c": np.arange(N) % 2,
        "few": np.arange(N) % 3,
    }
)


def model_of(formula, *, data=DATA, family="gaussian", priors=None):
    parsed = parse(formula)
    design, _ = build_design(parsed, read_table(data), {})
    return build_spec(parsed, design, family=family, priors=priors or {}), design


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x",
        "y ~ 0 + x",
        "y ~ x + (x | g) + (1 | h)",
        "y ~ x + (1 | g / h)",
        "y | se(s) ~ 1 + (1 | g)",
        "y | weights(s) ~ x + (x || g)",
        ["y ~ x + (1 | g)", "sigma ~ factor(few)"],
        ["y ~ x + (1 | g)", "sigma ~ 0 + factor(few)"],
    ],
)
def test_gaussian_models_are_within_reach(formula):
    assert can_fit(*model_of(formula)) is None


@pytest.mark.parametrize(
    ("formula", "options", "reason"),
    [
        ("y ~ x", {"family": "student"}, "the family is student, not gaussian"),
        ("y | cens(c) ~ x", {}, "the response is censored"),
        ("y | trunc(lb=0) ~ x", {}, "the response is truncated"),
        (["y ~ x", "sigma ~ x"], {}, f"different values, more than {MAX_STRATA}"),
        (["y ~ x", "sigma ~ (1 | g)"], {}, "`sigma` has group effects"),
        (
            "y ~ x",
            {"priors": {"b": "student_t(3, 0, 1)"}},
            "the prior of `b[x]` is student_t(3, 0, 1), not normal or flat",
        ),
        ("y ~ x", {"priors": {"sigma": "constant(0)"}}, "`sigma` is fixed at 0"),
    ],
)
def test_the_reason_is_given(formula, options, reason):
    found = can_fit(*model_of(formula, **options))

    assert found is not None
    assert reason in found


def test_flat_priors_need_predictors_that_the_data_tell_apart():
    spec, design = model_of("y ~ x", priors={"b[x]": "flat()", "b[Intercept]": "flat()"})
    object.__setattr__(design.main, "X", np.ones((N, 2)))

    assert can_fit(spec, design) == "coefficients with flat priors are not determined by the data"
    assert can_estimate(spec, design) is not None


def test_priors_do_not_matter_for_estimates():
    spec, design = model_of("y ~ x + (1 | g)", priors={"b": "student_t(3, 0, 1)"})

    assert can_estimate(spec, design) is None


def test_any_number_of_nested_levels_is_within_reach():
    pupil = np.arange(10 * MAX_PLACED)
    nested = {"y": RNG.normal(size=len(pupil)), "g": pupil, "h": pupil // 2, "k": pupil // 20}

    found = can_fit(*model_of("y ~ 1 + (1 | k / h / g)", data=pd.DataFrame(nested)))

    assert found is None


def test_crossed_levels_that_fill_the_sparse_factor_are_left_to_another_engine():
    n = 60_000
    crossed = {name: RNG.integers(0, size, n) for name, size in (("g", 20_000), ("h", 6_000))}
    data = pd.DataFrame({"y": RNG.normal(size=n), **crossed})

    found = can_fit(*model_of("y ~ 1 + (1 | g) + (1 | h)", data=data))

    assert "the levels of `g`, `h` are crossed so densely that the sparse factor fills in" in found
    assert f"more than {MAX_OPERATIONS:.0e}" in found


def test_tables_too_large_for_memory_are_left_to_another_engine():
    n_levels = 200
    meets = np.array([(g, h) for g in range(n_levels) for h in range(n_levels)])
    full = pd.DataFrame({"g": np.repeat(meets[:, 0], 1), "h": meets[:, 1]})
    full["y"] = RNG.normal(size=len(full))
    full["x"] = RNG.normal(size=len(full))
    spec, design = model_of("y ~ 1 + (x | g) + (x | h)", data=full)

    found = can_fit(spec, design)

    assert found is None or "memory" in found


def test_weights_must_be_positive():
    spec, design = model_of("y | weights(s) ~ x")
    object.__setattr__(design.response, "weights", np.zeros(N))

    assert can_fit(spec, design) == "some weights are not positive"
