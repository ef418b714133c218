"""What each family says about an outcome that it cannot have produced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from poolish.design.arrays import ResponseDesign
from poolish.errors import DataError, FamilyError
from poolish.spec.families import FAMILIES

TWO = ("no", "yes")


def _response(y: list[float], **terms: Any) -> ResponseDesign:
    return ResponseDesign("out", np.array(y, dtype=float), **terms)


def _n(*trials: float) -> np.ndarray:
    return np.array(trials, dtype=float)


@pytest.mark.parametrize(
    ("family", "response", "message"),
    [
        ("gaussian", _response([1, np.inf]), r"not finite(?s:.)*row 1 is inf"),
        ("gaussian", _response([5, 5, 5]), "the same in every row"),
        ("poisson", _response([0, 1.5, 2.5]), r"not counts(?s:.)*row 1 is 1\.5 and 1 more"),
        ("negbinomial", _response([3, -1]), r"not counts(?s:.)*row 1 is -1"),
        ("hurdle_poisson", _response([0, 0.2]), r"not counts(?s:.)*rate\(d\)"),
        ("gamma", _response([2, 0]), r"not positive(?s:.)*row 1 is 0(?s:.)*hurdle_gamma"),
        ("weibull", _response([-1]), r"not positive(?s:.)*row 0 is -1"),
        ("hurdle_gamma", _response([0, -0.1]), r"negative(?s:.)*row 1 is -0\.1"),
        ("exponential", _response([0, -3]), r"negative(?s:.)*row 1 is -3"),
        ("beta", _response([0.5, 1]), r"strictly between 0 and 1(?s:.)*row 1 is 1(?s:.)*trials"),
        ("beta", _response([0, 0.5]), r"strictly between 0 and 1(?s:.)*row 0 is 0"),
        (
            "bernoulli",
            _response([0, 2]),
            r"not binary(?s:.)*row 1 is 2(?s:.)*second is the success",
        ),
        ("von_mises", _response([0, 180]), r"radians(?s:.)*row 1 is 180(?s:.)*pi / 180"),
        ("binomial", _response([3], trials=_n(2)), r"more successes than trials(?s:.)*row 0 is 3"),
        ("binomial", _response([1], trials=_n(2.5)), r"`trials` has values(?s:.)*row 0 is 2\.5"),
        ("beta_binomial", _response([0.5], trials=_n(2)), r"not counts(?s:.)*row 0 is 0\.5"),
    ],
)
def test_first_row_outside_the_support_is_named(
    family: str, response: ResponseDesign, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        FAMILIES[family].check(response)


@pytest.mark.parametrize(
    ("family", "response", "message"),
    [
        (
            "gaussian",
            _response([0, 1], levels=("a", "b")),
            r"not a number(?s:.)*levels a, b(?s:.)*bernoulli",
        ),
        ("poisson", _response([0, 1], levels=("1", "2")), "not a number"),
        ("binomial", _response([3, 4]), r"no number of trials(?s:.)*out \| trials\(n\)"),
        ("bernoulli", _response([0, 2], levels=("a", "b", "c")), r"two levels(?s:.)*categorical"),
        ("cumulative", _response([1, 2, 3]), r"numeric column(?s:.)*factor\(out\)"),
        ("categorical", _response([0, 0], levels=("a",)), r"one level: a"),
        ("categorical", _response([0, 1, 2], levels=("a", "b c", "bc")), "of the same name"),
    ],
)
def test_outcome_of_the_wrong_kind_is_refused_with_the_way_out(
    family: str, response: ResponseDesign, message: str
) -> None:
    with pytest.raises(FamilyError, match=message):
        FAMILIES[family].check(response)


@pytest.mark.parametrize(
    ("family", "response"),
    [
        ("bernoulli", _response([0, 1, 1], levels=TWO)),
        ("bernoulli", _response([0, 1, 1])),
        ("binomial", _response([0, 3], trials=_n(0, 3))),
        ("von_mises", _response([-np.pi, np.pi])),
        ("exponential", _response([0, 2])),
    ],
)
def test_outcomes_at_the_edge_of_the_support_pass(family: str, response: ResponseDesign) -> None:
    FAMILIES[family].check(response)


@pytest.mark.parametrize(("factor", "word"), [(1e60, "large"), (1e-60, "small")])
def test_an_outcome_beyond_double_precision_is_refused(factor: float, word: str) -> None:
    with pytest.raises(DataError, match=f"`out` is too {word} to compute with"):
        FAMILIES["gaussian"].check(_response([factor, 2 * factor]))


def test_a_bad_row_has_the_label_that_the_user_sees() -> None:
    response = _response([0, -1], rows=np.array(["p7", "p9"]))

    with pytest.raises(DataError, match="row p9 is -1"):
        FAMILIES["poisson"].check(response)
