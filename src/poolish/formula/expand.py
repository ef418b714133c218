"""The algebra of terms: what `+ - : * / ^ %in%` make of two parts of a formula, as in R.

References
----------
Wilkinson & Rogers (1973), Symbolic description of factorial models for analysis of variance,
Applied Statistics 22(3), 392-399. doi:10.2307/2346786
Chambers & Hastie (1992), Statistical Models in S, section 2.4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType

from poolish.errors import FormulaError, Source
from poolish.formula.terms import INTERCEPT, Expression, GroupTerm, Term, cover_sources

MAX_TERMS = 1_000
MAX_DEGREE = 20
# Products of overlapping parts have fewer terms than pairs; this bounds the work.
_MAX_PAIRS = 10_000

type _Terms = Mapping[frozenset[Expression], Term]
_NO_TERMS: _Terms = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a right side, expanded.

    Parameters
    ----------
    terms : Mapping of frozenset to Term
        By their variables (`a:b` is `b:a`), in the order in which they appear.
    intercept : bool or None
        Whether `1` (True) or `0` (False) was said last; None for neither.
    groups : tuple of GroupTerm
    offsets : tuple of Expression
    order : dict of Expression to None
        Every variable, in the order in which it was typed first, removed ones included.
    """

    terms: _Terms = field(default_factory=lambda: _NO_TERMS)
    intercept: bool | None = None
    groups: tuple[GroupTerm, ...] = ()
    offsets: tuple[Expression, ...] = ()
    order: dict[Expression, None] = field(default_factory=dict)


def part_of(term: Term) -> Part:
    """Return the part that is one term."""
    return Part({frozenset(term.variables): term}, order=dict.fromkeys(term.variables))


def finish_terms(part: Part) -> tuple[Term, ...]:
    """Return the terms in R's order: by degree, then as typed, the intercept before them.

    Within a term the variables stand in the order in which the formula typed them first.
    """
    by_degree = sorted(part.terms.values(), key=lambda term: len(term.variables))
    rank = {variable: position for position, variable in enumerate(part.order)}
    ordered = (
        replace(term, variables=tuple(sorted(term.variables, key=rank.__getitem__)))
        for term in by_degree
    )
    return (*(() if part.intercept is False else (INTERCEPT,)), *ordered)


def add(left: Part, right: Part, at: Source) -> Part:
    """Return `left + right`; the last `0` or `1` decides about the intercept."""
    new = {key: term for key, term in right.terms.items() if key not in left.terms}
    return Part(
        _limited({**left.terms, **new}, at),
        left.intercept if right.intercept is None else right.intercept,
        (*left.groups, *right.groups),
        (*left.offsets, *right.offsets),
        left.order | right.order,
    )


def remove(left: Part, right: Part, at: Source) -> Part:
    """Return `left - right`; `- 1` removes the intercept, `- 0` brings it back.

    Raises
    ------
    FormulaError
        If a group term or an offset is to be removed.
    """
    if right.groups or right.offsets:
        raise FormulaError(
            "only population terms can be removed by `-`",
            given=f"`- {_first_addend(right)}`",
            expected="columns, their products, or `1` after `-`",
            fix="leave the group term or the offset out",
            source=at,
        )
    terms = {key: term for key, term in left.terms.items() if key not in right.terms}
    intercept = left.intercept if right.intercept is None else not right.intercept
    return replace(left, terms=terms, intercept=intercept, order=left.order | right.order)


def interact(left: Part, right: Part, at: Source) -> Part:
    """Return `left:right`, every term of one joined to every term of the other.

    Raises
    ------
    FormulaError
        If a part holds what cannot stand in a product, or there are too many terms.
    """
    _check_factors(left, right, at)
    if len(left.terms) * len(right.terms) > _MAX_PAIRS:
        raise _too_many(at)
    joined: dict[frozenset[Expression], Term] = {}
    for (a, left_term), (b, right_term) in product(left.terms.items(), right.terms.items()):
        if a | b not in joined:
            joined[a | b] = _join(left_term, right_term, at)
    return Part(_limited(joined, at), order=left.order | right.order)


