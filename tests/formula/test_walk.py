"""The columns of a formula."""

import pytest

from poolish.formula import columns, read_formula


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("y ~ 1", ("y",)),
        ("y ~ x + log(z):x + (w | g)", ("y", "x", "z", "w", "g")),
        ("log(y) | weights(w) + trunc(lb=low) ~ x", ("y", "w", "low", "x")),
        ("cbind(s, n - s) ~ x", ("s", "n", "x")),
        ("y ~ C(f, sum) + C(h, treatment('b')) + C(sum)", ("y", "f", "h", "sum")),
        ("y ~ poly(x, 2, raw=TRUE) + factor(f, ref='b')", ("y", "x", "f")),
        ("y ~ offset(log(n)) + I(-a / b) - c", ("y", "a", "b", "n")),
        ("y ~ (1 | a/b) + (1 | gr(c, cov=K)) + (1 | kin(d, K))", ("y", "a", "b", "c", "d")),
        ("y ~ (1 | gr(a, by=b)) + (1 | mm(c, d))", ("y", "a", "b", "c", "d")),
        ("y ~ within(x, g)\nsigma ~ z + (u |p| h)", ("y", "x", "g", "z", "u", "h")),
        ("y ~ `my col` + x.1", ("y", "my col", "x.1")),
    ],
)
def test_columns_are_named_once_in_order(text, names):
    assert columns(read_formula(text)) == names
