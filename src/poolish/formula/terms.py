"""The values a formula becomes: expressions, terms, group terms, formulas.

`str` of each is its canonical text, which reads back as an equal value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from poolish.errors import Source
from poolish.formula.spelling import (
    spell_name,
    spell_number,
    spell_product,
    spell_sum,
    spell_text,
)

# --- Expressions: what may stand inside a term. Equality ignores the source position. ---


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the data."""

    name: str
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return spell_name(self.name)


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal."""

    value: float
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return spell_number(self.value)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted literal, as in `treatment("b")`."""

    value: str
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return spell_text(self.value)


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign before an expression, inside arithmetic."""

    operator: str
    operand: Expression
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.operator}{_enclosed(self.operand, SIGN_BINDING)}"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic inside `I(...)` or a function call: `+ - * / ^`."""

    operator: str
    left: Expression
    right: Expression
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        binding = BINDING[self.operator]
        is_power = self.operator == "^"  # R's `^` groups to the right, the others to the left
        left = _enclosed(self.left, binding + is_power)
        right = _enclosed(self.right, SIGN_BINDING if is_power else binding + 1)
        return f"{left}^{right}" if is_power else f"{left} {self.operator} {right}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the fixed list of functions."""

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        keywords = (f"{name}={value}" for name, value in self.keywords)
        return f"{self.function}({', '.join((*map(str, self.arguments), *keywords))})"


type Expression = Name | Number | Text | Unary | Binary | Call

# How tightly operators bind inside an expression, as in R: `-x^2` is `-(x^2)`.
BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 40}
SIGN_BINDING = 30
_ATOM_BINDING = 100


def _enclosed(expression: Expression, minimum: int) -> str:
    """Return the text of an operand, in parentheses when it binds less tightly than `minimum`."""
    return str(expression) if _binding(expression) >= minimum else f"({expression})"


def _binding(expression: Expression) -> int:
    match expression:
        case Binary(operator):
            return BINDING[operator]
        case Unary():
            return SIGN_BINDING
    return _ATOM_BINDING


def cover_sources(left: Source | None, right: Source | None) -> Source | None:
    """Return the stretch of text that holds both places."""
    if left is None or right is None:
        return left or right
    return Source(left.text, min(left.start, right.start), max(left.stop, right.stop))


# --- Terms: what formulas expand to. ---


@dataclass(frozen=True, slots=True)
class Term:
    """A product of variables, `a:b`; no variables at all is the intercept."""

    variables: tuple[Expression, ...]
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return spell_product(self.variables)


INTERCEPT = Term(())


def _spell_terms(terms: tuple[Term, ...]) -> str:
    return spell_sum([term.variables for term in terms])


@dataclass(frozen=True, slots=True)
class Grouping:
    """What stands right of the bar: `a`, `a:b`, `gr(a, cov=K)`, `kin(a, K)`.

    `variables` holds the crossed columns (two or more for `a:b`); `relation` is the name under
    which a known covariance is passed; `by` splits the covariance by a factor. In `mm(a, b)`
    the variables are the memberships of a row, not crossed.
    """

    variables: tuple[Name, ...]
    relation: str | None = None
    by: Name | None = None
    is_multiple: bool = False
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.is_multiple:
            return f"mm({', '.join(map(str, self.variables))})"
        settings = (("cov", self.relation and spell_name(self.relation)), ("by", self.by))
        given = "".join(f", {name}={value}" for name, value in settings if value is not None)
        columns = ":".join(map(str, self.variables))
        return f"gr({columns}{given})" if given else columns

    @property
    def name(self) -> str:
        """Return the factor's name, `a` or `a:b`."""
        return ":".join(variable.name for variable in self.variables)


@dataclass(frozen=True, slots=True)
class GroupTerm:
    """One `(effects | grouping)`; nested `a/b` has already become two of these.

    `effects` includes the intercept term when there is one. `share` is the `p` of `(x |p| g)`.
    """

    effects: tuple[Term, ...]
    grouping: Grouping
    is_correlated: bool = True
    share: str | None = None
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        bar = "|" if self.is_correlated else "||"
        bar = bar if self.share is None else f"|{spell_name(self.share)}|"
        return f"({_spell_terms(self.effects)} {bar} {self.grouping})"


@dataclass(frozen=True, slots=True)
class Response:
    """The left side: the outcome and its additions, `y | trials(n) + weights(w)`.

    `additions` maps `trials`, `se`, `weights`, `cens`, `trunc` or `rate` to its call. Arguments
    are positional, `cens(status, y2)`, except for `trunc(lb=0, ub=9)`, always by keyword.
    `cbind(s, f)` has become `value = s` with `trials(s + f)`; `cbind(s, n - s)` has `trials(n)`.
    """

    value: Expression
    additions: tuple[tuple[str, Call], ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        additions = " + ".join(str(call) for _, call in self.additions)
        return f"{self.value} | {additions}" if additions else str(self.value)


@dataclass(frozen=True, slots=True)
class LinearFormula:
    """The right side of one formula, expanded.

    `terms` are the population terms in R's order (by degree, then as typed), the intercept
    first when present; variables within a term stand in the order in which the formula types
    them first. `offsets` are the arguments of `offset()`.
    """

    terms: tuple[Term, ...]
    groups: tuple[GroupTerm, ...] = ()
    offsets: tuple[Expression, ...] = ()

    @property
    def has_intercept(self) -> bool:
        """Return whether the population part has an intercept."""
        return INTERCEPT in self.terms

    def __str__(self) -> str:
        offsets = (f"offset({expression})" for expression in self.offsets)
        return " + ".join((_spell_terms(self.terms), *map(str, self.groups), *offsets))


@dataclass(frozen=True, slots=True)
class Formula:
    """A whole model formula: response, main predictor, and formulas of other parameters.

    `parameters` holds, by name (`sigma`, `zi`, ...), the right sides of distributional
    formulas. `str(formula)` has one line for each and reads back: `parse(str(f)) == f`.
    """

    response: Response
    main: LinearFormula
    parameters: tuple[tuple[str, LinearFormula], ...] = ()

    def __str__(self) -> str:
        others = (f"{spell_name(name)} ~ {right}" for name, right in self.parameters)
        return "\n".join((f"{self.response} ~ {self.main}", *others))
