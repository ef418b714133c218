"""The type of what PyTensor computes with."""

from __future__ import annotations

from typing import Any

# PyTensor's and PyMC's functions carry no useful annotations.
type Tensor = Any
