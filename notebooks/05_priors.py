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
# # Priors
#
# Which priors were used, what do they mean, and do they matter? Eight schools, each with an estimated effect of
# coaching and its standard error (Rubin 1981): so few groups that the prior on their spread has a say.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

schools = pd.read_csv(Path("..") / "models" / "eight_schools" / "data.csv")
schools

# %% [markdown]
# ## See them first
#
# Every prior, with the range that it allows, before anything is fitted.

# %%
formula = "y | se(sigma) ~ 1 + (1 | school)"
po.model(formula, schools).priors()

# %% [markdown]
# ## What data do they expect?
#
# Draws of responses from the prior alone. Coaching effects of a hundred points would be absurd: does the prior
# think them likely?

# %%
wide = po.model(formula, schools, priors={"b[Intercept]": "normal(0, 100)"})
narrow = po.model(formula, schools, priors={"b[Intercept]": "normal(0, 10)", "sd_school": "half_normal(0, 10)"})


def share_absurd(model):
    simulated = model.prior_predictive(draws=DRAWS, seed=5)["prior_predictive"].to_dataset()
    return float((np.abs(simulated["y"]) > 100).mean())


absurd = {"wide": share_absurd(wide), "narrow": share_absurd(narrow)}
absurd

# %% [markdown]
# ## Do they matter?
#
# Three priors on the sd between schools: a tight one, the default, a loose one.

# %%
spreads = {"tight": "half_normal(0, 2)", "default": None, "loose": "half_normal(0, 50)"}
fits = {
    name: po.fit(
        formula,
        schools,
        priors={} if text is None else {"sd_school": text},
        seed=5,
        draws=DRAWS,
        progress=False,
    )
    for name, text in spreads.items()
}
table = pd.DataFrame(
    {
        name: {
            "sd between schools": float(fit.posterior["sd_school"].mean()),
            "mean effect": float(fit.posterior["b"].mean()),
            "sd of mean effect": float(fit.posterior["b"].std()),
            "effect in school A": float(
                (fit.posterior["b"].squeeze(drop=True) + fit.posterior["r_school"].isel(school=0).squeeze(drop=True)).mean()
            ),
        }
        for name, fit in fits.items()
    }
).T
table.round(1)

# %% [markdown]
# The mean effect hardly moves. The spread follows its prior, and with it each school's own effect: with
# eight schools, how much to pool is partly a decision, and it should be shown.
#
# ## With more data they do not
#
# In the sleep study, a prior of the same width as the default (60) or of a quarter (15) on the sd of slopes makes little difference.

# %%
sleep = pd.read_csv(Path("..") / "models" / "sleepstudy" / "data.csv")
slopes = {
    scale: po.fit(
        "Reaction ~ Days + (Days | Subject)",
        sleep,
        priors={"sd_Subject[Days]": f"half_student_t(3, 0, {scale})"},
        seed=5,
        draws=DRAWS,
        progress=False,
    ).posterior["sd_Subject"].sel(Subject_effect="Days")
    for scale in (15, 60)
}
{scale: round(float(draws.mean()), 1) for scale, draws in slopes.items()}

# %% [markdown]
# ## Exercises
#
# 1. Which prior on the sd would you defend before the schools' heads, and what does `half_normal(0, 2)` claim?
# 2. Put `normal(0, 1)` on `b[Intercept]`. Where does the data's mean go?
# 3. Fix the sd, with `constant(0.01)` and then `constant(1000)`: which two of the three estimators of notebook 02 are these?
#
# ## References
#
# - Rubin D. (1981). Journal of Educational Statistics 6(4), 377-401. doi:10.3102/10769986006004377
# - Gelman A. (2006). Prior distributions for variance parameters. Bayesian Analysis 1(3), 515-534. doi:10.1214/06-BA117A
# - Gabry J. et al. (2019). Visualization in Bayesian workflow. JRSS A 182(2), 389-402. doi:10.1111/rssa.12378

# %%
assert absurd["wide"] > 0.2
assert absurd["narrow"] < 0.02
assert table["sd between schools"].is_monotonic_increasing
assert table["effect in school A"].is_monotonic_increasing
assert table["mean effect"].max() - table["mean effect"].min() < 2
assert abs(float(slopes[15].mean()) - float(slopes[60].mean())) < 1
