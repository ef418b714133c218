"""Models made from a formula and a table, and the density they must agree with."""

import pytest

from poolish.design import build_design
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec


def _make(formula, data, **options):
    design, _ = build_design(parse(formula), read_table(data), {})
    return build_spec(parse(formula), design, **options), design


@pytest.fixture(scope="session")
def make_model():
    return _make
