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
# # Variance components and the ICC
#
# Where does the variance come from, and where should the next measurement be spent? A gene's expression was read three
# times in each of three extractions of twelve mice. The data are simulated, so we can look up the answer.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

data = pd.read_csv(Path("..") / "models" / "expression_replicates" / "data.csv")
data["genotype"] = pd.Categorical(data["genotype"], ["wildtype", "knockout"])
data.head()

# %% [markdown]
# ## Nested groups
#
# Extractions are called e1, e2, e3 in every mouse. `e1` of one mouse has nothing to do with `e1` of
# another: `(1 | mouse/extraction)` means mice, and extractions within mice.

# %%
fit = po.fit(
    "expression ~ genotype + (1 | mouse/extraction)", data, seed=3, draws=DRAWS, progress=False
)
fit

# %% [markdown]
# Three standard deviations are in the summary. Variances add, standard deviations do not, so shares are taken of
# variances. The share of a group is the **intraclass correlation** (ICC): the correlation of two readings
# that have that group in common and nothing below it.

# %%
variance = fit.variance()
variance

# %% [markdown]
# ## Each share has an interval
#
# Twelve mice say little about how mice vary: the share of mice is wide. A point estimate would have hidden that.

# %%
table = variance.to_df()
shares = table[table["quantity"] == "share"].set_index("group")
shares[["estimate", "lower", "upper"]].round(2)

# %% [markdown]
# ## Planning with variance components
#
# The variance of the mean of one genotype is
# sd_mouse² / m + sd_extraction² / (m e) + sigma² / (m e r), for m mice, e extractions each and r readings of each.
# Every draw of the posterior gives such a variance, so a plan comes with its uncertainty.

# %%
posterior = fit.posterior
mouse = posterior["sd_mouse"].squeeze(drop=True) ** 2
extraction = posterior["sd_mouse:extraction"].squeeze(drop=True) ** 2
reading = posterior["sigma"] ** 2


def standard_error(m, e, r):
    return np.sqrt(mouse / m + extraction / (m * e) + reading / (m * e * r))


plans = {
    "as it was (6, 3, 3)": (6, 3, 3),
    "nine readings (6, 3, 9)": (6, 3, 9),
    "nine extractions (6, 9, 1)": (6, 9, 1),
    "more mice (12, 1, 1)": (12, 1, 1),
}
errors = {name: standard_error(*plan) for name, plan in plans.items()}
pd.DataFrame(
    {name: each.quantile([0.025, 0.5, 0.975]).to_numpy() for name, each in errors.items()},
    index=["2.5 %", "median", "97.5 %"],
).T.round(3)

# %% [markdown]
# Twelve mice with one reading each, 12 readings in all, beat six mice with 54.
#
# ## The ICC depends on where you look
#
# With slopes that differ, the variance between groups changes with the predictor, and so does the ICC. In
# the sleep study people grow apart:

# %%
sleep = pd.read_csv(Path("..") / "models" / "sleepstudy" / "data.csv")
slopes = po.fit("Reaction ~ Days + (Days | Subject)", sleep, seed=3, draws=DRAWS, progress=False)
by_day = slopes.variance(at={"Days": [0, 5, 9]}).to_df()
by_day = by_day[(by_day["quantity"] == "share") & (by_day["group"] == "Subject")]
by_day

# %% [markdown]
# ## Exercises
#
# 1. Leave out the extraction, `(1 | mouse)`. Where does its variance go?
# 2. Fit `models/dyestuff2`. How does a variance near zero look as a posterior, and what does lme4 print there?
# 3. Which plan would you choose if a mouse costs 100, an extraction 10 and a reading 1?
#
# ## References
#
# - Gelman A. (2005). Analysis of variance: why it is more important than ever. Annals of Statistics 33(1), 1-53. doi:10.1214/009053604000001048
# - Nakagawa S., Johnson P., Schielzeth H. (2017). Journal of the Royal Society Interface 14, 20170213. doi:10.1098/rsif.2017.0213

# %%
truth = {"mouse": 0.50**2, "mouse:extraction": 0.25**2}
total = sum(truth.values()) + 0.10**2
assert fit.diagnosis.verdict == "sound"
for group, value in truth.items():
    assert shares.loc[group, "lower"] < value / total < shares.loc[group, "upper"]
assert float(errors["more mice (12, 1, 1)"].median()) < float(errors["nine readings (6, 3, 9)"].median())
assert by_day["estimate"].iloc[-1] > by_day["estimate"].iloc[0]
