"""Names for what has no static type: PyMC, its tensors, and SciPy's frozen distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poolish.design.arrays import ResponseDesign

type Pymc = Any  # the `pymc` module, passed in by the engine that has imported it
type Tensor = Any  # a tensor, or an array in its place
type Tensors = Mapping[str, Tensor]
type Frozen = Any  # a frozen `scipy.stats` distribution, or an unnamed PyMC one
type Native = tuple[Any, dict[str, Any]]  # a PyMC distribution class and its arguments
type MakeNative = Callable[[Pymc, Tensors, ResponseDesign], Native]
type Graph = Callable[[Pymc, Tensor, Tensors, ResponseDesign], Tensor]
