"""The exact engine: Gaussian hierarchical models without a compiler, and ML/REML estimates."""

from poolish.engines.exact.fit import ENGINE, fit, fit_prepared
from poolish.engines.exact.lrt import LikelihoodRatio, lrt
from poolish.engines.exact.mle import mle
from poolish.engines.exact.point_fit import GroupEstimate, PointFit
from poolish.engines.exact.prepare import Prepared, prepare
from poolish.engines.exact.redraw import group_redraw, redraw_groups
from poolish.engines.exact.trust import gate

__all__ = [
    "ENGINE",
    "GroupEstimate",
    "LikelihoodRatio",
    "PointFit",
    "Prepared",
    "fit",
    "fit_prepared",
    "gate",
    "group_redraw",
    "lrt",
    "mle",
    "prepare",
    "redraw_groups",
]
