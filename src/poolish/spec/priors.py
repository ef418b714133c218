"""Priors as people write them: text to value, and which stated prior applies to a parameter."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np

from poolish.errors import PriorError, Source
from poolish.formula import parse_call
from poolish.formula.terms import Expression, Number, Unary
from poolish.spec.distributions import (
    DISTRIBUTIONS,
    NO_BOUND,
    Distribution,
    correlation_quantile,
    quantile,
)
from poolish.spec.prior import Prior

_EXAMPLE = 'write, for example, `"normal(0, 5)"` or `"half_student_t(3, 0, 2.5)"`'


def parse_prior(text: str | Prior) -> Prior:
    """Return the prior that a text such as `normal(0, 5)` stands for.

    Raises
    ------
    PriorError
        If the distribution is unknown, or its numbers are too few, too many or out of range.
    FormulaError
        If the text is not a call with numbers.
    """
    if isinstance(text, Prior):
        return _checked(text.distribution, text.arguments, str(text))
    call = parse_call(text)
    return _checked(call.function, tuple(_number(part) for part in call.arguments), text)


def _number(expression: Expression) -> float:
    match expression:
        case Number(value):
            return value
        case Unary("-", Number(value)):
            return -value
    raise AssertionError("`parse_call` reads numbers only")


def _checked(name: str, arguments: tuple[float, ...], text: str) -> Prior:
    row = _distribution(name, text)
    if row.fixed_zero is not None and len(arguments) == len(row.arguments) - 1:
        at = row.arguments.index(row.fixed_zero)
        arguments = (*arguments[:at], 0.0, *arguments[at:])
    problem = _argument_problem(row, arguments)
    if problem is not None:
        raise PriorError(
            f"prior `{text}`: {problem}",
            given=f"{len(arguments)} numbers: {', '.join(f'{v:g}' for v in arguments) or 'none'}",
            expected=f"`{name}({', '.join(row.arguments)})`",
            fix=_EXAMPLE,
        )
    return Prior(name, arguments)


def _distribution(name: str, text: str) -> Distribution:
    if name in DISTRIBUTIONS:
        return DISTRIBUTIONS[name]
    close = difflib.get_close_matches(name, DISTRIBUTIONS, n=1)
    raise PriorError(
        f"there is no prior distribution `{name}`",
        given=f"`{text}`",
        expected=f"one of {', '.join(DISTRIBUTIONS)}",
        fix=f"write `{close[0]}(...)`" if close else _EXAMPLE,
        source=Source(text, 0, len(name)),
    )


def _argument_problem(row: Distribution, arguments: Sequence[float]) -> str | None:
    if len(arguments) != len(row.arguments):
        return f"`{row.name}` takes {len(row.arguments)} numbers"
    values = dict(zip(row.arguments, arguments, strict=True))
    if not all(np.isfinite(value) for value in arguments):
        return "every number must be finite"
    too_small = [name for name in row.positive_arguments if values[name] <= 0]
    if too_small:
        return f"`{too_small[0]}` must be above 0"
    if row.fixed_zero is not None and values[row.fixed_zero] != 0:
        return f"the {row.fixed_zero} of a half distribution is 0"
    if row.support == "interval" and values["low"] >= values["high"]:
        return "`low` must be below `high`"
    return None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a prior: one parameter of the model.

    Parameters
    ----------
    names : tuple of str
        What a stated prior may be called, the most specific first: `("sd_Subject[Days]",
        "sd_Subject", "sd")`. The first is the parameter's own name.
    default : Prior
        Used when nothing is stated.
    lower, upper : float
        Bounds of the parameter: priors are truncated to between them.
    n_effects : int
        For a correlation matrix, its size; 0 otherwise.
    """

    names: tuple[str, ...]
    default: Prior
    lower: float = NO_BOUND
    upper: float = np.inf
    n_effects: int = 0


@dataclass(frozen=True, slots=True)
class ResolvedPrior:
    """The prior that applies in a slot; `stated_as` is the user's key, None for a default."""

    slot: Slot
    prior: Prior
    stated_as: str | None


