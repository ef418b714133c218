"""NUTS through PyMC and nutpie, for every model."""

from poolish.engines.nuts.engine import ENGINE, build_pymc

__all__ = ["ENGINE", "build_pymc"]
