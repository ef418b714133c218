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
# # Writing it up
#
# The analysis is done; now somebody else has to follow it. We write up 919 radon measurements from the houses of 85
# counties of Minnesota: does it matter on which floor one measures, and how sure can each county be of its level?
# What belongs into the paper, and what into a file beside it?

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from settings import DRAWS

import poolish as po

radon = pd.read_csv(Path("..") / "models" / "radon" / "data.csv")
radon.head(3)

# %% [markdown]
# ## Say what you compare
#
# Two models that a reader may have in mind: the floor shifts every county by the same amount, or by an amount of its own.
# Fit both before looking at either, and report both.

# %%
formulas = {
    "same floor effect": "log_radon ~ floor + log_uranium + (1 | county)",
    "own floor effect": "log_radon ~ floor + log_uranium + (floor | county)",
}
fits = {
    name: po.fit(formula, radon, seed=9, draws=DRAWS, progress=False)
    for name, formula in formulas.items()
}
po.compare(fits)

# %% [markdown]
# The difference is smaller than its standard error: the data hardly prefer one. That is a finding, and no reason to drop
# the larger model, which has the differences that we cannot exclude. We go on with it.

# %%
fit = fits["own floor effect"]
fit

# %% [markdown]
# ## The sentence
#
# A result is an estimate, an interval and a scale that the reader knows. The outcome is a logarithm, so the effect of the
# floor is a ratio.

# %%
floor = np.exp(fit.posterior["b"].sel(coef="floor"))
low, high = (float(q) for q in floor.quantile([0.025, 0.975]))
f"On the first floor there is {float(floor.mean()):.2f} times (95% interval {low:.2f} to {high:.2f}) the radon of the basement."

# %% [markdown]
# ## The table
#
# `to_markdown()` gives a table that a manuscript can hold; digits follow the uncertainty, so that none is invented.

# %%
print(fit.summary().to_markdown())

# %% [markdown]
# ## The priors are part of the method
#
# Report them with what they mean, and whether the answer depends on them. Power scaling asks what
# would have come out with priors a little stronger or weaker.

# %%
fit.priors()

# %%
sensitivity = fit.prior_sensitivity()
sensitivity

# %% [markdown]
# ## One picture
#
# Of 85 counties the picture shows the lowest and the highest, and says so. Counties with few houses lie near the average:
# not because they are average, but because little is known of them.

# %%
fit.plot.pooling("county", effect="Intercept", at_most=16);

# %% [markdown]
# ## The rest goes into the report
#
# One file with the model in mathematics and in words, data and what was left out, priors, effects, every county, checks,
# methods paragraph, citations, versions and the line that repeats it. It opens without a network, and can be attached to the
# paper. Here as Markdown; `report.html` has the explorer inside as well, `report.pdf` needs `poolish[pdf]`.

# %%
labels = {
    "log_radon": {"label": "Radon", "unit": "log pCi/L"},
    "floor": {"label": "First floor"},
    "county": {"label": "County"},
}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "report.md"
    fit.report(path, labels=labels)
    report = path.read_text(encoding="utf-8")
methods = report[report.index("## Methods") :]
print(methods[:900])

# %% [markdown]
# ## What not to write
#
# - "There was no difference between counties": a large pooling factor says that *these data* cannot tell them apart.
# - "County X has the highest radon": see notebook 08 for what a rank is worth.
# - "The effect is significant": write the interval.
#
# ## Exercises
#
# 1. Write the sentence for `log_uranium`. What is one unit of it, and is that a comparison somebody can imagine?
# 2. Put `exponential(1)` on `sd_county` and write the report again. Which lines of the verdict box change?
# 3. Give the report to somebody who did not see the data. Which question do they ask first, and does the report answer it?
#
# ## References
#
# - Gelman A., Hill J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 12. Cambridge.
# - Kruschke J. (2021). Bayesian analysis reporting guidelines. Nature Human Behaviour 5, 1282-1291. doi:10.1038/s41562-021-01177-7
# - Kallioinen N. et al. (2024). Detecting and diagnosing prior and likelihood sensitivity with power-scaling. Statistics and Computing 34, 57. doi:10.1007/s11222-023-10366-5

# %%
assert fit.diagnosis.verdict != "do not use"
assert 0.4 < low < high < 0.8
assert len(sensitivity.to_df()) == 7
for section in ("## Answer", "## Can it be trusted?", "## Priors", "## Methods", "## Do it again"):
    assert section in report
assert "Prior sensitivity" in report
