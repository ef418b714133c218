"""The quadrature engine: non-Gaussian models with scalar group effects, without a compiler."""

from poolish.engines.quadrature.fit import ENGINE, fit, gate
from poolish.engines.quadrature.problem import Problem, build_problem

__all__ = ["ENGINE", "Problem", "build_problem", "fit", "gate"]
