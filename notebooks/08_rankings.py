# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Rankings
#
# Forty wards, 6 to 71 patients each. Somebody asks for the best ward. The data are simulated: we know the
# true order and can see what a league table is worth.

# %%
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

folder = Path("..") / "models" / "hospital_wards"
wards = pd.read_csv(folder / "data.csv")
truth = runpy.run_path(str(folder / "simulate.py"))["ward_effects"]()
truth = pd.Series(truth, index=sorted(wards["ward"].unique()))
wards.groupby("ward").agg(n=("recovery", "size"), mean=("recovery", "mean")).sort_values("mean").round(1)

# %% [markdown]
# ## The naive table
#
# Both ends of that table are led by small wards, W08 with 7 patients and W25 with 9. A mean of eight patients varies by 12 / √8 ≈ 4 points from
# luck alone, more than wards differ.

# %%
fit = po.fit("recovery ~ severity + (1 | ward)", wards, seed=8, draws=DRAWS, progress=False)
fit

# %% [markdown]
# ## Ranks with their intervals
#
# Each draw of the posterior orders the wards; over all draws each ward has a distribution of ranks.
# Severity is in the model: wards are compared at equal case mix.

# %%
ranks = fit.ranks("ward", top=5)
ranks

# %%
table = ranks.to_df().set_index("level")
figure, axes = plt.subplots(figsize=(6, 8))
rows = np.arange(len(table))
axes.hlines(rows, table["rank_lower"], table["rank_upper"], color="#0072B2", alpha=0.5)
axes.plot(table["rank"], rows, "o", color="#0072B2", label="posterior mean rank, 95 % interval")
axes.plot(truth.rank(ascending=False)[table.index], rows, "k|", ms=9, label="true rank")
axes.set(yticks=rows, yticklabels=table.index, xlabel="Rank (1 is the best)", ylabel="Ward")
axes.invert_yaxis()
axes.legend(loc="lower left");

# %% [markdown]
# ## What can be said
#
# Not "ward X is the best", but: how probably it is the best, among the best five, worse than a typical ward.

# %%
table[["n", "rank", "rank_lower", "rank_upper", "p_best", "p_top", "p_worse"]].head(8).round(2)

# %% [markdown]
# ## Two tables against the truth
#
# The adjusted own mean of a ward, and the pooled effect: which is nearer to the true effects?

# %%
slope = float(fit.posterior["b"].sel(coef="severity").mean())
adjusted = (wards["recovery"] - slope * wards["severity"]).groupby(wards["ward"]).mean()
adjusted -= adjusted.mean()
pooled = fit.posterior["r_ward"].mean(("chain", "draw")).squeeze(drop=True).to_series()
errors = pd.Series(
    {
        "own, adjusted": np.sqrt(((adjusted - truth) ** 2).mean()),
        "pooled": np.sqrt(((pooled - truth) ** 2).mean()),
    }
)
errors.round(2)

# %% [markdown]
# ## Exercises
#
# 1. Leave out `severity`. Which wards move, and is that fair to them?
# 2. Is the ward that the posterior calls best the true best? With what probability did the table say so?
# 3. Simulate with ten times as many patients. How wide are the intervals of ranks in the middle of the table?
#
# ## References
#
# - Goldstein H., Spiegelhalter D. (1996). League tables and their limitations. JRSS A 159(3), 385-443. doi:10.2307/2983325
# - Laird N., Louis T. (1989). Journal of Educational Statistics 14(1), 29-46. doi:10.3102/10769986014001029

# %%
width = table["rank_upper"] - table["rank_lower"]
inside = truth.rank(ascending=False)[table.index].between(table["rank_lower"], table["rank_upper"])
assert width.median() > 15
assert inside.mean() > 0.8
assert table["p_best"].max() < 0.9
assert errors["pooled"] < errors["own, adjusted"]
