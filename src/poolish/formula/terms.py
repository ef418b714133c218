"""The values a formula becomes: expressions, terms, group terms, formulas."""

from __future__ import annotations

from dataclasses import dataclass, field

from poolish.errors import Source

# --- Expressions: what may stand inside a term. Equality ignores the source position. ---


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the data."""

    name: str
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal."""

    value: float
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted literal, as in `treatment("b")`."""

    value: str
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign before an expression, inside arithmetic."""

    operator: str
    operand: Expression
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic inside `I(...)` or a function call: `+ - * / ^`."""

    operator: str
    left: Expression
    right: Expression
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the fixed list of functions."""

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)


type Expression = Name | Number | Text | Unary | Binary | Call


# --- Terms: what formulas expand to. ---


@dataclass(frozen=True, slots=True)
class Term:
    """A product of variables, `a:b`; no variables at all is the intercept."""

    variables: tuple[Expression, ...]
    source: Source | None = field(default=None, compare=False, repr=False)


INTERCEPT = Term(())


@dataclass(frozen=True, slots=True)
class Grouping:
    """What stands right of the bar: `a`, `a:b`, `gr(a, cov=K)`, `kin(a, K)`.

    `variables` holds the crossed columns (two or more for `a:b`); `relation` is the name under
    which a known covariance is passed; `by` splits the covariance by a factor.
    """

    variables: tuple[Name, ...]
    relation: str | None = None
    by: Name | None = None
    source: Source | None = field(default=None, compare=False, repr=False)

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


@dataclass(frozen=True, slots=True)
class Response:
    """The left side: the outcome and its additions, `y | trials(n) + weights(w)`.

    `additions` maps `trials`, `se`, `weights`, `cens`, `trunc` or `rate` to the call as typed;
    `cbind(s, n - s)` has become `value = s` with `trials(s + (n - s))`.
    """

    value: Expression
    additions: tuple[tuple[str, Call], ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LinearFormula:
    """The right side of one formula, expanded.

    `terms` are the population terms in R's order (by degree, then as typed), the intercept
    first when present; `offsets` are the arguments of `offset()`.
    """

    terms: tuple[Term, ...]
    groups: tuple[GroupTerm, ...] = ()
    offsets: tuple[Expression, ...] = ()

    @property
    def has_intercept(self) -> bool:
        """Return whether the population part has an intercept."""
        return INTERCEPT in self.terms


@dataclass(frozen=True, slots=True)
class Formula:
    """A whole model formula: response, main predictor, and formulas of other parameters.

    `parameters` holds, by name (`sigma`, `zi`, ...), the right sides of distributional
    formulas. `text` is the canonical rendering: `parse(f.text) == f`.
    """

    response: Response
    main: LinearFormula
    parameters: tuple[tuple[str, LinearFormula], ...] = ()
