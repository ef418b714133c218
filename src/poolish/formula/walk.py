"""Every expression of a formula, and the columns it names."""

from __future__ import annotations

from collections.abc import Iterator

from poolish.formula.functions import FUNCTIONS
from poolish.formula.terms import (
    Binary,
    Call,
    Expression,
    Formula,
    Grouping,
    LinearFormula,
    Name,
    Term,
    Unary,
)


def columns(formula: Formula) -> tuple[str, ...]:
    """Return the names of all columns that a formula uses, each once, in order.

    Examples
    --------
    >>> from poolish.formula import columns, parse
    >>> columns(parse("y | se(v) ~ log(x) + C(f, sum) + (1 + x | a/b)"))
    ('y', 'v', 'x', 'f', 'a', 'b')
    """
    names = (part.name for part in walk(formula) if isinstance(part, Name))
    return tuple(dict.fromkeys(names))


def columns_within(expression: Expression) -> tuple[str, ...]:
    """Return the names of the columns within one expression, each once, in order."""
    names = (part.name for part in _walk_expression(expression) if isinstance(part, Name))
    return tuple(dict.fromkeys(names))


def walk(formula: Formula) -> Iterator[Expression]:
    """Yield every expression of a formula and every expression within it."""
    for expression in _expressions(formula):
        yield from _walk_expression(expression)


def relation_names(formula: Formula) -> tuple[str, ...]:
    """Return the names of all known covariances that a formula uses, each once, in order.

    Examples
    --------
    >>> from poolish.formula import parse, relation_names
    >>> relation_names(parse("y ~ 1 + (1 | kin(id, A)) + (1 | kin(dam, A)) + (1 | herd)"))
    ('A',)
    """
    groups = (group for right in linear_formulas(formula) for group in right.groups)
    names = (group.grouping.relation for group in groups)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def linear_formulas(formula: Formula) -> tuple[LinearFormula, ...]:
    """Return the right sides of a formula, the main one first."""
    return (formula.main, *(right for _, right in formula.parameters))


def all_terms(right: LinearFormula) -> Iterator[Term]:
    """Yield the population terms, then the effects of every group term."""
    yield from right.terms
    for group in right.groups:
        yield from group.effects


def _expressions(formula: Formula) -> Iterator[Expression]:
    yield formula.response.value
    yield from (call for _, call in formula.response.additions)
    for right in linear_formulas(formula):
        yield from (variable for term in all_terms(right) for variable in term.variables)
        for group in right.groups:
            yield from _grouping_columns(group.grouping)
        yield from right.offsets


def _grouping_columns(grouping: Grouping) -> tuple[Name, ...]:
    return grouping.variables if grouping.by is None else (*grouping.variables, grouping.by)


def _walk_expression(expression: Expression) -> Iterator[Expression]:
    yield expression
    for child in _children(expression):
        yield from _walk_expression(child)


def _children(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call("C", (coded, *_)):  # the contrast is a name, but not of a column
            return (coded,)
        case Call(function, arguments) if function in FUNCTIONS:  # settings are plain values
            return arguments
        case Call(arguments=arguments, keywords=keywords):
            return (*arguments, *(value for _, value in keywords))
    return ()
