from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poolish.design import evaluate_predictor
from poolish.errors import (
    DataError,
    FormulaError,
    RelationError,
    UnknownNameError,
    UnsupportedError,
)
from poolish.frame import read_table
from poolish.relations.relation import Relation


def relation(labels):
    return Relation(tuple(labels), np.eye(len(labels)))


def test_a_random_slope_is_codes_and_two_columns(build, data):
    design, _ = build("y ~ x + (x | id)")
    (group,) = design.main.groups

    assert group.name == "id"
    assert group.effects == ("Intercept", "x")
    assert group.levels == ("2", "9", "10", "33", "101")
    assert [group.levels[code] for code in group.codes] == [str(i) for i in data["id"]]
    np.testing.assert_array_equal(group.Z, np.column_stack([np.ones(40), data["x"]]))
    assert group.blocks == ((0, 1),)
    assert group.relation is None


@pytest.mark.parametrize(
    ("terms", "effects", "blocks"),
    [
        ("(x || id)", ("Intercept", "x"), ((0,), (1,))),
        ("(1 | id) + (0 + x | id)", ("Intercept", "x"), ((0,), (1,))),
        ("(x | id) + (0 + z | id)", ("Intercept", "x", "z"), ((0, 1), (2,))),
        ("(0 + h | id)", ("h[u]", "h[v]"), ((0, 1),)),
        ("(h || id)", ("Intercept", "h[v]"), ((0,), (1,))),
        ("(0 + h || id)", ("h[u]", "h[v]"), ((0,), (1,))),
        ("(h * x | id)", ("Intercept", "h[v]", "x", "h[v]:x"), ((0, 1, 2, 3),)),
        ("(poly(x, 2) | id)", ("Intercept", "poly(x, 2)[1]", "poly(x, 2)[2]"), ((0, 1, 2),)),
    ],
)
def test_terms_over_one_factor_merge_into_blocks(build, terms, effects, blocks):
    design, _ = build(f"y ~ 1 + {terms}")
    (group,) = design.main.groups

    assert (group.name, group.effects, group.blocks) == ("id", effects, blocks)
    assert group.Z.shape == (40, len(effects))
    assert group.share == (None,) * len(blocks)


def test_an_interaction_has_the_combinations_that_occur(build, data):
    data = data[~((data["f"] == "a") & (data["h"] == "u"))]
    design, _ = build("y ~ 1 + (1 | f:h)", data)
    (group,) = design.main.groups

    assert group.name == "f:h"
    assert group.levels == ("a:v", "b:u", "b:v", "c:u", "c:v", "d:u", "d:v")
    assert [group.levels[code] for code in group.codes] == list(data["f"] + ":" + data["h"])


def test_nesting_makes_an_outer_and_an_inner_factor(build, data):
    design, _ = build("y ~ 1 + (1 | f/h)")

    assert [group.name for group in design.main.groups] == ["f", "f:h"]
    assert design.main.groups[1].n_levels == len(data[["f", "h"]].drop_duplicates())


def test_three_factors_cross(build, data):
    design, _ = build("y ~ 1 + (1 | f:h:id)")
    (group,) = design.main.groups

    expected = data["f"] + ":" + data["h"] + ":" + data["id"].astype(str)
    assert [group.levels[code] for code in group.codes] == list(expected)


def test_categories_keep_their_order_and_lose_empty_levels(build, data):
    data["f"] = pd.Categorical(data["f"], categories=["d", "c", "none", "b", "a"])

    design, _ = build("y ~ f + (1 | f)", data)

    assert design.main.groups[0].levels == ("d", "c", "b", "a")
    assert design.main.coefs == ("Intercept", "f[c]", "f[b]", "f[a]")


def test_a_group_in_another_parameters_formula_is_its_own(build):
    design, _ = build(["y ~ x + (1 |p| id)", "sigma ~ z + (1 |p| id)"])

    assert list(design.predictors) == ["mu", "sigma"]
    assert design.predictors["sigma"].coefs == ("Intercept", "z")
    assert design.predictors["sigma"].groups[0].share == ("p",)


def test_the_same_effect_twice_is_an_error(build):
    with pytest.raises(FormulaError, match=r"group `id` has the effect `x` more than once"):
        build("y ~ x + (x | id) + (0 + x | id)")


