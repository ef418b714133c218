"""The record of a fit."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from poolish.frame import read_table
from poolish.posterior.columns import hash_table
from poolish.posterior.record import installed_versions, record_from_json, record_to_json


def test_record_survives_json(brms_sleep):
    record = brms_sleep.record

    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


def test_record_says_what_was_fitted(brms_sleep):
    record = brms_sleep.record

    assert record.formula == "Reaction ~ 1 + Days + (1 + Days | Subject)"
    assert (record.family, record.engine, record.chains) == ("gaussian", "nuts", 4)


def test_versions_name_what_is_installed():
    assert {"python", "numpy", "xarray"} <= set(installed_versions())


def test_hash_follows_the_values_and_labels():
    frame = pd.DataFrame({"x": [1.0, 2.0], "g": ["a", "b"], "unused": [0, 1]})
    changed = [frame.assign(x=[1.0, 2.5]), frame.assign(g=["a", "c"]), frame.iloc[::-1]]

    hashes = {hash_table(read_table(f), ("x", "g")) for f in [frame, *changed]}

    assert len(hashes) == 4
    assert hash_table(read_table(frame.assign(unused=np.pi)), ("x", "g")) in hashes
