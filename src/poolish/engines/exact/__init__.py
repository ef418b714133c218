"""The exact engine: Gaussian hierarchical models without a compiler, and ML/REML estimates."""

from poolish.engines.exact.fit import ENGINE, fit, fit_prepared
from poolish.engines.exact.prepare import Prepared, prepare
from poolish.engines.exact.redraw import KEEP_GROUPS_BYTES, group_redraw, redraw_groups
from poolish.engines.exact.trust import gate

__all__ = [
    "ENGINE",
    "KEEP_GROUPS_BYTES",
    "Prepared",
    "fit",
    "fit_prepared",
    "gate",
    "group_redraw",
    "prepare",
    "redraw_groups",
]
