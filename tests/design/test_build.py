from __future__ import annotations

import tracemalloc
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolish.design import build_design, evaluate_predictor, prepare_table
from poolish.errors import DataError, MissingValueError, UnknownColumnError
from poolish.formula import parse
from poolish.frame import read_table

FORMULAS = [
    "y ~ x * f + (x | id)",
    "y ~ 0 + f:h + poly(x, 2) + (0 + h || id) + offset(z)",
    "y ~ C(f, helmert) + ns(x, df=3):h + between(z, id) + (1 | f/h)",
    "y ~ log(z) + scale(x) + factor(s) + (1 | id) + (0 + x | id)",
]


def frame(seed):
    rng = np.random.default_rng(seed)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 2, size=n),
            "f": rng.permutation(np.repeat(["a", "b", "c"], 20)),
            "h": rng.permutation(np.repeat(["u", "v"], 30)),
            "id": rng.permutation(np.repeat(np.arange(10), 6)),
            "s": rng.permutation(np.repeat(np.arange(3), 20)),
        }
    )


@pytest.mark.parametrize("text", FORMULAS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_predicting_the_training_data_gives_the_fitted_design(text, seed):
    table = read_table(frame(seed))
    design, recipe = build_design(parse(text), table, {})

    found = evaluate_predictor(recipe, "mu", table, groups=True)

    np.testing.assert_array_equal(found.X, design.main.X)
    np.testing.assert_array_equal(found.offset, design.main.offset)
    assert found.coefs == design.main.coefs
    for group, fitted in zip(found.groups, design.main.groups, strict=True):
        np.testing.assert_array_equal(group.codes, fitted.codes)
        np.testing.assert_array_equal(group.Z, fitted.Z)


@pytest.mark.parametrize("text", FORMULAS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_row_order_does_not_matter(text, seed):
    data = frame(seed)
    order = np.random.default_rng(seed).permutation(len(data))

    design, _ = build_design(parse(text), read_table(data), {})
    shuffled, _ = build_design(parse(text), read_table(data.iloc[order]), {})

    np.testing.assert_allclose(shuffled.main.X, design.main.X[order], atol=1e-9)
    for group, fitted in zip(shuffled.main.groups, design.main.groups, strict=True):
        np.testing.assert_array_equal(group.codes, fitted.codes[order])


@pytest.mark.parametrize("text", FORMULAS)
def test_relabelling_levels_in_order_only_changes_labels(text):
    data = frame(1)
    relabelled = data.assign(f=data["f"].map({"a": "k", "b": "l", "c": "m"}), id=data["id"] * 7)

    design, _ = build_design(parse(text), read_table(data), {})
    renamed, _ = build_design(parse(text), read_table(relabelled), {})

    np.testing.assert_allclose(renamed.main.X, design.main.X, atol=1e-12)
    for group, fitted in zip(renamed.main.groups, design.main.groups, strict=True):
        np.testing.assert_array_equal(group.codes, fitted.codes)


@pytest.mark.parametrize(
    ("text", "coefs"),
    [
        ("y ~ x + f", ("Intercept", "x", "f[b]", "f[c]", "f[d]")),
        ("y ~ 0 + h", ("h[u]", "h[v]")),
        ("y ~ h:x", ("Intercept", "h[u]:x", "h[v]:x")),
        ("y ~ I(x^2) + log(z)", ("Intercept", "I(x^2)", "log(z)")),
        ("y ~ poly(x, 2)", ("Intercept", "poly(x, 2)[1]", "poly(x, 2)[2]")),
    ],
)
def test_coefficients_are_named_as_typed(build, text, coefs):
    assert build(text)[0].main.coefs == coefs


def test_slopes_by_level_without_intercept_keep_full_rank(build):
    design, _ = build("y ~ 0 + x + x:h")

    assert design.main.coefs == ("x", "x:h[v]")


def test_a_column_called_intercept_is_set_apart(build, data):
    design, _ = build("y ~ Intercept", data.rename(columns={"x": "Intercept"}))

    assert design.main.coefs == ("Intercept", "Intercept_")


def test_a_name_in_backticks_is_labelled_without_them(build, data):
    design, _ = build(
        "y ~ `my x` + (1 | `the id`)", data.rename(columns={"x": "my x", "id": "the id"})
    )

    assert design.main.coefs == ("Intercept", "my x")
    assert design.main.groups[0].name == "the id"


def test_two_coefficients_of_one_name_are_an_error(build, data):
    with pytest.raises(DataError, match=r"two coefficients would both be called `f\[b\]`"):
        build("y ~ f + `f[b]`", data.rename(columns={"x": "f[b]"}))


def test_a_factor_of_very_many_levels_is_no_population_term():
    data = pd.DataFrame({"y": np.arange(6000.0), "f": [f"p{k}" for k in range(6000)]})

    with pytest.raises(DataError, match=r"each of 6,000 levels(.*\n)*.*`\(1 \| f\)`"):
        build_design(parse("y ~ f"), read_table(data), {})


def test_a_formula_can_have_no_population_terms(build):
    design, _ = build("y ~ 0 + (1 | id)")

    assert design.main.X.shape == (40, 0)
    assert design.main.coefs == ()


def test_offsets_add_up(build, data):
    design, _ = build("y ~ x + offset(z) + offset(log(z))")

    np.testing.assert_allclose(design.main.offset, data["z"] + np.log(data["z"]))


def test_missing_values_are_refused(build, data):
    data.loc[2, "id"] = np.nan

    with pytest.raises(MissingValueError, match=r"`id` 1 \(row 2\)"):
        build("y ~ x + (1 | id)", data)


def test_only_the_columns_of_the_formula_may_not_be_missing(data):
    data.loc[2, "z"] = np.nan
    data.loc[3, "x"] = np.nan

    table, dropped = prepare_table(parse("y ~ x + (1 | id)"), read_table(data), "drop")

    assert dropped == (3,)
    assert table.n_obs == 39


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("y ~ Q + (1 | id)", "y ~ Q"),
        ("y ~ x + (Q | id)", "y ~ x + (Q"),
        ("y ~ x + (1 | id:Q)", "y ~ x + (1 | id:Q"),
        ("y | weights(Q) ~ x", "y | weights(Q"),
        ("y ~ log(Q)", "y ~ log(Q"),
    ],
)
def test_an_unknown_column_is_marked_in_the_formula(build, text, marked):
    with pytest.raises(UnknownColumnError, match="`Q` is not a column") as caught:
        build(text)

    source = caught.value.source
    assert source.text[: source.stop] == marked


