"""Predictions as a table."""

from __future__ import annotations

import numpy as np

from poolish.predict import predict
from poolish.summaries.predicted import tabulate_predictions


def test_table_describes_the_draws_of_each_row(brms_sleep, sleepstudy):
    new = sleepstudy.iloc[[0, 19]]

    table = tabulate_predictions(brms_sleep, new, kind="response", groups="new", ci_prob=0.8)

    draws = predict(brms_sleep, new, kind="response", groups="new").values
    np.testing.assert_allclose(table.frame["mean"], draws.mean(axis=(0, 1)))
    np.testing.assert_allclose(table.frame["upper"], np.quantile(draws, 0.9, axis=(0, 1)))
    assert list(table.frame["row"]) == ["0", "19"]
    assert table.title == "Predictions: new observation"
    assert table.caption == "groups: new; 80% equal-tailed intervals"
