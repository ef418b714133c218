"""Independent random streams by purpose, all from one seed."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for; part of its key, so the order never changes."""

    ADAPTATION = 0
    PROPOSALS = 1
    JOINT_EFFECTS = 2
    LATE_EFFECTS = 3


def stream(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """Return the generator of one purpose and place (chain, block, ...) for a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))
