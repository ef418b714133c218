"""A fit's DataTree: names, dimensions, labels, and the design made again from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from tests.made_fits import make_posterior

from poolish.posterior import rebuild_design, with_group
from poolish.relations.relation import Relation


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "y": rng.normal(size=12),
            "x": rng.normal(size=12),
            "f": pd.Categorical(list("abcabcabcabc"), categories=list("cab")),
            "g": [308, 308, 309, 309, 20, 20] * 2,
            "item": list("uvuvuvuvuvuv"),
        },
        index=[f"row {i}" for i in range(12)],
    )


def assert_same_design(found, expected):
    for name, predictor in expected.predictors.items():
        other = found.predictors[name]
        np.testing.assert_array_equal(other.X, predictor.X)
        np.testing.assert_array_equal(other.offset, predictor.offset)
        assert other.coefs == predictor.coefs
        for group, wanted in zip(other.groups, predictor.groups, strict=True):
            np.testing.assert_array_equal(group.codes, wanted.codes)
            np.testing.assert_array_equal(group.Z, wanted.Z)
            assert (group.name, group.effects) == (wanted.name, wanted.effects)
            assert (group.levels, group.blocks) == (wanted.levels, wanted.blocks)
    np.testing.assert_array_equal(found.response.y, expected.response.y)


def test_variables_have_the_names_and_dimensions_people_see(brms_sleep):
    draws = brms_sleep.draws

    dims = {str(name): variable.dims[2:] for name, variable in draws.data_vars.items()}

    assert dims == {
        "b": ("coef",),
        "sd_Subject": ("Subject_effect",),
        "cor_Subject": ("Subject_effect", "Subject_effect_bis"),
        "r_Subject": ("Subject", "Subject_effect"),
        "sigma": (),
    }
    assert all(variable.dims[:2] == ("chain", "draw") for variable in draws.data_vars.values())


def test_labels_select_a_group_effect(brms_sleep):
    value = brms_sleep.draws["r_Subject"].sel(Subject="308", Subject_effect="Days")

    assert value.sizes == {"chain": 4, "draw": 250}


def test_tree_has_the_groups_that_arviz_reads(brms_sleep):
    assert list(brms_sleep.tree.children) == ["posterior", "observed_data", "constant_data"]
    assert brms_sleep.tree["observed_data"]["Reaction"].dims == ("obs",)


def test_constant_data_are_the_columns_as_typed(rows):
    posterior = make_posterior("y ~ f + log(x + 5) + (1 | g)", rows)

    constant = posterior.tree["constant_data"]

    np.testing.assert_array_equal(constant["x"].values, rows["x"])
    assert list(constant["f_levels"].values) == ["c", "a", "b"]
    assert list(constant.coords["obs"].values[:2]) == ["row 0", "row 1"]


def test_other_parameters_have_variables_and_dimensions_of_their_own(rows):
    posterior = make_posterior(["y ~ x + (1 | g)", "sigma ~ 1 + x + (1 | g)"], rows)

    draws = posterior.draws

    assert draws["b_sigma"].dims == ("chain", "draw", "coef_sigma")
    assert draws["r_g_sigma"].dims == ("chain", "draw", "g", "g_effect_sigma")
    assert "sigma" not in draws


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (x | g)",
        "y ~ f * x + (1 + f || g) + (1 | item)",
        "y ~ poly(x, 2) + C(f, sum) + I(x^3) + (1 | g/item)",
        "y ~ offset(x) + (x || g:item)",
    ],
)
def test_design_is_made_again_from_stored_columns(rows, formula):
    posterior = make_posterior(formula, rows)

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    assert_same_design(design, posterior.design)


def test_design_keeps_a_response_that_is_not_the_tables(rows):
    posterior = make_posterior("y ~ x", rows)
    observed = posterior.tree["observed_data"].to_dataset()
    changed = with_group(posterior, "observed_data", observed + 1.0)

    design = rebuild_design(changed.tree, changed.spec, changed.recipe)

    np.testing.assert_array_equal(design.response.y, rows["y"] + 1.0)


def test_dense_known_covariance_is_restored(rows):
    K = np.array([[1.0, 0.5, 0.0], [0.5, 1.2, 0.1], [0.0, 0.1, 1.0]])
    relation = Relation(("20", "308", "309"), K, variances=np.diagonal(K), notes=("a note",))
    posterior = make_posterior("y ~ x + (1 | gr(g, cov=K))", rows, relations={"K": relation})

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    found = design.main.groups[0].relation
    np.testing.assert_array_equal(found.covariance, K)
    np.testing.assert_array_equal(found.variances, np.diagonal(K))
    assert (found.labels, found.precision, found.notes) == (relation.labels, None, ("a note",))


def test_sparse_known_precision_is_restored(rows):
    Q = sparse.csc_matrix([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    relation = Relation(("20", "308", "309"), precision=Q, log_determinant=-1.5)
    posterior = make_posterior("y ~ x + (1 | gr(g, cov=K))", rows, relations={"K": relation})

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    found = design.main.groups[0].relation
    np.testing.assert_array_equal(found.precision.toarray(), Q.toarray())
    assert found.log_determinant == -1.5


@pytest.mark.parametrize("name", ["obs", "chain", "draw", "coef", "f_levels", "km/h"])
def test_columns_may_have_any_name(rows, name):
    renamed = rows.rename(columns={"x": name, "g": "Intercept"})
    posterior = make_posterior(f"y ~ f + `{name}` + (`{name}` | Intercept)", renamed)

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    assert_same_design(design, posterior.design)


@pytest.mark.parametrize("name", ["obs", "chain", "coef", "b", "sigma", "r_b", "km/h"])
def test_groups_may_have_any_name(rows, name):
    renamed = rows.rename(columns={"g": name})
    posterior = make_posterior(f"y ~ x + (x | `{name}`)", renamed)

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    assert_same_design(design, posterior.design)


@pytest.mark.parametrize("name", ["obs", "chain", "draw"])
def test_responses_may_have_any_name(rows, name):
    posterior = make_posterior(f"{name} ~ x", rows.rename(columns={"y": name}))

    design = rebuild_design(posterior.tree, posterior.spec, posterior.recipe)

    assert_same_design(design, posterior.design)


def test_variables_beyond_the_model_are_kept(rows):
    extra = {"more": np.zeros((2, 5, 3))}

    posterior = make_posterior("y ~ x", rows, extra)

    assert posterior.draws["more"].dims == ("chain", "draw", "more_dim_0")


def test_statistics_of_draws_and_of_the_fit_are_kept(rows):
    stats = {"lp": np.zeros((4, 25)), "khat": np.float64(0.2)}

    posterior = make_posterior("y ~ x", rows, stats=stats)

    assert posterior.tree["sample_stats"]["lp"].dims == ("chain", "draw")
    assert posterior.tree["sample_stats"]["khat"].dims == ()


def test_a_group_is_added_without_touching_the_others(brms_sleep):
    added = with_group(brms_sleep, "prior", brms_sleep.draws)

    assert list(added.tree.children)[-1] == "prior"
    assert "prior" not in brms_sleep.tree.children
    assert added.draws.identical(brms_sleep.draws)


def test_vector_parameters_have_a_dimension_of_their_own(rows):
    data = rows.assign(o=pd.Categorical(list("lmh") * 4, categories=list("lmh"), ordered=True))

    posterior = make_posterior("o ~ x", data, family="cumulative")

    threshold = posterior.draws["threshold"]
    assert threshold.dims == ("chain", "draw", "threshold_dim")
    assert list(threshold.coords["threshold_dim"].values) == ["1", "2"]