def cross(left: Part, right: Part, at: Source) -> Part:
    """Return `left * right`, which is `left + right + left:right`."""
    return add(add(left, right, at), interact(left, right, at), at)


def nest(left: Part, right: Part, at: Source) -> Part:
    """Return `left / right`: left, and right within all variables of left together."""
    return add(left, interact(_merged(left), right, at), at)


def lie_within(left: Part, right: Part, at: Source) -> Part:
    """Return `left %in% right`: left joined to all variables of right together."""
    return interact(left, _merged(right), at)


def raise_to(part: Part, exponent: int, at: Source) -> Part:
    """Return `part^exponent`: its terms and all their products of up to this degree.

    Raises
    ------
    FormulaError
        If there is only one term, whose power is itself: arithmetic was probably meant.
    """
    _check_factors(part, part, at)
    if len(part.terms) == 1:
        (term,) = part.terms.values()
        raise FormulaError(
            f"`{term}^{exponent}` is `{term}` in a formula, as in R",
            given=f"the power of the single term `{term}`",
            expected="a sum of several terms before `^`, as in `(a + b)^2`",
            fix=f"write `I({term}^{exponent})` for the square, or `poly({term}, {exponent})`"
            if len(term.variables) == 1
            else f"write `{term}`",
            source=at,
        )
    power = part
    for _ in range(exponent - 1):
        larger = interact(power, part, at)
        if len(larger.terms) == len(power.terms):
            break
        power = larger
    return power


def _join(left: Term, right: Term, at: Source) -> Term:
    variables = tuple(dict.fromkeys((*left.variables, *right.variables)))
    if len(variables) > MAX_DEGREE:
        raise FormulaError(
            "a product joins too many variables",
            given=f"more than {MAX_DEGREE} variables in one term",
            expected=f"at most {MAX_DEGREE} variables in one term",
            fix="add terms by `+`, or write out the products that you need",
            source=at,
        )
    return Term(variables, cover_sources(left.source, right.source))


def _merged(part: Part) -> Part:
    """Return the one term that holds every variable of a part, nothing for no terms."""
    terms = tuple(part.terms.values())
    if len(terms) < 2:
        return part
    variables = dict.fromkeys(variable for term in terms for variable in term.variables)
    source = cover_sources(terms[0].source, terms[-1].source)
    return replace(part, terms={frozenset(variables): Term(tuple(variables), source)})


def _limited(terms: _Terms, at: Source) -> _Terms:
    if len(terms) > MAX_TERMS:
        raise _too_many(at)
    return terms


def _too_many(at: Source) -> FormulaError:
    return FormulaError(
        "the formula expands to too many terms",
        given=f"more than {MAX_TERMS:,} terms after this operator",
        expected=f"at most {MAX_TERMS:,} terms",
        fix="write out the terms that you need, or lower the power",
        source=at,
    )


def _check_factors(left: Part, right: Part, at: Source) -> None:
    """Raise unless both parts of a product hold population terms only."""
    for part in (left, right):
        addend = _first_addend(part)
        if addend is not None:
            raise FormulaError(
                f"`{addend}` cannot stand in a product",
                given=f"`{addend}` beside `{at.text[at.start : at.stop]}`",
                expected="columns, functions of columns, or sums of these in parentheses",
                fix=f"move `{addend}` out of the product and add it by `+`",
                source=at,
            )


def _first_addend(part: Part) -> str | None:
    """Return the first thing in a part that can only be added, None if there is none."""
    if part.intercept is not None:
        return str(int(part.intercept))
    offsets = (f"offset({expression})" for expression in part.offsets)
    return next(iter((*map(str, part.groups), *offsets)), None)
