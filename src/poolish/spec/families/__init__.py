"""The response families: one row each, one table, and the choice of a family and its links."""

from poolish.spec.families.additions import log_density, sample
from poolish.spec.families.table import FAMILIES, chosen_family, family, parse_family

__all__ = ["FAMILIES", "chosen_family", "family", "log_density", "parse_family", "sample"]
