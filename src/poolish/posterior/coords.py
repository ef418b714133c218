"""Labels of dimensions as xarray coordinates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr


def index_coords(labels: Mapping[str, np.ndarray]) -> xr.Coordinates:
    """Return the coordinates that label dimensions, one array of labels for each.

    Given arrays, xarray would first ask whether they are of the library `sparse`, and import it
    where it is installed: half a second with its compiler. Given indexes it does not.
    """
    coords = xr.Coordinates()
    for dim, values in labels.items():
        index = xr.indexes.PandasIndex(pd.Index(values), dim, coord_dtype=values.dtype)
        coords = coords | xr.Coordinates.from_xindex(index)
    return coords
