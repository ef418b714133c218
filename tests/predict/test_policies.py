"""What may be asked of the groups."""

from __future__ import annotations

import pytest

from poolish.errors import UnknownNameError
from poolish.predict import parse_policies, predict


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
