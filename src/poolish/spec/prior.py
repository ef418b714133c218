"""A prior is a value: the name of a distribution and its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior distribution, `normal(0, 5)`.

    Parameters
    ----------
    distribution : str
        A key of `poolish.spec.distributions.DISTRIBUTIONS`.
    arguments : tuple of float
        Its numbers, in the order of the table row.
    """

    distribution: str
    arguments: tuple[float, ...] = ()

    def __str__(self) -> str:
        numbers = ", ".join(f"{value:g}" for value in self.arguments)
        return f"{self.distribution}({numbers})"
