"""What a formula remembers of the fitting data, so that new data get the same columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a factor, in the order of its codes."""

    levels: tuple[str, ...]
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """`(x - center) / scale`."""

    center: float
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class RawPolynomial:
    """`x, x^2, ..., x^degree`."""

    degree: int


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Orthonormal polynomials by their three-term recurrence.

    `alpha` holds the shifts of the recurrence and `norm2` the squared norms of the monic
    polynomials, from degree 0 on.
    """

    alpha: tuple[float, ...]
    norm2: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spline:
    """A B-spline basis, or with `is_natural` its subspace that is linear beyond the boundary."""

    knots: tuple[float, ...]
    boundary: tuple[float, float]
    degree: int = 3
    has_intercept: bool = False
    is_natural: bool = False


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """The mean of a variable in each group of the fitting data."""

    levels: tuple[str, ...]
    means: tuple[float, ...]


type State = Levels | Shift | RawPolynomial | Polynomial | Spline | GroupMeans

type Memory = Mapping[str, State]

_STATES: tuple[type[State], ...] = (Levels, Shift, RawPolynomial, Polynomial, Spline, GroupMeans)
_BY_NAME: Mapping[str, type[State]] = {state.__name__: state for state in _STATES}


def memory_to_json(memory: Memory) -> dict[str, dict[str, Any]]:
    """Return the memory as plain dictionaries, lists, texts and numbers."""
    return {key: {"kind": type(state).__name__, **_plain(state)} for key, state in memory.items()}


def memory_from_json(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, State]:
    """Return the memory that `memory_to_json` wrote."""
    return {key: _state(fields) for key, fields in plain.items()}


def _plain(state: State) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(state).items()
    }


def _state(fields: Mapping[str, Any]) -> State:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields.items()
        if name != "kind"
    }
    return _BY_NAME[fields["kind"]](**values)
