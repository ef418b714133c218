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
# # A first fit
#
# Eighteen people slept three hours a night, and each day their reaction time was measured
# (Belenky et al. 2003). Two questions: how much slower does one get per day, and do people
# differ in that?
#
# A model with one line for everybody ignores that people differ. Eighteen separate lines ignore
# that they are people. A hierarchical model estimates the lines and how much lines differ, together.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

sleep = pd.read_csv(Path("..") / "models" / "sleepstudy" / "data.csv")
sleep.head()

# %% [markdown]
# ## The model in one line
#
# `Days` is the slope that all share; `(Days | Subject)` says that each subject has a deviation in
# intercept and in slope, and that the two may be correlated. Before fitting, look at
# what the model assumes: every prior, with the range it implies.

# %%
model = po.model("Reaction ~ Days + (Days | Subject)", sleep)
model.priors()

# %%
fit = model.fit(seed=1, draws=DRAWS, progress=False)
fit

# %% [markdown]
# Read it from the top. The fourth line is the verdict on the sampling: without *sound* there, the rest is not worth
# reading. Then:
#
# - **Population-level effects**: reaction slows by about 10 ms a day, and the interval is far from zero.
# - **Group-level effects**: `sd(Days)` is between 6 and 7 ms. About two thirds of people have slopes within
#   that of the average one: people differ by more than half of the effect itself.
# - **Residual**: `sigma`, about 26 ms, is the scatter of one measurement around its subject's own line.

# %% [markdown]
# ## Each subject's own line
#
# `fit.groups` gives the deviations and the lines they make. Subject 335 did not get slower at all,
# subject 308 by about 20 ms a day.

# %%
groups = fit.groups("Subject").to_df()
groups[groups["level"].isin(["308", "335"])].round(1)

# %% [markdown]
# ## Pooling
#
# How far is each subject's line pulled towards the common one? The own estimate uses that subject's ten
# days only; the partial one also knows the other seventeen.

# %%
pooling = fit.pooling("Subject").to_df()
pooling.head()

# %%
slopes = fit.posterior["r_Subject"].sel(Subject_effect="Days").mean(("chain", "draw"))
slopes = slopes + float(fit.posterior["b"].sel(coef="Days").mean())
own = pd.Series(
    {
        str(subject): np.polyfit(rows["Days"], rows["Reaction"], 1)[0]
        for subject, rows in sleep.groupby("Subject")
    }
)
order = own.sort_values().index

figure, axes = plt.subplots(figsize=(7, 4.3))
axes.plot(own[order], np.arange(18), "o", mfc="none", color="#D55E00", label="own ten days only")
axes.plot(slopes.sel(Subject=list(order)), np.arange(18), "o", color="#0072B2", label="partially pooled")
axes.axvline(own.mean(), color="black", ls="--", label="everybody the same")
axes.set(xlabel="Slope (ms per day)", ylabel="Subject", yticks=np.arange(18), yticklabels=order)
axes.set_title("Extreme slopes are pulled most")
axes.legend();

# %% [markdown]
# ## Prediction
#
# For a subject in the study, we know the line. For somebody new, we know only the
# population the line comes from, and the prediction must say so: its interval is much wider.

# %%
day_ten = pd.DataFrame({"Days": [10], "Subject": [308]})
known = fit.predict(day_ten, groups="observed")
new = fit.predict(day_ten.assign(Subject="somebody"), groups="new", seed=1)
pd.DataFrame(
    {
        name: draws.quantile([0.025, 0.5, 0.975], ("chain", "draw")).values.ravel()
        for name, draws in {"subject 308": known, "a new subject": new}.items()
    },
    index=["2.5 %", "median", "97.5 %"],
).round()

# %% [markdown]
# ## Keep it
#
# One file holds the draws, the model, the data it needs and how it was made. It can be read, summarised and
# predicted from later, without fitting again.

# %%
fit.save("first_fit.nc")
again = po.load("first_fit.nc")
Path("first_fit.nc").unlink()

# %% [markdown]
# ## Exercises
#
# 1. Leave the slopes out, `(1 | Subject)`. What happens to the interval of `Days`, and to `sigma`?
# 2. Write `(Days || Subject)`. Which line of the summary is gone, and does anything else move?
# 3. Remove all but three days of subject 335 and fit again. Where does that subject's slope go?
#
# ## References
#
# - Belenky G. et al. (2003). Journal of Sleep Research 12, 1-12. doi:10.1046/j.1365-2869.2003.00337.x
# - Bates D., Mächler M., Bolker B., Walker S. (2015). Journal of Statistical Software 67(1). doi:10.18637/jss.v067.i01
# - Gelman A., Pardoe I. (2006). Technometrics 48(2), 241-251. doi:10.1198/004017005000000517

# %%
slope = fit.posterior["b"].sel(coef="Days")
assert fit.diagnosis.verdict == "sound"
assert abs(float(slope.mean()) - 10.467) < 0.5  # the REML estimate of lme4
assert float(slope.quantile(0.025)) > 5
assert float(slopes.var()) < own.var()
assert float(new.std()) > 2 * float(known.std())
assert again.posterior.equals(fit.posterior)
