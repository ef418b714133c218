"""Formulas with one thing changed: what the steps propose."""

from __future__ import annotations

import re
from dataclasses import replace

from poolish.formula.terms import Formula, GroupTerm, Term


def without_group(formula: Formula, group: str) -> str:
    """Return the formula without the terms of a group.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> without_group(parse("y ~ x + (1 | g) + (1 | h)"), "g")
    'y ~ 1 + x + (1 | h)'
    """
    kept = tuple(term for term in formula.main.groups if term.grouping.name != group)
    return _with_groups(formula, kept)


def without_effect(formula: Formula, group: str, effect: str) -> str:
    """Return the formula without one effect of a group; its last effect takes the term along.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> without_effect(parse("y ~ x + (1 + x | g)"), "g", "x")
    'y ~ 1 + x + (1 | g)'
    """
    groups = (_drop_effect(term, group, effect) for term in formula.main.groups)
    return _with_groups(formula, tuple(term for term in groups if term.effects))


def as_population(formula: Formula, group: str) -> dict[str, str]:
    """Return the change that puts a group's effects among the population effects.

    None for multiple memberships, which are no factor.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> as_population(parse("y ~ x + (1 + x | g)"), "g")
    {'formula': 'y ~ 1 + x + factor(g) + x:factor(g)'}
    """
    terms = [term for term in formula.main.groups if term.grouping.name == group]
    if terms[0].grouping.is_multiple:
        return {}
    levels = ":".join(f"factor({name})" for name in terms[0].grouping.variables)
    effects = (effect for term in terms for effect in term.effects)
    added = [f"{effect}:{levels}" if effect.variables else levels for effect in effects]
    kept = tuple(term for term in formula.main.groups if term.grouping.name != group)
    rest = replace(formula, main=replace(formula.main, groups=kept))
    return {"formula": with_term(rest, " + ".join(added))}


def nested_in(formula: Formula, inner: str, outer: str) -> str:
    """Return the formula with a group taken within the levels of another.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> nested_in(parse("y ~ x + (1 | site) + (x | id)"), "id", "site")
    'y ~ 1 + x + (1 | site) + (1 + x | site:id)'
    """
    variables = {term.grouping.name: term.grouping.variables for term in formula.main.groups}
    within = (*variables[outer], *variables[inner])
    groups = (
        replace(term, grouping=replace(term.grouping, variables=within))
        if term.grouping.name == inner
        else term
        for term in formula.main.groups
    )
    return _with_groups(formula, tuple(groups))


def uncorrelated(formula: Formula, group: str) -> str:
    """Return the formula with the effects of a group uncorrelated, `(1 + x || g)`."""
    groups = (
        replace(term, is_correlated=False, share=None) if term.grouping.name == group else term
        for term in formula.main.groups
    )
    return _with_groups(formula, tuple(groups))


def with_effect(formula: Formula, group: str, effect: str) -> str:
    """Return the formula with one more effect in the first term of a group.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> with_effect(parse("y ~ x + (1 | g)"), "g", "x")
    'y ~ 1 + x + (1 + x | g)'
    """
    added = next(term for term in formula.main.terms if _name(term) == effect)
    groups = list(formula.main.groups)
    place = next(k for k, term in enumerate(groups) if term.grouping.name == group)
    groups[place] = replace(groups[place], effects=(*groups[place].effects, added))
    return _with_groups(formula, tuple(groups))


def with_term(formula: Formula, term: str) -> str:
    """Return the formula with one more population term."""
    alone = replace(formula.main, groups=())
    return _lines(formula, " + ".join((str(alone), term, *map(str, formula.main.groups))))


def without_term(formula: Formula, coef: str) -> str | None:
    """Return the formula without the term called `coef`; None when no term is called so."""
    kept = tuple(term for term in formula.main.terms if _name(term) != coef)
    if len(kept) == len(formula.main.terms):
        return None
    return str(replace(formula, main=replace(formula.main, terms=kept)))


def without_coef(formula: Formula, coef: str) -> dict[str, str]:
    """Return the change that leaves out the term of a coefficient; none where no term is it."""
    changed = without_term(formula, coef)
    return {} if changed is None else {"formula": changed}


def with_formula_of(formula: Formula, parameter: str, right: str) -> str:
    """Return the formulas with one more, of another family parameter."""
    return f"{formula}\n{parameter} ~ {right}"


def with_scaled(formula: Formula, column: str) -> str:
    """Return the formula with a predictor standardised.

    Examples
    --------
    >>> from poolish.formula import parse
    >>> with_scaled(parse("y ~ x + x2 + (x | g)"), "x")
    'y ~ 1 + scale(x) + x2 + (1 + scale(x) | g)'
    """
    name = rf"(?<![\w.`]){re.escape(column)}(?![\w.`(])"
    return _lines(formula, re.sub(name, f"scale({column})", str(formula.main)))


def _name(term: Term) -> str:
    return str(term) if term.variables else "Intercept"


def _drop_effect(term: GroupTerm, group: str, effect: str) -> GroupTerm:
    if term.grouping.name != group:
        return term
    return replace(term, effects=tuple(t for t in term.effects if _name(t) != effect))


def _with_groups(formula: Formula, groups: tuple[GroupTerm, ...]) -> str:
    return str(replace(formula, main=replace(formula.main, groups=groups)))


def _lines(formula: Formula, main: str) -> str:
    others = str(formula).split("\n")[1:]
    return "\n".join((f"{formula.response} ~ {main}", *others))
