"""What is wrong with a fit, and what to change."""

from poolish.summaries.doctor.check import check_fit
from poolish.summaries.doctor.step import CheckResult, Step

__all__ = ["CheckResult", "Step", "check_fit"]
