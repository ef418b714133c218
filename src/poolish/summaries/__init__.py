"""Tables that people read: coefficients, groups, variance, pooling, priors, the verdict."""

from poolish.summaries.coefficients import summarise
from poolish.summaries.diagnosis import Diagnosis, Finding, diagnose
from poolish.summaries.effects import select_group
from poolish.summaries.groups import summarise_groups
from poolish.summaries.pooling import average_pooling, summarise_pooling
from poolish.summaries.printed import print_html, print_text
from poolish.summaries.priors import tabulate_priors
from poolish.summaries.ranks import summarise_ranks
from poolish.summaries.shares import share_draws
from poolish.summaries.table import TableResult
from poolish.summaries.variance import summarise_variance

__all__ = [
    "Diagnosis",
    "Finding",
    "TableResult",
    "average_pooling",
    "diagnose",
    "print_html",
    "print_text",
    "select_group",
    "share_draws",
    "summarise",
    "summarise_groups",
    "summarise_pooling",
    "summarise_ranks",
    "summarise_variance",
    "tabulate_priors",
]
