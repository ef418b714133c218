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
# # Kinship and heritability
#
# How much of a trait's variation is inherited, and which animals should be bred from? Relatives are alike
# because they share genes: the pedigree says how many. The data are simulated, with heritability 0.4.

# %%
from pathlib import Path

import pandas as pd
from settings import DRAWS

import poolish as po

folder = Path("..") / "models" / "pedigree"
data = pd.read_csv(folder / "data.csv")
pedigree = pd.read_csv(folder / "pedigree.csv")
data.tail(3)

# %% [markdown]
# ## From a pedigree to a covariance
#
# A child shares half of its genes with each parent. `po.Pedigree` works this out for all pairs, inbreeding included.

# %%
ped = po.Pedigree.from_frame(pedigree, id="id", sire="sire", dam="dam")
len(ped.labels), int(ped.generation.max())

# %% [markdown]
# ## The model
#
# `kin(id, ped)`: the effects of animals are normal with covariance sd² A, A the relationship of the pedigree. One
# record an animal would not tell `(1 | id)` from `sigma`; relatives do.

# %%
fit = po.fit(
    "y ~ sex + (1 | kin(id, ped))",
    data,
    relations={"ped": ped},
    priors={"sd": "half_student_t(3, 0, 1)", "sigma": "half_student_t(3, 0, 1)"},
    seed=7,
    draws=DRAWS,
    progress=False,
)
fit

# %% [markdown]
# ## Heritability
#
# The share of the additive variance, with its interval: 300 records leave it wide.

# %%
heritability = fit.heritability("id")
heritability

# %% [markdown]
# ## Breeding values
#
# Each animal borrows from its parents, sibs and offspring. The reliability says how much is known of it.

# %%
values = fit.breeding_values("id")
table = values.to_df()
table.describe().round(2)

# %% [markdown]
# ## Exercises
#
# 1. Fit `(1 | id)` instead. What happens to its sd, and why does the data not object?
# 2. Delete the sires from the pedigree. Does heritability rise or fall?
# 3. Which animals have the highest reliability: those with many offspring, or those with high values?
#
# ## References
#
# - Henderson C. (1976). Biometrics 32(1), 69-83. doi:10.2307/2529339
# - Wilson A. et al. (2010). An ecologist's guide to the animal model. J. Animal Ecology 79, 13-26. doi:10.1111/j.1365-2656.2009.01639.x

# %%
additive = fit.posterior["sd_id"].squeeze(drop=True) ** 2
share = additive / (additive + fit.posterior["sigma"] ** 2)
assert fit.diagnosis.verdict != "do not use"
assert float(share.quantile(0.025)) < 0.4 < float(share.quantile(0.975))
assert len(table) >= 300