def resolve_priors(
    slots: Sequence[Slot], stated: Mapping[str, str | Prior]
) -> tuple[ResolvedPrior, ...]:
    """Return the prior of every slot: the most specific stated one, or the default.

    Parameters
    ----------
    slots : sequence of Slot
    stated : Mapping of str to (str or Prior)
        Keys are the names people see: `b`, `b[Days]`, `Intercept`, `sd_Subject`, `sigma`, ...

    Raises
    ------
    PriorError
        If a stated name applies to nothing, or a prior cannot hold for its parameter.
    """
    priors = {_squeeze(key): parse_prior(text) for key, text in stated.items()}
    _check_names(slots, stated)
    return tuple(_resolve(slot, priors) for slot in slots)


_OF_GROUPS = ("sd", "cor")


def _squeeze(name: str) -> str:
    return normalize("NFC", name.replace(" ", ""))


def _resolve(slot: Slot, priors: Mapping[str, Prior]) -> ResolvedPrior:
    name = next((name for name in slot.names if _squeeze(name) in priors), None)
    if name is None:
        return ResolvedPrior(slot, slot.default, None)
    prior = priors[_squeeze(name)]
    _check_support(slot, prior)
    return ResolvedPrior(slot, prior, name)


def _check_names(slots: Sequence[Slot], stated: Mapping[str, str | Prior]) -> None:
    known = {_squeeze(name): name for slot in slots for name in slot.names}
    unknown = next((key for key in stated if _squeeze(key) not in known), None)
    if unknown is None:
        return
    # `Intercept` is like `sd_g[Intercept]` only to the eye.
    alike = [name for name in known if _kind(name) == _kind(unknown)]
    close = difflib.get_close_matches(_squeeze(unknown), alike, n=1)
    raise PriorError(
        f"prior `{unknown}` applies to nothing in this model",
        given=f"`{unknown}: {stated[unknown]}`",
        expected=f"one of {', '.join(known.values())}",
        fix=f"write `{known[close[0]]}`" if close else "leave this prior out",
    )


def _kind(name: str) -> str:
    """Return `sd` or `cor` for the name of a group's parameter, empty for any other."""
    return next((kind for kind in _OF_GROUPS if name.startswith(kind)), "")


def _check_support(slot: Slot, prior: Prior) -> None:
    """Raise `PriorError` for a prior that cannot hold for the parameter of `slot`."""
    problem = _support_problem(slot, prior)
    if problem is not None:
        raise PriorError(
            f"prior `{prior}` does not suit `{slot.names[0]}`",
            given=f"`{slot.names[0]}: {prior}`",
            expected=problem,
            fix=f"write, for example, `{slot.default}`",
        )


def _support_problem(slot: Slot, prior: Prior) -> str | None:
    support = DISTRIBUTIONS[prior.distribution].support
    if (support == "correlation") != (slot.n_effects > 0):
        return "`lkj(eta)` for correlations, and only for them"
    if slot.n_effects:
        return None
    is_bounded = slot.lower > NO_BOUND or slot.upper < np.inf
    if is_bounded and prior.distribution == "flat":
        return "a proper prior: a flat one on a scale parameter can give no posterior"
    bounds = f"{slot.lower:g} and {slot.upper:g}"
    if prior.distribution == "constant" and not slot.lower <= prior.arguments[0] <= slot.upper:
        return f"a value between {bounds}"
    if is_bounded and support in ("interval", "unit"):
        low, high = quantile(prior, np.array([0.0, 1.0]))
        if high <= slot.lower or low >= slot.upper:
            return f"some probability between {bounds}"
    return None


def implied_range(resolved: ResolvedPrior, prob: float = 0.95) -> tuple[float, float]:
    """Return the central interval that a prior implies; infinite for `flat()`."""
    tails = np.array([(1 - prob) / 2, (1 + prob) / 2])
    if resolved.slot.n_effects:
        low, high = correlation_quantile(resolved.prior, tails, n_effects=resolved.slot.n_effects)
    elif resolved.prior.distribution == "flat":
        low, high = -np.inf, np.inf
    else:
        slot = resolved.slot
        low, high = quantile(resolved.prior, tails, lower=slot.lower, upper=slot.upper)
    return float(low), float(high)
