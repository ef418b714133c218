"""The formula language: text to terms, with no evaluation of any kind."""

from poolish.formula.parser import parse, parse_call, read_formula
from poolish.formula.spelling import spell_name
from poolish.formula.terms import (
    INTERCEPT,
    Binary,
    Call,
    Expression,
    Formula,
    Grouping,
    GroupTerm,
    LinearFormula,
    Name,
    Number,
    Response,
    Term,
    Text,
    Unary,
)
from poolish.formula.unsupported import refuse_unsupported
from poolish.formula.walk import columns, columns_within, relation_names

__all__ = [
    "INTERCEPT",
    "Binary",
    "Call",
    "Expression",
    "Formula",
    "GroupTerm",
    "Grouping",
    "LinearFormula",
    "Name",
    "Number",
    "Response",
    "Term",
    "Text",
    "Unary",
    "columns",
    "columns_within",
    "parse",
    "parse_call",
    "read_formula",
    "refuse_unsupported",
    "relation_names",
    "spell_name",
]
