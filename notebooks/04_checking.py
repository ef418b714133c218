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
# # Checking a model
#
# Two questions that are often confused. Was the posterior computed rightly? And is the model one that could have made
# these data? We take a model that fails the second while passing the first.

# %%
from pathlib import Path

import pandas as pd
from settings import DRAWS

import poolish as po

data = pd.read_csv(Path("..") / "models" / "ill_posed" / "data.csv")
data.head()

# %% [markdown]
# Five sites, each with a machine of its own, four readings at each.

# %%
fit = po.fit(
    "reading ~ dose + (dose | site) + (1 | machine)", data, seed=4, draws=2 * DRAWS, progress=False
)
fit

# %% [markdown]
# ## The verdict is about the sampling
#
# R-hat, effective sample sizes and Pareto k say whether the draws are draws from the posterior. They cannot say
# whether the posterior answers a sensible question.

# %%
print(fit.diagnosis.verdict)
pd.Series({each.measure.name: each.value for each in fit.diagnosis.findings}).round(3)

# %% [markdown]
# ## The doctor
#
# `fit.check()` looks at model and data, and names causes in order, each with one step.

# %%
check = fit.check()
check

# %% [markdown]
# `site` and `machine` are the same partition: the data know the sum of the two variances only. We take the
# first step by hand.

# %%
simpler = po.fit("reading ~ dose + (1 | site)", data, seed=4, draws=2 * DRAWS, progress=False)
simpler.check()

# %% [markdown]
# ## Does the model make such data?
#
# Replicate the data from the posterior, and compare a few statistics of the replicates with those observed.
# We turn to the sleep study, with more to look at.

# %%
sleep = pd.read_csv(Path("..") / "models" / "sleepstudy" / "data.csv")
lines = po.fit("Reaction ~ Days + (Days | Subject)", sleep, seed=4, draws=DRAWS, progress=False)
lines.ppc("statistics")

# %%
lines.plot.ppc();

# %% [markdown]
# ## Which rows does it not expect?
#
# Quantile residuals are standard normal under the model, for every family; a little narrower here, since the rows were
# fitted. The extremes are beyond 3, which one row in 370 should be.

# %%
residuals = lines.residuals().to_df()
residuals.describe().round(2)

# %%
lines.plot.check();

# %% [markdown]
# ## Exercises
#
# 1. The check of `lines` finds outlying days. Which subjects are they from, and what does `family="student"` change?
# 2. Fit `Reaction ~ 1 + (1 | Subject)`. Which check notices the missing `Days`?
# 3. Which step of the first check would you refuse, and for what reason of design?
#
# ## References
#
# - Gelman A., Meng X., Stern H. (1996). Posterior predictive assessment. Statistica Sinica 6, 733-807.
# - Dunn P., Smyth G. (1996). Randomized quantile residuals. JCGS 5(3), 236-244. doi:10.1080/10618600.1996.10474708
# - Vehtari A. et al. (2021). Bayesian Analysis 16(2), 667-718. doi:10.1214/20-BA1221

# %%
assert "site" in str(check) and "machine" in str(check)
assert len(check.steps) > len(simpler.check().steps)
assert len(residuals) == 180
assert fit.diagnosis.verdict != "do not use"
