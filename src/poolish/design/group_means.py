"""The split of a variable into its group mean and the deviation from it.

References
----------
Mundlak (1978), Econometrica 46(1), 69-85. doi:10.2307/1913646
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poolish.design.states import GroupMeans
from poolish.frame import FactorColumn


def learn_group_means(x: np.ndarray, group: FactorColumn) -> GroupMeans:
    """Return the mean of `x` in every group that has rows."""
    counts = np.bincount(group.codes, minlength=len(group.levels))
    has_rows = counts > 0
    means = np.bincount(group.codes, x, minlength=len(group.levels))[has_rows] / counts[has_rows]
    levels = tuple(label for label, kept in zip(group.levels, has_rows, strict=True) if kept)
    return GroupMeans(levels, tuple(means.tolist()))


def group_means(state: GroupMeans, x: np.ndarray, group: FactorColumn) -> np.ndarray:
    """Return the mean of each row's group.

    A group of the fitting data keeps its mean; a new group gets the mean of its rows in `x`.
    """
    if group.levels == state.levels:
        return _spread(state.means, group.codes)
    here = learn_group_means(x, group)
    means = dict(zip(here.levels, here.means, strict=True))
    means.update(zip(state.levels, state.means, strict=True))
    return _spread([means.get(label, np.nan) for label in group.levels], group.codes)


def _spread(means: Sequence[float], codes: np.ndarray) -> np.ndarray:
    spread: np.ndarray = np.asarray(means)[codes]
    return spread
