"""Forms that are read but not fitted."""

import pytest

from poolish.errors import UnsupportedError
from poolish.formula import parse, read_formula, refuse_unsupported

MM, BY, LAG = r"`mm\(\.\.\.\)`", r"`gr\(\.\.\., by=\)`", r"`lag\(\.\.\.\)`"

# The form that is named, what the fix holds, and the place.
REFUSED = {
    "y ~ x + (1 | mm(a, b))": (MM, r"\(1 \| g1\) \+ \(1 \| g2\)", "mm(a, b)"),
    "y ~ x + (x | gr(a, by=b))": (BY, r"\(0 \+ z \|\| g\)", "gr(a, by=b)"),
    "y ~ z + log(lag(x, 1))": (LAG, "groupby", "lag(x, 1)"),
    "y ~ (lag(x) | g)": (LAG, "groupby", "lag(x)"),
    "lag(y) ~ x": (LAG, "groupby", "lag(y)"),
    "y ~ x\nsigma ~ (1 | mm(a, b))": (MM, "different model", "mm(a, b)"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_a_form_that_is_not_fitted_names_the_nearest_one(text, expected):
    form, fix, place = expected

    with pytest.raises(UnsupportedError, match=f"(?s){form} is not fitted yet.*{fix}") as caught:
        parse(text)

    source = caught.value.source
    assert source is not None
    assert source.text[source.start : source.stop] == place


@pytest.mark.parametrize("text", REFUSED)
def test_a_form_that_is_not_fitted_is_read_all_the_same(text):
    formula = read_formula(text)

    assert read_formula(str(formula)) == formula


@pytest.mark.parametrize(
    "text",
    [
        "y | cens(status, y2) + trunc(lb=0) ~ x",
        "y ~ x + (1 |p| g)\nsigma ~ (1 |p| g)",
        "y ~ (1 | gr(g, cov=K)) + within(x, g) + between(x, g)",
    ],
)
def test_forms_that_are_fitted_pass(text):
    assert refuse_unsupported(parse(text)) is None
