"""What may be asked of the groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import UnknownNameError
from poolish.predict import parse_policies, predict
from poolish.predict.policies import only_group


def test_one_meaning_holds_for_every_group(crossed):
    assert parse_policies(crossed.spec, "new") == {"g": "new", "item": "new"}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("population", "there is no meaning `population`"),
        ({"g": "fixed", "item": "new"}, "there is no meaning `fixed`"),
        ({"g": "new"}, "says nothing about group `item`"),
        ({"g": "new", "item": "new", "school": "new"}, "`school` is not a group of this model"),
    ],
)
def test_wrong_meanings_are_errors(crossed, groups, message):
    with pytest.raises(UnknownNameError, match=message):
        predict(crossed, groups=groups)


def test_unknown_kind_lists_the_kinds(crossed):
    with pytest.raises(UnknownNameError, match=r"(?s)no kind of prediction `epred`.*`linear`"):
        predict(crossed, kind="epred")


@pytest.mark.parametrize("kind", ["linear", "response"])
def test_integrate_is_for_means_only(crossed, kind):
    with pytest.raises(UnknownNameError, match='`groups="integrate"` gives means'):
        predict(crossed, kind=kind, groups="integrate")


def test_the_only_group_needs_no_name(brms_sleep):
    assert only_group(brms_sleep.spec, None) == "Subject"
    assert only_group(brms_sleep.spec, "anything") == "anything"


@pytest.mark.parametrize(
    "formula, problem, fix",
    [
        ("y ~ (1 | g) + (1 | h)", "this model has several groups", 'write, for example, "g"'),
        ("y ~ 1", "this model has no groups", "add a group term to the formula"),
    ],
)
def test_a_name_is_needed_where_there_is_not_one_group(formula, problem, fix):
    data = pd.DataFrame({"y": np.arange(8.0), "g": list("ab") * 4, "h": list("aabb") * 2})

    with pytest.raises(UnknownNameError, match=problem) as caught:
        only_group(make_posterior(formula, data).spec, None)
    assert fix in str(caught.value)
