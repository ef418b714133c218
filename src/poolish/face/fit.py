"""A fitted model as people hold it: every question about it is one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from poolish.posterior import Posterior, save
from poolish.posterior.names import rename_draws
from poolish.predict import GroupUpdate, predict, update_group
from poolish.predict.lazy import with_lazy_groups
from poolish.predict.policies import Groups, only_group
from poolish.summaries.coefficients import summarise
from poolish.summaries.diagnosis import Diagnosis, diagnose
from poolish.summaries.doctor import CheckResult, Step, check_fit
from poolish.summaries.group_normality import tabulate_group_normality
from poolish.summaries.groups import summarise_groups
from poolish.summaries.heritability import summarise_breeding_values, summarise_heritability
from poolish.summaries.loo import LooResult, leave_group_out, leave_one_out
from poolish.summaries.marginal_coefs import tabulate_marginal_coefs
from poolish.summaries.marginal_effects import (
    tabulate_comparisons,
    tabulate_predictions,
    tabulate_slopes,
)
from poolish.summaries.places import At
from poolish.summaries.pooling import summarise_pooling
from poolish.summaries.predictive import check_predictive
from poolish.summaries.printed import print_html, print_text
from poolish.summaries.priors import tabulate_priors
from poolish.summaries.quantile_residuals import tabulate_residuals
from poolish.summaries.ranks import summarise_ranks
from poolish.summaries.sensitivity import tabulate_sensitivity
from poolish.summaries.table import TableResult
from poolish.summaries.variance import summarise_variance
from poolish.summaries.within_between import summarise_within_between

# Pictures and pages are loaded when one is asked for.
if TYPE_CHECKING:
    from poolish.explore.page import Explorer
    from poolish.face.apply import Applied
    from poolish.plots import Plots
    from poolish.plots.words import Labels


# Without slots: the verdict is computed once and kept.
@dataclass(frozen=True)
class Fit:
    """A fitted hierarchical model.

    Parameters
    ----------
    result : Posterior
        Draws, model and record of how they were made.
    """

    result: Posterior

    def __repr__(self) -> str:
        return print_text(self.result, diagnosis=self.diagnosis)

    def _repr_html_(self) -> str:
        return print_html(self.result, diagnosis=self.diagnosis)

    @property
    def tree(self) -> xr.DataTree:
        """Return the ArviZ DataTree: every `az.*` function works on it.

        `log_likelihood` and `posterior_predictive` are computed when they are first read.
        """
        return with_lazy_groups(self.result)

    @property
    def posterior(self) -> xr.Dataset:
        """Return the posterior draws, dims `chain`, `draw` and named ones."""
        return self.result.draws

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Return the verdict on the sampling, with its reasons."""
        return diagnose(self.result)

    @property
    def plot(self) -> Plots:
        """Return the pictures of this fit: `fit.plot.pooling()`, `fit.plot.check()`, ..."""
        from poolish.plots import Plots

        return Plots(self.result)

    def with_labels(self, labels: Labels) -> Fit:
        """Return the same fit with names and units of columns, for pictures and the report.

        Parameters
        ----------
        labels : Mapping
            By column `label` and `unit`: `{"Days": {"label": "Days awake", "unit": "days"}}`.
        """
        record = self.result.record
        options = {**record.options, "labels": {k: dict(v) for k, v in labels.items()}}
        return Fit(replace(self.result, record=replace(record, options=options)))

    def priors(self) -> TableResult:
        """Return every prior that applied, with the 95 % range it implies."""
        return tabulate_priors(self.result.spec)

    def summary(self, *, ci_prob: float = 0.95) -> TableResult:
        """Return mean, sd, interval, R-hat and ESS of every parameter but the group effects."""
        return summarise(self.result, ci_prob=ci_prob)

    def groups(self, group: str | None = None, *, ci_prob: float = 0.95) -> TableResult:
        """Return each group's effects: deviations, and population plus deviation."""
        return summarise_groups(self.result, only_group(self.result.spec, group), ci_prob=ci_prob)

    def variance(
        self, *, at: At | None = None, by: str | None = None, ci_prob: float = 0.95
    ) -> TableResult:
        """Return variance components, shares (ICC) on both scales, repeatability and R2.

        `at={"Days": [0, 5, 9]}` states shares along slopes; `by` parts the rows by a column.
        """
        return summarise_variance(self.result, at=at, by=by, ci_prob=ci_prob)

    def pooling(
        self,
        group: str | None = None,
        *,
        scale: Literal["link", "response"] = "link",
        with_population: bool = True,
        ci_prob: float = 0.95,
    ) -> TableResult:
        """Return, per group and effect, own, partially pooled and completely pooled estimates."""
        return summarise_pooling(
            self.result,
            only_group(self.result.spec, group),
            scale=scale,
            with_population=with_population,
            ci_prob=ci_prob,
        )

    def heritability(
        self, group: str, *, at: At | None = None, ci_prob: float = 0.95
    ) -> TableResult:
        """Return the heritability of a group with a known covariance, on every scale it has."""
        return summarise_heritability(self.result, group, at=at, ci_prob=ci_prob)

    def breeding_values(self, group: str) -> TableResult:
        """Return mean, sd and reliability of every unit's effects, with or without records."""
        return summarise_breeding_values(self.result, group)

    def within_between(self, *, ci_prob: float = 0.95) -> TableResult:
        """Return the effects of predictors within and between groups, and their difference."""
        return summarise_within_between(self.result, ci_prob=ci_prob)

    def ranks(
        self,
        group: str | None = None,
        *,
        effect: str | None = None,
        higher_is: Literal["better", "worse"] = "better",
        top: int | None = None,
        reference: object = None,
        ci_prob: float = 0.95,
    ) -> TableResult:
        """Return the league table of a group: ranks with their intervals and probabilities.

        `reference="data"`, or other rows, ranks mean outcomes at equal case mix.
        """
        return summarise_ranks(
            self.result,
            only_group(self.result.spec, group),
            effect=effect,
            higher_is=higher_is,
            top=top,
            reference=reference,
            ci_prob=ci_prob,
        )

    def predict(
        self,
        data: object = None,
        *,
        kind: Literal["linear", "mean", "response", "probability"] = "mean",
        groups: Groups = "observed",
        relations: Mapping[str, object] | None = None,
        seed: int = 0,
    ) -> xr.DataArray:
        """Return draws of predictions for the rows of `data`, dims `chain`, `draw`, `obs`.

        `groups` is one meaning for all groups, `"observed"`, `"new"`, `"zero"` or `"integrate"`,
        or one for each: `{"animal": "observed", "nest": "new"}`. New relatives are observed ones:
        they need `relations`, the known covariance of the fitted units and the new ones.
        Ordinal and categorical outcomes have `kind="probability"`, with a dimension `level`.
        """
        return predict(self.result, data, kind=kind, groups=groups, relations=relations, seed=seed)

    def check(self) -> CheckResult:
        """Return what is wrong with the fit and what to change, the first cause first."""
        return check_fit(self.result)

    def apply(self, step: Step) -> Applied:
        """Return the fit with a step of `check()` applied, and whether it helped."""
        from poolish.face.apply import apply_step

        return apply_step(self, step)

    def loo(self, *, moment_match: bool = True) -> LooResult:
        """Return the expected log predictive density of rows left out one at a time.

        Rows with a high Pareto k, up to 40 of them, are looked at again by moment matching.
        """
        return leave_one_out(self.result, moment_match=moment_match)

    def loo_group(self, group: str, **options: Any) -> LooResult:
        """Return the expected log predictive density of levels left out whole, as new ones."""
        return leave_group_out(self.result, group, **options)

    def prior_sensitivity(self, **options: Any) -> TableResult:
        """Return how far each parameter moves when a prior, or the likelihood, is scaled."""
        return tabulate_sensitivity(self.result, **options)

    def predictions(self, **options: Any) -> TableResult:
        """Return means of the response: for a typical group, over groups, for observed ones."""
        return tabulate_predictions(self.result, **options)

    def comparisons(self, variable: str, **options: Any) -> TableResult:
        """Return how the mean response changes when one predictor does."""
        return tabulate_comparisons(self.result, variable, **options)

    def slopes(self, variable: str, **options: Any) -> TableResult:
        """Return the derivative of the mean response in a numeric predictor."""
        return tabulate_slopes(self.result, variable, **options)

    def avg_predictions(self, **options: Any) -> TableResult:
        """Return `predictions`, averaged over the fitted rows."""
        return tabulate_predictions(self.result, average=True, **options)

    def avg_comparisons(self, variable: str, **options: Any) -> TableResult:
        """Return `comparisons`, averaged over the fitted rows."""
        return tabulate_comparisons(self.result, variable, average=True, **options)

    def avg_slopes(self, variable: str, **options: Any) -> TableResult:
        """Return `slopes`, averaged over the fitted rows."""
        return tabulate_slopes(self.result, variable, average=True, **options)

    def marginal_coefs(self, **options: Any) -> TableResult:
        """Return each coefficient for a typical group, averaged over groups, and by GEE."""
        return tabulate_marginal_coefs(self.result, **options)

    def ppc(self, kind: str = "density", *, by: str | None = None, **options: Any) -> TableResult:
        """Return what was observed beside replicated data: `density`, `statistics`, ..."""
        return check_predictive(self.result, kind, by=by, **options)

    def residuals(self, **options: Any) -> TableResult:
        """Return each row's randomised quantile residual, standard normal under the model."""
        return tabulate_residuals(self.result, **options)

    def group_normality(self, *, seed: int = 0) -> TableResult:
        """Return group effects against normal quantiles, with an envelope and a p-value."""
        return tabulate_group_normality(self.result, seed=seed)

    def explore(
        self,
        path: str | PathLike[str] | None = None,
        group: str | None = None,
        *,
        labels: Labels | None = None,
    ) -> Explorer:
        """Return the explorer of a group: how its levels borrow from each other, by hand.

        Parameters
        ----------
        path : str or path, optional
            Also write the page to this file.
        group : str, optional
            The first group that can be explored when left out.
        labels : Mapping, optional
            By column `label` and `unit`: `{"Days": {"label": "Restriction", "unit": "days"}}`.

        Raises
        ------
        UnsupportedError
            If the model is not Gaussian, or the group's effects have no closed form.
        """
        from poolish.explore.from_fit import explore_fit

        explorer = explore_fit(
            self.result,
            group,
            labels={**self.result.record.options.get("labels", {}), **(labels or {})},
        )
        if path is not None:
            explorer.save(path)
        return explorer

    def rename(self, style: Literal["brms", "bambi", "lme4"]) -> xr.DataTree:
        """Return the tree with its posterior under the names of another package."""
        return rename_draws(self.result, style)

    def update_group(self, rows: object, *, group: str | None = None, seed: int = 0) -> GroupUpdate:
        """Return what is known about a new group after its first rows, without fitting again.

        Its `.predict(data)` predicts further rows of the group; its `.khat` says whether the rows
        are more than the draws of this fit can follow.
        """
        return update_group(self.result, rows, group=group, seed=seed)

    def report(
        self,
        path: str | PathLike[str],
        *,
        labels: Labels | None = None,
        title: str | None = None,
        ci_prob: float = 0.95,
    ) -> None:
        """Write the report of this fit to one file: HTML, Markdown or PDF, by its ending.

        Parameters
        ----------
        path : str or path
            `report.html`, `report.md` or `report.pdf` (needs `poolish[pdf]`).
        labels : Mapping, optional
            Names and units of columns.
        title : str, optional
        ci_prob : float

        Raises
        ------
        FileError
            If the ending is another one, or the file cannot be written.
        """
        from poolish.report import build_report, check_ending, write_report

        check_ending(path)
        built = build_report(
            self.result, labels=labels, title=title, ci_prob=ci_prob, diagnosis=self.diagnosis
        )
        write_report(built, path)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit to one netCDF file; an old file is replaced only by a verified new one."""
        save(self.result, path)
