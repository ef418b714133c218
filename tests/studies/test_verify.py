from __future__ import annotations

import numpy as np
import pytest

from poolish.errors import FileError
from poolish.studies.verify import (
    Estimate,
    compare_estimates,
    estimate_quantities,
    read_expected,
    write_expected,
)


def test_every_scalar_is_estimated_once_group_effects_included(sleep_fit):
    found = estimate_quantities(sleep_fit.result)

    assert len(found) == 2 + 2 + 1 + 1 + 18 * 2
    assert {"b[Days]", "cor_Subject[Intercept, Days]", "r_Subject[308, Days]"} <= set(found)


def test_estimates_are_those_of_numpy(sleep_fit):
    draws = sleep_fit.posterior["sigma"].values

    found = estimate_quantities(sleep_fit.result)["sigma"]

    assert found.mean == pytest.approx(np.mean(draws), rel=1e-12)
    assert found.sd == pytest.approx(np.std(draws, ddof=1), rel=1e-3)
    assert found.sd / np.sqrt(draws.size) * 0.8 < found.mcse < found.sd / np.sqrt(draws.size) * 3


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (Estimate(0.1, 1.0, 0.03), None),
        (Estimate(-0.1, 1.14, 0.03), None),
        (Estimate(0.21, 1.0, 0.03), "means are 4.2 joint MCSE apart"),
        (Estimate(0.0, 1.16, 0.03), "sd ratio 1.16"),
        (Estimate(0.0, 0.84, 0.03), "sd ratio 0.84"),
        (Estimate(float("nan"), 1.0, 0.03), "means are nan joint MCSE apart"),
    ],
)
def test_means_and_sds_are_held_to_their_limits(found, problem):
    outcome = compare_estimates({"b": Estimate(0.0, 1.0, 0.04)}, {"b": found})

    assert [each.problem for each in outcome.mismatches] == ([] if problem is None else [problem])


def test_quantities_on_one_side_only_are_mismatches():
    one = Estimate(0.0, 1.0, 0.1)

    outcome = compare_estimates({"a": one}, {"b": one})

    assert [(each.name, each.problem) for each in outcome.mismatches] == [
        ("a", "absent"),
        ("b", "not expected"),
    ]
    assert "Not verified: 2 of 2" in str(outcome)


def test_agreement_is_one_line():
    one = Estimate(0.0, 1.0, 0.1)

    assert str(compare_estimates({"a": one}, {"a": one})).startswith("Verified: all 1")


def test_expected_answers_come_back_from_their_file(sleep_fit, tmp_path):
    path = tmp_path / "expected.json"
    estimates = estimate_quantities(sleep_fit.result)

    write_expected(path, estimates, how="drawn here", versions={"numpy": "2"})

    back = read_expected(path)
    assert compare_estimates(estimates, back).is_met
    assert back["sigma"].mean == pytest.approx(estimates["sigma"].mean, rel=1e-7)


def test_absent_answers_say_how_to_make_them(tmp_path):
    with pytest.raises(FileError, match=f"poolish models expect {tmp_path.name}"):
        read_expected(tmp_path / "expected.json")


@pytest.mark.parametrize("text", ["{", "{}", '{"quantities": {"b": {"mean": 1}}}'])
def test_a_damaged_file_of_answers_is_refused(tmp_path, text):
    path = tmp_path / "expected.json"
    path.write_text(text)

    with pytest.raises(FileError, match="does not hold expected answers"):
        read_expected(path)
