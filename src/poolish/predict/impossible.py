"""Predictions that no outcome can have: a link has put a parameter out of its range."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poolish.predict.blocks import Block
from poolish.spec.families.additions import is_possible
from poolish.spec.family import Family
from poolish.spec.links import Link
from poolish.spec.model import ModelSpec

_PACKAGE = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class ImpossibleCount:
    """How often a link such as `identity` has put a modelled parameter out of its range.

    Parameters
    ----------
    spec : ModelSpec
    rows : dict of str to ndarray of int, shape (obs,)
        By parameter, the number of draws outside in each row; filled by `add`.
    """

    spec: ModelSpec
    rows: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Count the draws of a block."""
        parameters = block.parameters
        for name in block.linear:
            is_outside = ~is_possible(self.spec.family, name, parameters[name])
            self.rows[name] = self.rows.get(name, 0) + is_outside.sum(axis=0)

    def warn(self, n_draws: int) -> None:
        """Warn, at the call from outside this package, of each parameter that was outside."""
        for name, outside in self.rows.items():
            if np.any(outside):
                link = self.spec.predictors[name].link
                text = describe_impossible(self.spec.family, name, link, outside, n_draws)
                warnings.warn(text, skip_file_prefixes=(_PACKAGE,), stacklevel=2)


def describe_impossible(
    family: Family, name: str, link: Link, outside: np.ndarray, n_draws: int
) -> str:
    """Return what is wrong, in how many draws and rows, and what to do."""
    row = family.parameter(name)
    keyword = "link" if row is family.main else name
    values = "positive" if np.isinf(row.upper) else "between 0 and 1"
    n_predictions, n_rows = outside.size * n_draws, int(np.sum(outside > 0))
    return (
        f"link `{link.name}` gives `{name}` of family `{family.name}` values that are not {values} "
        f"in {outside.sum():,} of {n_predictions:,} predictions ({n_rows:,} of {outside.size:,} "
        "rows): responses are NaN there, and means are not those of any outcome; fit with a link "
        f'that cannot, `po.family("{family.name}", {keyword}="{row.links[0]}")`'
    )
