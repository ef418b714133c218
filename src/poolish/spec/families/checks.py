"""Support checks: the first row that a family cannot have produced, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.errors import DataError, FamilyError

type Check = Callable[[ResponseDesign], None]

SMALLEST, LARGEST = 1e-50, 1e50  # fourth powers of outcomes outside leave double precision


def first_row(response: ResponseDesign, is_bad: np.ndarray, values: np.ndarray) -> str:
    """Return the label and value of the first bad row."""
    row = int(np.argmax(is_bad))
    count = int(np.sum(is_bad))
    more = "" if count == 1 else f" and {count - 1} more"
    return f"row {response.row_label(row)} is {values[row]:g}{more}"


def require(
    response: ResponseDesign,
    is_good: np.ndarray,
    values: np.ndarray,
    *,
    problem: str,
    expected: str,
    fix: str,
) -> None:
    """Raise `DataError` for the first row of `values` that is not good."""
    if not np.all(is_good):
        given = first_row(response, ~np.asarray(is_good), values)
        raise DataError(problem, given=given, expected=expected, fix=fix)


def check_numeric(response: ResponseDesign) -> None:
    """Raise `FamilyError` when the outcome is text or a factor."""
    if response.levels:
        shown = ", ".join(response.levels[:4]) + (", ..." if len(response.levels) > 4 else "")
        raise FamilyError(
            f"the outcome `{response.name}` is not a number",
            given=f"text or a factor with levels {shown}",
            expected="a numeric outcome for this family",
            fix='convert the column to numbers, or use `family="bernoulli"` (two levels), '
            '`"cumulative"` (ordered levels) or `"categorical"`',
        )


def _numeric(rule: Check) -> Check:
    def check(response: ResponseDesign) -> None:
        check_numeric(response)
        _check_finite(response)
        rule(response)

    return check


def _check_finite(response: ResponseDesign) -> None:
    require(
        response,
        np.isfinite(response.y),
        response.y,
        problem=f"the outcome `{response.name}` is not finite",
        expected="finite values",
        fix="correct or remove these rows",
    )


def _within(
    is_good: Callable[[np.ndarray], np.ndarray], *, what: str, expected: str, fix: str
) -> Check:
    def rule(response: ResponseDesign) -> None:
        require(
            response,
            is_good(response.y),
            response.y,
            problem=f"the outcome `{response.name}` has values that {what}",
            expected=expected,
            fix=fix,
        )

    return _numeric(rule)


def _is_count(y: np.ndarray) -> np.ndarray:
    return np.asarray((y >= 0) & (y == np.floor(y)))


def _check_varies(response: ResponseDesign) -> None:
    if len(response.y) > 1 and np.ptp(response.y) == 0.0:
        raise DataError(
            f"the outcome `{response.name}` is the same in every row",
            given=f"{len(response.y)} rows of {response.y[0]:g}",
            expected="an outcome that varies: its spread is what the model explains",
            fix="check the column, or choose a family for counts if these are counts",
        )


def _check_real(response: ResponseDesign) -> None:
    _check_varies(response)
    size, spread = np.max(np.abs(response.y)), np.ptp(response.y)
    if size > LARGEST or 0.0 < spread < SMALLEST:
        raise DataError(
            f"the outcome `{response.name}` is too {'large' if size > LARGEST else 'small'} "
            "to compute with",
            given=f"a largest absolute value of {size:g}, a range of {spread:g}",
            expected=f"values up to {LARGEST:g} that differ by at least {SMALLEST:g}",
            fix=f"measure `{response.name}` in another unit",
        )


check_real = _numeric(_check_real)

check_positive = _within(
    lambda y: y > 0,
    what="are not positive",
    expected="values above 0",
    fix='correct these rows; when zeros are real, use `family="hurdle_gamma"` or '
    '`"hurdle_lognormal"`',
)

check_non_negative = _within(
    lambda y: y >= 0,
    what="are negative",
    expected="values of 0 or above",
    fix='correct these rows, or use a family for real outcomes such as `"gaussian"`',
)

check_count = _within(
    _is_count,
    what="are not counts",
    expected="whole numbers, 0 or above",
    fix="correct these rows; for a rate give the count and its denominator, `count | rate(d)`; "
    'for a positive measurement use `family="gamma"`',
)

check_proportion = _within(
    lambda y: (y > 0) & (y < 1),
    what="are not strictly between 0 and 1",
    expected="values above 0 and below 1",
    fix="for successes out of trials use `successes | trials(n)` with "
    '`family="binomial"`; otherwise say how 0 and 1 arise and correct these rows',
)

check_angle = _within(
    lambda y: (y >= -np.pi) & (y <= np.pi),
    what="are not angles in radians",
    expected="values from -pi to pi",
    fix="convert degrees by pi / 180 and subtract 2 pi where the angle is above pi",
)


def check_binary(response: ResponseDesign) -> None:
    """Raise unless the outcome is 0/1, true/false, or a factor of two levels.

    The second level of a factor is the success, as in R.
    """
    if len(response.levels) not in (0, 2):
        raise FamilyError(
            f"the outcome `{response.name}` does not have two levels",
            given=f"{len(response.levels)} levels: {', '.join(response.levels)}",
            expected="two levels, of which the second is the success",
            fix='use `family="categorical"` or `"cumulative"`, or make the outcome binary',
        )
    require(
        response,
        (response.y == 0) | (response.y == 1),
        response.y,
        problem=f"the outcome `{response.name}` is not binary",
        expected="0 or 1, false or true, or two levels (the second is the success)",
        fix='for successes out of trials use `successes | trials(n)` with `family="binomial"`',
    )


def check_binomial(response: ResponseDesign) -> None:
    """Raise unless the outcome counts successes out of known trials."""
    check_numeric(response)
    if response.trials is None:
        raise FamilyError(
            f"the outcome `{response.name}` has no number of trials",
            given=f"`{response.name}` alone on the left of `~`",
            expected="successes and trials",
            fix=f"write `{response.name} | trials(n) ~ ...`, or use "
            '`family="bernoulli"` when each row is one trial',
        )
    require(
        response,
        _is_count(response.trials),
        response.trials,
        problem="`trials` has values that are not counts",
        expected="whole numbers, 0 or above",
        fix="correct these rows",
    )
    check_count(response)
    require(
        response,
        response.y <= response.trials,
        response.y,
        problem=f"the outcome `{response.name}` has more successes than trials",
        expected="successes from 0 to the number of trials",
        fix="correct these rows, or the column in `trials(...)`",
    )


def check_levels(response: ResponseDesign) -> None:
    """Raise unless the outcome is a factor of at least two levels."""
    if len(response.levels) < 2:
        given = "a numeric column" if not response.levels else f"one level: {response.levels[0]}"
        raise FamilyError(
            f"the outcome `{response.name}` is not a factor with two levels or more",
            given=given,
            expected="text, an (ordered) categorical column, or `factor(...)`",
            fix=f"write `factor({response.name}) ~ ...`, or make the column an ordered categorical",
        )
