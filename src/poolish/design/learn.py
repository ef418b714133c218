"""What the expressions of a formula read, and what they must remember of the fitting data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from poolish.design.evaluate import evaluate_column, read_factor
from poolish.design.group_means import learn_group_means
from poolish.design.meant import check_levels_meant
from poolish.design.options import split_arguments
from poolish.design.states import Levels, State
from poolish.design.transforms import ELEMENTWISE, LEARNERS
from poolish.formula.terms import Binary, Call, Expression, Name, Unary
from poolish.frame import FactorColumn, Table, get_column

FACTORS = ("factor", "C")
MEANS = ("within", "between")


def names_in(expression: Expression) -> Iterator[Name]:
    """Return the columns that an expression reads, as often as it names them."""
    match expression:
        case Name():
            yield expression
        case Unary():
            yield from names_in(expression.operand)
        case Binary():
            yield from names_in(expression.left)
            yield from names_in(expression.right)
        case Call(function="factor" | "C"):
            yield from names_in(expression.arguments[0])
        case Call():
            for argument in split_arguments(expression)[0]:
                yield from names_in(argument)
        case _:
            return


def learn(expressions: Iterable[Expression], table: Table) -> dict[str, State]:
    """Return what the expressions must remember of the fitting data, by their text."""
    memory: dict[str, State] = {}
    for expression in dict.fromkeys(expressions):
        _learn(expression, table, memory)
    return memory


def _learn(expression: Expression, table: Table, memory: dict[str, State]) -> None:
    match expression:
        case Name():
            _learn_name(expression, table, memory)
        case Unary():
            _learn(expression.operand, table, memory)
        case Binary():
            _learn(expression.left, table, memory)
            _learn(expression.right, table, memory)
        case Call():
            _learn_call(expression, table, memory)
        case _:
            return


def _learn_name(name: Name, table: Table, memory: dict[str, State]) -> None:
    column = get_column(table, name.name, name.source)
    if isinstance(column, FactorColumn):
        check_levels_meant(name, column, table)
        memory[str(name)] = _observed_levels(column)


def _learn_call(call: Call, table: Table, memory: dict[str, State]) -> None:
    if call.function in FACTORS:
        memory[str(call)] = _observed_levels(read_factor(call.arguments[0], table))
        return
    variables, options = split_arguments(call)
    _learn(variables[0], table, memory)
    if call.function in ELEMENTWISE:
        return
    x = evaluate_column(variables[0], table, memory)
    if call.function in MEANS:
        memory[str(call)] = learn_group_means(x, read_factor(variables[1], table))
    else:
        memory[str(call)] = LEARNERS[call.function](x, options, call)


def _observed_levels(factor: FactorColumn) -> Levels:
    counts = np.bincount(factor.codes[factor.codes >= 0], minlength=len(factor.levels))
    kept = (label for label, count in zip(factor.levels, counts, strict=True) if count)
    return Levels(tuple(kept), factor.is_ordered)
