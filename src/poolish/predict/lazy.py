"""Groups of the tree that cost something: there to be named, computed when they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from poolish.posterior import Posterior, response_name
from poolish.predict.pointwise import log_likelihood
from poolish.predict.predict import predict


def with_lazy_groups(posterior: Posterior) -> xr.DataTree:
    """Return the tree with `log_likelihood` and `posterior_predictive`, computed when first read.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    xarray.DataTree
        What `az.loo` and `az.plot_ppc_dist` take. The predictive draws come from the fit's seed.
    """
    groups = {name: node.to_dataset() for name, node in posterior.tree.children.items()}
    seed = posterior.record.seed
    lazy = {
        "log_likelihood": lambda: log_likelihood(posterior),
        "posterior_predictive": lambda: predict(posterior, kind="response", seed=seed),
    }
    for name, compute in lazy.items():
        groups.setdefault(name, _lazy_dataset(posterior, compute))
    return xr.DataTree.from_dict(groups)


def _lazy_dataset(posterior: Posterior, compute: Callable[[], xr.DataArray]) -> xr.Dataset:
    rows = posterior.tree["observed_data"].coords["obs"]
    sample = posterior.draws.coords
    coords = {"chain": sample["chain"], "draw": sample["draw"], "obs": rows}
    shape = tuple(len(values) for values in coords.values())
    values = indexing.LazilyIndexedArray(_Computed(compute, shape))
    return xr.Dataset(
        {response_name(posterior.design): xr.Variable(tuple(coords), values)}, coords=coords
    )


class _Computed(BackendArray):
    """An array that is computed, once, when somebody reads it."""

    dtype = np.dtype(np.float64)

    def __init__(self, compute: Callable[[], xr.DataArray], shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._compute = compute

    @cached_property
    def _values(self) -> np.ndarray:
        return np.asarray(self._compute().values)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.typing.ArrayLike:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(
            key, self.shape, support, lambda index: self._values[index]
        )
