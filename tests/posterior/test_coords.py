"""Coordinates are those that xarray makes of arrays."""

import numpy as np
import xarray as xr

from poolish.posterior.coords import index_coords


def test_coordinates_are_xarray_s_own():
    labels = {"g": np.array(["a", "long"]), "obs": np.array([3, 1, 2]), "none": np.zeros(0, int)}

    assert xr.Dataset(coords=index_coords(labels)).identical(xr.Dataset(coords=labels))
