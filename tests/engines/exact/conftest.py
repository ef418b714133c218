"""Designs built by hand, and the dense multivariate normal they must agree with."""

import numpy as np
import pytest

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign


def _group(codes, Z, *, name="g", blocks=None):
    Z = np.asarray(Z, dtype=float).reshape(len(codes), -1)
    codes = np.asarray(codes)
    q = Z.shape[1]
    return GroupDesign(
        name=name,
        effects=tuple(f"x{a}" for a in range(q)),
        levels=tuple(str(j) for j in range(codes.max() + 1)),
        codes=codes,
        Z=Z,
        blocks=blocks or (tuple(range(q)),),
        share=(None,) * len(blocks or (0,)),
    )


def _design(y, X, groups=(), *, sigma=None, se=None, weights=None):
    X = np.asarray(X, dtype=float).reshape(len(y), -1)
    coefs = ("Intercept", *(f"x{i}" for i in range(1, X.shape[1])))[: X.shape[1]]
    offset = np.zeros(len(y))
    predictors = {"mu": PredictorDesign(X, coefs, bool(coefs), offset, tuple(groups))}
    if sigma is not None:
        names = tuple(f"s{i}" for i in range(sigma.shape[1]))
        predictors["sigma"] = PredictorDesign(sigma, names, False, offset)
    return Design(ResponseDesign("y", np.asarray(y, float), se=se, weights=weights), predictors)


def _covariance(design, roots, sigma):
    """Return Var(y | b) for group roots L and residual sds by row."""
    weights = design.response.weights
    V = np.diag(sigma**2 / (1.0 if weights is None else weights))
    for group, L in zip(design.main.groups, roots, strict=True):
        same = group.codes[:, None] == group.codes[None, :]
        V = V + same * (group.Z @ L @ L.T @ group.Z.T)
    return V


@pytest.fixture(scope="session")
def make_group():
    return _group


@pytest.fixture(scope="session")
def make_design():
    return _design


@pytest.fixture(scope="session")
def dense_covariance():
    return _covariance
