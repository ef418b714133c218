"""Predictions draw by draw: the linear predictor, the mean, new observations."""

from poolish.predict.pointwise import (
    log_likelihood,
    with_log_likelihood,
    with_posterior_predictive,
)
from poolish.predict.policies import POLICIES, Groups, Policy, parse_policies
from poolish.predict.predict import Kind, linear_predictors, predict
from poolish.predict.update import GroupUpdate, update_group

__all__ = [
    "POLICIES",
    "GroupUpdate",
    "Groups",
    "Kind",
    "Policy",
    "linear_predictors",
    "log_likelihood",
    "parse_policies",
    "predict",
    "update_group",
    "with_log_likelihood",
    "with_posterior_predictive",
]
