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
# # Binary data: conditional and marginal
#
# Fifteen herds of cattle in Ethiopia were followed over four periods; each row counts new cases of a disease (Lesnoff et
# al. 2004). On a link that bends, "the typical herd" and "the average over herds" are different numbers. Which one
# do you want?

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

data = pd.read_csv(Path("..") / "models" / "cbpp" / "data.csv").astype({"herd": str, "period": str})
data.head()

# %% [markdown]
# ## Counts of a total
#
# `incidence | trials(size)`: cases among the animals of that herd in that period.

# %%
fit = po.fit(
    "incidence | trials(size) ~ period + (1 | herd)",
    data,
    family="binomial",
    seed=6,
    draws=DRAWS,
    progress=False,
)
fit

# %% [markdown]
# Coefficients are log odds ratios *for one and the same herd*: exp of them compares periods within a herd.

# %%
odds = np.exp(fit.posterior["b"].isel(coef=slice(1, None)))
odds.mean(("chain", "draw")).to_series().round(2)

# %% [markdown]
# ## Typical herd, average over herds
#
# `groups="zero"` is the herd whose effect is zero; `groups="integrate"` averages the risk over all herds that
# the population may hold.

# %%
periods = pd.DataFrame({"period": ["1", "2", "3", "4"], "herd": "any", "size": 1})
typical = fit.predict(periods, groups="zero")
average = fit.predict(periods, groups="integrate")
risk = pd.DataFrame(
    {
        "typical herd": typical.mean(("chain", "draw")).to_numpy(),
        "average over herds": average.mean(("chain", "draw")).to_numpy(),
    },
    index=pd.Index(periods["period"], name="period"),
)
risk.round(3)

# %% [markdown]
# Risks are below one half, so the logistic curve bends upwards: herds above the typical one gain more
# cases than those below it lose, and the average lies above the typical. For a farmer the first column is the answer, for a
# ministry the second.
#
# ## A new herd
#
# For one herd that we have not seen, the interval must also hold the differences between herds.

# %%
new = fit.predict(periods, groups="new", seed=6)
pd.DataFrame(
    {
        name: draws.isel(obs=0).quantile([0.025, 0.975]).to_numpy()
        for name, draws in {"typical": typical, "average": average, "a new herd": new}.items()
    },
    index=["2.5 %", "97.5 %"],
).round(2)

# %% [markdown]
# ## Exercises
#
# 1. Compute the odds ratio of period 2 against period 1 from the column of averages. Why is it nearer to 1?
# 2. Make the sd between herds larger by its prior. Which column moves?
#
# ## References
#
# - Lesnoff M. et al. (2004). Preventive Veterinary Medicine 64, 27-40. doi:10.1016/j.prevetmed.2004.04.003
# - Zeger S., Liang K., Albert P. (1988). Biometrics 44(4), 1049-1060. doi:10.2307/2531734

# %%
assert fit.diagnosis.verdict != "do not use"
assert (odds.mean(("chain", "draw")) < 1).all()
assert (risk["average over herds"] > risk["typical herd"]).all()
assert float(new.isel(obs=0).std()) > float(average.isel(obs=0).std())