def test_an_unknown_column_in_new_data_is_an_error(build):
    _, recipe = build("y ~ x")

    with pytest.raises(UnknownColumnError, match="`x` is not a column"):
        evaluate_predictor(recipe, "mu", read_table({"z": [1.0]}), groups=True)


def measure(n_obs, n_groups):
    """Return seconds, peak memory beyond the data, and the data's memory, of building a slope."""
    rng = np.random.default_rng(1)
    group = rng.permutation(np.arange(n_obs) % n_groups)
    data = pd.DataFrame({"y": rng.normal(size=n_obs), "x": rng.normal(size=n_obs), "g": group})
    formula = parse("y ~ x + (x | g)")
    start = perf_counter()
    build_design(formula, read_table(data), {})
    seconds = perf_counter() - start
    tracemalloc.start()
    try:
        design, _ = build_design(formula, read_table(data), {})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert design.main.groups[0].n_levels == n_groups
    return seconds, peak, data.memory_usage(index=False).sum()


def test_no_array_has_a_column_per_group():
    _, peak, _ = measure(20_000, 2_000)

    dense = 20_000 * 2_000 * 8
    assert peak < dense / 50


@pytest.mark.slow
def test_a_million_rows_build_in_seconds_and_in_three_times_their_memory():
    seconds, peak, size = measure(1_000_000, 100_000)

    assert seconds < 5
    assert peak < 3 * size
