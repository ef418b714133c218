"""The options of a function in a formula: numbers such as the degree of `poly(x, 2)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poolish.errors import FormulaError
from poolish.formula.terms import Call, Expression, Name, Number

type Options = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes beside its variables.

    `n_variables` arguments are variables; one option, `positional`, may follow without its name.
    `defaults` are the options with a value when left out, `others` those without.
    """

    n_variables: int = 1
    positional: str | None = None
    defaults: Mapping[str, float] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all options."""
        return (*self.defaults, *self.others)


SIGNATURES: Mapping[str, Signature] = {
    "between": Signature(n_variables=2),
    "bs": Signature(positional="df", defaults={"degree": 3.0, "intercept": 0.0}, others=("df",)),
    "ns": Signature(positional="df", defaults={"intercept": 0.0}, others=("df",)),
    "poly": Signature(positional="degree", defaults={"degree": 1.0, "raw": 0.0}),
    "within": Signature(n_variables=2),
}

_TRUTHS = {"TRUE": 1.0, "True": 1.0, "T": 1.0, "FALSE": 0.0, "False": 0.0, "F": 0.0}


def split_arguments(call: Call) -> tuple[tuple[Expression, ...], dict[str, float]]:
    """Return the variables and the options of a call.

    Raises
    ------
    FormulaError
        If there are too few or too many arguments, or an option is unknown or no whole number.
    """
    signature = SIGNATURES.get(call.function, Signature())
    n = signature.n_variables
    extra = call.arguments[n:]
    if len(call.arguments) < n or len(extra) > (signature.positional is not None):
        raise bad_option(
            call, f"{len(call.arguments)} arguments", f"{n} variable{'s' if n > 1 else ''}"
        )
    typed = [*((str(signature.positional), value) for value in extra), *call.keywords]
    options = {key: _whole_number(key, value, call, signature) for key, value in typed}
    return call.arguments[:n], {**signature.defaults, **options}


def _whole_number(key: str, value: Expression, call: Call, signature: Signature) -> float:
    if key not in signature.names:
        allowed = ", ".join(f"`{name}=`" for name in signature.names)
        raise bad_option(call, f"the option `{key}`", allowed or "no options")
    number = (
        value.value
        if isinstance(value, Number)
        else _TRUTHS.get(value.name)
        if isinstance(value, Name)
        else None
    )
    if number is None or number != int(number):
        raise bad_option(call, f"`{key} = {value}`", f"a whole number for `{key}`")
    return number


def bad_option(call: Call, given: str, expected: str) -> FormulaError:
    """Return the error for a call with arguments that make no sense."""
    return FormulaError(
        f"`{call}` cannot be computed",
        given=given,
        expected=expected,
        fix=f"change the arguments of `{call.function}`",
        source=call.source,
    )
