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
# # Shrinkage
#
# Tristan Mahr's question: what do we say of a subject of whom we know almost nothing? He adds two such
# subjects to the sleep study: 374 with two days, 373 with one. We fit lines in three ways and watch where they go.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

sleep = pd.read_csv(Path("..") / "models" / "sleepstudy" / "data.csv").astype({"Subject": str})
sparse = pd.DataFrame({"Reaction": [286.0, 288.0, 245.0], "Days": [0, 1, 0], "Subject": ["374", "374", "373"]})
data = pd.concat([sleep, sparse], ignore_index=True)
data.tail(4)

# %% [markdown]
# ## No pooling: a line per subject
#
# Eighteen lines are fine. Subject 374's line goes exactly through both points, whatever their error, and 373
# has no line at all: one point has no slope.

# %%
own = {
    subject: np.polyfit(rows["Days"], rows["Reaction"], 1)
    for subject, rows in data.groupby("Subject")
    if len(rows) > 1
}
own["374"]

# %% [markdown]
# ## Complete pooling: one line for all
#
# This has an answer for everybody, the same one, and ignores what we know about each.

# %%
common = np.polyfit(data["Days"], data["Reaction"], 1)
common

# %% [markdown]
# ## Partial pooling
#
# The hierarchical model learns how different subjects are and uses that to weigh each subject's data
# against all the others'.

# %%
fit = po.fit("Reaction ~ Days + (Days | Subject)", data, seed=2, draws=DRAWS, progress=False)
fit

# %%
pooling = fit.pooling("Subject")
pooling

# %% [markdown]
# Look for 373 and 374: with one and two days, their slopes are almost the average slope. Their intercepts are
# less so: day 0 was measured.

# %%
effects = fit.posterior["b"].sel(coef=["Intercept", "Days"]).mean(("chain", "draw")).to_numpy()
deviations = fit.posterior["r_Subject"].mean(("chain", "draw"))
partial = pd.DataFrame(
    deviations.to_numpy() + effects, index=deviations["Subject"].to_numpy(), columns=["intercept", "slope"]
)
partial.loc[["308", "335", "373", "374"]].round(1)

# %%
shown = ["308", "335", "373", "374"]
days = np.arange(10)
figure, panels = plt.subplots(1, 4, figsize=(10, 3), sharey=True)
for subject, axes in zip(shown, panels, strict=True):
    rows = data[data["Subject"] == subject]
    axes.plot(rows["Days"], rows["Reaction"], "k.")
    axes.plot(days, np.polyval(common, days), "k--", label="complete")
    if subject in own:
        axes.plot(days, np.polyval(own[subject], days), color="#D55E00", label="none")
    axes.plot(days, partial.loc[subject, "intercept"] + partial.loc[subject, "slope"] * days, color="#0072B2", label="partial")
    axes.set(title=f"{subject} ({len(rows)} days)", xlabel="Days", ylim=(180, 480))
panels[0].set_ylabel("Reaction time (ms)")
panels[-1].legend();

# %% [markdown]
# ## All lines in one plane
#
# A line is a point: intercept across, slope up. Arrows lead from the own line to the partially pooled one,
# towards the middle, and the longer the less that subject's data say.

# %%
figure, axes = plt.subplots(figsize=(6, 4.3))
for subject, (slope, intercept) in own.items():
    end = partial.loc[subject]
    axes.annotate("", (end["intercept"], end["slope"]), (intercept, slope), arrowprops={"arrowstyle": "->", "color": "0.6"})
    axes.plot(intercept, slope, "o", mfc="none", color="#D55E00")
axes.plot(partial["intercept"], partial["slope"], "o", color="#0072B2")
axes.plot(*effects, "k+", ms=14)
axes.set(xlabel="Intercept (ms)", ylabel="Slope (ms per day)", title="Lines are pulled to the middle");

# %% [markdown]
# ## Why it is right to shrink
#
# Simulate: 200 groups with true means of sd 1, five values each with sd 2. Whose estimate is nearer to the
# truth, the group's own mean or the pulled one?

# %%
rng = np.random.default_rng(5)
truth = rng.normal(0, 1, 200)
means = truth + rng.normal(0, 2 / np.sqrt(5), 200)
weight = 1 / (1 + 4 / 5)
errors = pd.Series({"own mean": np.mean((means - truth) ** 2), "pulled": np.mean((weight * means - truth) ** 2)})
errors.round(2)

# %% [markdown]
# ## Exercises
#
# 1. Give 374 a second value of 400 ms instead of 288. How far does its slope follow?
# 2. Write `(Days || Subject)`. Does 373's slope still know anything of 373's one value?
# 3. Open `po.explore(...)` on these data and move the sd of subjects by hand.
#
# ## References
#
# - Mahr T. (2017). Plotting partial pooling in mixed-effects models. tjmahr.com.
# - Efron B., Morris C. (1977). Stein's paradox in statistics. Scientific American 236(5), 119-127.

# %%
assert fit.diagnosis.verdict == "sound"
assert abs(partial.loc["373", "slope"] - effects[1]) < 3
assert abs(partial.loc["374", "slope"] - effects[1]) < abs(own["374"][0] - effects[1])
assert partial["slope"].std() < np.std([line[0] for line in own.values()])
assert errors["pulled"] < errors["own mean"]