def test_labels_that_meet_are_an_error(build, data):
    data["f"] = np.where(data.index % 2, "a:b", "a")
    data["h"] = np.where(data.index % 2, "c", "b:c")

    with pytest.raises(DataError, match="two groups of `f:h` would both be called `a:b:c`"):
        build("y ~ 1 + (1 | f:h)", data)


# --- Known covariances ---


@pytest.mark.parametrize("term", ["kin(id, K)", "gr(id, cov=K)"])
def test_levels_are_those_of_the_relation_in_its_order(build, data, term):
    K = relation(["x", "101", "9", "33", "2", "y", "10"])

    design, recipe = build(f"y ~ 1 + (1 | {term})", relations={"K": K})
    (group,) = design.main.groups

    assert (group.name, group.levels, group.relation) == ("id", K.labels, K)
    assert [group.levels[code] for code in group.codes] == [str(i) for i in data["id"]]
    assert recipe.group_levels["mu"]["id"] == K.labels


def test_ordinary_and_related_effects_of_one_factor_have_two_names(build):
    K = relation(["2", "9", "10", "33", "101"])

    design, _ = build("y ~ 1 + (1 | kin(id, K)) + (1 | id)", relations={"K": K})

    assert [group.name for group in design.main.groups] == ["id.K", "id"]
    assert [group.relation for group in design.main.groups] == [K, None]


def test_two_relations_of_one_factor_have_two_names(build):
    K = relation(["2", "9", "10", "33", "101"])

    design, _ = build("y ~ 1 + (1 | kin(id, A)) + (1 | kin(id, D))", relations={"A": K, "D": K})

    assert [group.name for group in design.main.groups] == ["id.A", "id.D"]


def test_ids_that_the_relation_lacks_are_listed(build):
    with pytest.raises(RelationError, match=r"`K` does not know\n(.*\n)*  given:    10, 33\n"):
        build("y ~ 1 + (1 | kin(id, K))", relations={"K": relation(["2", "9", "101"])})


def test_a_long_list_of_ids_is_cut(build, data):
    data["id"] = np.arange(40)

    with pytest.raises(RelationError, match=r"0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\. \(40 in all\)"):
        build("y ~ 1 + (1 | kin(id, K))", data, {"K": relation("ab")})


def test_labels_of_the_relation_are_shown_beside_the_ids_that_it_lacks(build):
    with pytest.raises(RelationError, match="one of the 3 labels of `K`, such as `002`, `009`"):
        build("y ~ 1 + (1 | kin(id, K))", relations={"K": relation(["002", "009", "010"])})


def test_a_relation_that_no_term_has_is_an_error(build):
    # Else `(1 | id)` would be fitted, with unrelated levels, as if K were in it.
    with pytest.raises(UnknownNameError, match=r"`K` is given, but no term(.*\n)*.*kin\(id, K\)"):
        build("y ~ 1 + (1 | id)", relations={"K": relation(["2", "9", "10", "33", "101"])})


def test_a_relation_that_was_not_given_is_an_error_with_those_given(build):
    with pytest.raises(UnknownNameError, match=r"relation `K` that was not(.*\n)*.*`A`"):
        build("y ~ 1 + (1 | kin(id, K))", relations={"A": relation("ab")})


@pytest.mark.parametrize("term", ["(1 | gr(id, by=h))", "(1 | mm(f, h))"])
def test_groupings_that_are_not_fitted_yet_are_refused(build, term):
    with pytest.raises(UnsupportedError, match="is not fitted yet"):
        build(f"y ~ 1 + {term}")


# --- New data ---


def test_new_levels_get_code_minus_one(build):
    _, recipe = build("y ~ x + (x | id) + (1 | f:h)")
    new = {"x": [1.0, 2.0], "id": [10, 11], "f": ["a", "e"], "h": ["u", "u"]}

    by_id, by_combination = evaluate_predictor(recipe, "mu", read_table(new), groups=True).groups

    np.testing.assert_array_equal(by_id.codes, [2, -1])
    np.testing.assert_array_equal(by_id.Z, [[1, 1], [1, 2]])
    assert by_id.levels == ("2", "9", "10", "33", "101")
    np.testing.assert_array_equal(by_combination.codes, [0, -1])


def test_without_groups_their_columns_are_not_needed(build):
    _, recipe = build("y ~ x + (z | id)")

    found = evaluate_predictor(recipe, "mu", read_table({"x": [1.0]}), groups=False)

    assert found.groups == ()
    np.testing.assert_array_equal(found.X, [[1, 1]])
