"""The fixed list of functions and the arguments that each takes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from poolish.errors import FormulaError, Source
from poolish.formula.lexer import Token
from poolish.formula.terms import Call, Expression, Name, Number, Text, Unary


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments of a function.

    Parameters
    ----------
    required, optional : tuple of str
        Given by position.
    settings : tuple of str
        Given by keyword, the first `n_positional` of them by position too.
    """

    required: tuple[str, ...] = ("x",)
    optional: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    n_positional: int = 1

    @property
    def by_position(self) -> tuple[str, ...]:
        """Return the arguments that may be given without a name."""
        return (*self.required, *self.optional, *self.settings[: self.n_positional])


_ONE = Signature()

FUNCTIONS: dict[str, Signature] = {
    **dict.fromkeys(("log", "log1p", "log2", "log10", "exp", "sqrt", "abs"), _ONE),
    "factor": Signature(settings=("ref",)),
    "C": Signature(("f",), ("contrast",)),
    "poly": Signature(settings=("degree", "raw")),
    "bs": Signature(settings=("df", "degree", "intercept")),
    "ns": Signature(settings=("df", "intercept")),
    **dict.fromkeys(("center", "scale", "standardize"), _ONE),
    **dict.fromkeys(("within", "between"), Signature(("x", "g"))),
    "lag": Signature(settings=("n",)),
    "I": _ONE,
}

# What may stand second in `C(f, ...)`.
CONTRASTS: dict[str, Signature] = {
    "treatment": Signature((), settings=("ref", "base")),
    "sum": Signature(()),
    "helmert": Signature(()),
    "poly": Signature(()),
}

# Response terms, right of the bar on the left side.
ADDITIONS: dict[str, Signature] = {
    "trials": Signature(("n",)),
    "se": Signature(("se",)),
    "weights": Signature(("w",)),
    "cens": Signature(("status",), ("y2",)),
    "trunc": Signature((), settings=("lb", "ub"), n_positional=2),
    "rate": Signature(("d",)),
}

# Functions of a grouping.
GROUPINGS: dict[str, Signature] = {
    "gr": Signature(("g",), settings=("cov", "by"), n_positional=0),
    "kin": Signature(("g", "K")),
    "mm": Signature(("g1", "g2"), ("g3", "g4")),
}

# R's and Python's names of true and false, in settings.
TRUTHS = frozenset(("TRUE", "True", "T", "FALSE", "False", "F"))

# What people write from habit, and what does it here.
_INSTEAD: dict[str, str] = {
    **dict.fromkeys(FUNCTIONS, "the column itself; other values are added to the data first"),
    **dict.fromkeys(("as.factor", "as_factor", "ordered"), "`factor(x)`, or a categorical column"),
    "ln": "`log(x)`",
    **dict.fromkeys(("square", "pow", "power"), "`I(x^2)`"),
    **dict.fromkeys(("s", "t2", "te", "gp"), "`ns(x, df=4)` or `bs(x, df=5)`"),
    **dict.fromkeys(("interaction", "paste"), "`a:b`"),
    "relevel": '`factor(x, ref="b")`',
    "cbind": "`cbind(successes, failures)` on the left side, before any `|`",
    "offset": "`offset(x)` as a term of its own, added by `+`",
    **dict.fromkeys(ADDITIONS, "it left of `~`, as in `y | trials(n) ~ x`"),
    **dict.fromkeys(GROUPINGS, "it right of the bar, as in `(1 | gr(g, cov=K))`"),
}


def find_signature(
    function: Token, table: Mapping[str, Signature], *, what: str = "function"
) -> Signature:
    """Return the arguments of a function of a table.

    Raises
    ------
    FormulaError
        If the function is not in the table; the list and the nearest one are named.
    """
    name = function.value
    if name in table:
        return table[name]
    raise FormulaError(
        f"there is no {what} `{name}`",
        given=f"{function}",
        expected=f"one of {', '.join(table)}",
        fix=_find_fix(name, table),
        source=function.source,
    )


def _find_fix(name: str, table: Mapping[str, Signature]) -> str:
    if name in _INSTEAD:
        return f"write {_INSTEAD[name]}"
    close = difflib.get_close_matches(name, table, n=1)
    return f"write `{close[0]}(...)`" if close else "add the values to the data as a column"


def bind_arguments(call: Call, signature: Signature) -> dict[str, Expression]:
    """Return the arguments of a call by name, in the order of the signature.

    Raises
    ------
    FormulaError
        If there are too few or too many, or a keyword is unknown or given twice.
    """
    names = signature.by_position
    if len(call.arguments) > len(names):
        raise _wrong_arguments(call, signature, call.arguments[len(names)].source)
    bound = dict(zip(names, call.arguments, strict=False))
    for keyword, value in call.keywords:
        if keyword not in signature.settings or keyword in bound:
            raise _wrong_arguments(call, signature, value.source)
        bound[keyword] = value
    if any(name not in bound for name in signature.required):
        raise _wrong_arguments(call, signature, call.source)
    ordered = dict.fromkeys((*names, *signature.settings))
    return {name: bound[name] for name in ordered if name in bound}


def _wrong_arguments(call: Call, signature: Signature, source: Source | None) -> FormulaError:
    form = _spell_signature(call.function, signature)
    return FormulaError(
        f"`{call.function}` does not take these arguments",
        given=f"`{call}`",
        expected=f"`{form}`" + (", `=` parts optional" if signature.settings else ""),
        fix=f"write it as `{form}`",
        source=source,
    )


def _spell_signature(function: str, signature: Signature) -> str:
    optional = (f"[{name}]" for name in signature.optional)
    settings = (f"{name}=..." for name in signature.settings)
    return f"{function}({', '.join((*signature.required, *optional, *settings))})"


def check_call(call: Call, table: Mapping[str, Signature]) -> None:
    """Raise unless the arguments of a call suit its signature, settings being plain values.

    Raises
    ------
    FormulaError
        If an argument is missing or unknown, or a setting is an expression.
    """
    signature = table[call.function]
    bound = bind_arguments(call, signature)
    for name in signature.settings:
        if name in bound and not _is_literal(bound[name]):
            raise FormulaError(
                f"`{name}` of `{call.function}` is not a plain value",
                given=f"`{bound[name]}`",
                expected='a number such as `3`, a quoted text such as `"b"`, TRUE or FALSE',
                fix=f"write a plain value after `{name}=`, a text in quotes",
                source=bound[name].source,
            )


def _is_literal(value: Expression) -> bool:
    match value:
        case Number() | Text() | Unary(operand=Number()):
            return True
        case Name(name):
            return name in TRUTHS
    return False
