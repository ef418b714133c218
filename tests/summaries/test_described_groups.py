from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import poolish as po

DATA = "tests/reference/lme4/data"


def sites(n_rows: int = 3) -> pd.DataFrame:
    """Return 6 sites with ids 1 to 10 in each, every one measured `n_rows` times."""
    rng = np.random.default_rng(4)
    site = np.repeat(list("ABCDEF"), 10 * n_rows)
    id_ = np.tile(np.repeat(np.arange(1, 11), n_rows), 6)
    n = len(site)
    dose = id_ * 1.0
    return pd.DataFrame(
        {"y": rng.normal(size=n), "x": rng.normal(size=n), "dose": dose, "site": site, "id": id_}
    )


def causes(data: pd.DataFrame, formula: str, **options) -> list[str]:
    return [step.cause for step in po.describe_groups(data, formula, **options).steps]


def test_rows_per_group_are_those_of_pandas(root):
    data = pd.read_csv(root / DATA / "radon.csv")

    row = po.describe_groups(data, "log_radon ~ floor + (floor | county)").to_df().iloc[0]

    counts = data.groupby("county").size()
    varies = data.groupby("county")["floor"].nunique() > 1
    assert row["levels"] == len(counts)
    assert (row["fewest"], row["median"], row["most"]) == (
        counts.min(),
        counts.median(),
        counts.max(),
    )
    assert row["one_row"] == (counts == 1).sum()
    assert row["no_own"] == (~varies).sum()


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("y ~ (1 | site) + (1 | id)", "fully crossed: all 60 pairs"),
        ("y ~ (1 | site / id)", "`site:id` is nested in `site`"),
    ],
)
def test_nesting_and_crossing_are_told_apart(formula, says):
    assert says in po.describe_groups(sites(), formula).relations[0]


def test_a_design_with_holes_is_partly_crossed(root):
    data = pd.read_csv(root / DATA / "Penicillin.csv").iloc[1:]

    described = po.describe_groups(data, "diameter ~ 1 + (1 | plate) + (1 | sample)")

    assert "partly crossed: 143 of 144 pairs" in described.relations[0]


@pytest.mark.parametrize("n_rows", [1, 3])
def test_ids_used_again_in_each_site_are_flagged(n_rows):
    (step,) = po.describe_groups(sites(n_rows), "y ~ (1 | site) + (1 | id)").steps

    assert step.cause == "labels used again"
    assert "`1` occurs in 6 of its levels" in step.evidence
    nested = {"formula": "y ~ 1 + (1 | site) + (1 | site:id)"}
    assert step.change == (nested if n_rows > 1 else {})


def test_casks_of_batches_are_flagged(root):
    """lme4's Pastes: casks a, b, c of each batch are other casks (its `sample` is batch:cask)."""
    data = pd.read_csv(root / DATA / "Pastes.csv")

    steps = po.describe_groups(data, "strength ~ 1 + (1 | batch) + (1 | cask)").steps

    assert "strength ~ 1 + (1 | batch) + (1 | batch:cask)" in str(steps[-1])


def test_plates_and_samples_are_not_flagged(root):
    """lme4's Penicillin: every sample is on every plate, once."""
    data = pd.read_csv(root / DATA / "Penicillin.csv")

    assert causes(data, "diameter ~ 1 + (1 | plate) + (1 | sample)") == []


def test_ids_of_their_own_are_not_flagged():
    data = sites()
    data["id"] += 100 * data["site"].map(ord)

    assert causes(data, "y ~ (1 | site) + (1 | id)") == []


@pytest.mark.parametrize(
    ("formula", "cause"),
    [
        ("y ~ x + (1 | one)", "one level"),
        ("y ~ x + (1 | row)", "one row per group"),
        ("y ~ x + dose + (dose | site:id)", "slope of a predictor constant within groups"),
        ("y ~ x + (x + I(x^2) | site:id)", "more effects than rows"),
        ("y ~ x + site + (1 | site)", "group is also a population effect"),
        ("y ~ x + (1 | site) + (1 | place)", "two groups are one"),
        ("y ~ x + (1 | half)", "few groups"),
    ],
)
def test_what_cannot_be_estimated_is_said(formula, cause):
    data = sites()
    data = data.assign(one="k", row=np.arange(len(data)), place=data["site"].str.lower())
    data["half"] = data["site"] < "D"

    assert causes(data, formula) == [cause]


def test_rows_without_noise_of_their_own_may_be_groups():
    data = sites().assign(y=np.arange(180) % 7, row=np.arange(180))

    assert causes(data, "y ~ x + (1 | row)", family="poisson") == []


def test_a_formula_without_groups_says_so():
    described = po.describe_groups(sites(), "y ~ x")

    assert described.to_df().empty
    assert "no groups" in repr(described)


def test_every_form_shows_table_relations_and_steps():
    described = po.describe_groups(sites(), "y ~ (1 | site) + (1 | id)")

    for text in (repr(described), described.to_markdown(), described._repr_html_()):
        assert "fewest" in text
        assert "fully crossed" in text
        assert "start again in every level" in text
