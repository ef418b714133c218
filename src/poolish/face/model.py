"""A declared model: what will be fitted, before it is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import numpy as np
import xarray as xr

from poolish.design import Design, Recipe, build_design, prepare_table
from poolish.engines.choose import FitWith, fit_anew, run_engine
from poolish.engines.prior import draw_prior
from poolish.engines.protocol import Draws, Engine, Plan, Refit
from poolish.errors import DataError
from poolish.face.fit import Fit
from poolish.formula import Formula, parse
from poolish.frame import Table, read_table
from poolish.posterior import build_posterior, make_record
from poolish.predict import predict
from poolish.relations import as_relations
from poolish.spec.adapt import adapt_design
from poolish.spec.build import Centered, StatedPriors, build_spec
from poolish.spec.families import parse_family
from poolish.spec.family import Family, FamilyChoice
from poolish.spec.model import ModelSpec
from poolish.summaries.priors import tabulate_priors
from poolish.summaries.table import TableResult

if TYPE_CHECKING:
    import bambi
    import pymc

type FormulaLike = str | Sequence[str] | Formula


class PlanOptions(TypedDict, total=False):
    """The options of `Model.fit` that say how much to sample."""

    draws: int
    chains: int
    tune: int
    seed: int | None
    progress: bool
    keep_groups: Literal["auto"] | bool


class SamplingOptions(PlanOptions, total=False):
    """The options of `Model.fit`, which `po.fit` passes on."""

    engine: str


@dataclass(frozen=True, slots=True)
class Model:
    """A hierarchical model: formula, data and priors, ready to be fitted.

    Parameters
    ----------
    spec : ModelSpec
        Family, links and one resolved prior per parameter.
    design : Design
        The arrays.
    recipe : Recipe
        Evaluates the formula on new data.
    table : Table
        The rows used, columns as typed.
    dropped_rows : tuple of str
        Labels of the rows left out for missing values.

    Notes
    -----
    `_refits` is a cache, by engine, of what `refit` keeps between responses.
    """

    spec: ModelSpec
    design: Design
    recipe: Recipe
    table: Table
    dropped_rows: tuple[str, ...] = ()
    _refits: dict[str, Refit] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"{self.spec.formula}\n\n{self.priors()!r}"

    def priors(self) -> TableResult:
        """Return every prior that applies, with the 95 % range it implies."""
        return tabulate_priors(self.spec)

    def fit(
        self,
        *,
        engine: str = "auto",
        draws: int = 1000,
        chains: int = 4,
        tune: int = 1000,
        seed: int | None = None,
        progress: bool = True,
        keep_groups: Literal["auto"] | bool = "auto",
    ) -> Fit:
        """Return the fitted model.

        Parameters
        ----------
        engine : str
            `auto` takes the first of `exact`, `quadrature`, `nuts` that can fit the model.
        draws, chains, tune : int
            Kept draws per chain, chains, warm-up draws per chain (NUTS only).
        seed : int, optional
            The same seed gives the same draws; drawn and recorded when left out.
        progress : bool
            Whether to show a progress bar on stderr.
        keep_groups : "auto", True or False
            Whether draws of the group effects are stored or drawn again when asked for.

        Raises
        ------
        EngineError
            If the engine asked for cannot fit this model.
        """
        plan = _make_plan(
            draws=draws,
            chains=chains,
            tune=tune,
            seed=seed,
            progress=progress,
            keep_groups=keep_groups,
        )
        return self._run(plan, engine, fit_anew)

    def refit(self, y: np.ndarray, *, engine: str = "auto", **options: Unpack[PlanOptions]) -> Fit:
        """Return a fit of the same design and priors to another response.

        What an engine can keep between responses (the exact engine's factorisations) is kept.

        Parameters
        ----------
        y : ndarray, shape (obs,)
            The new response, in the order of the rows used.
        engine : str
        **options
            `draws`, `chains`, `tune`, `seed`, `progress`, `keep_groups`, as for `fit`.

        Raises
        ------
        DataError
            If `y` has another length, or values that are not finite.
        """
        return self.with_response(y)._run(_make_plan(**options), engine, self._fit_again)

    def _fit_again(self, engine: Engine, spec: ModelSpec, design: Design, plan: Plan) -> Draws:
        """Return the draws for another response, by what the engine kept from this design."""
        if engine.refitter is None:
            return engine.fit(spec, design, plan)
        if engine.name not in self._refits:
            self._refits[engine.name] = engine.refitter(self.spec, self.design)
        return self._refits[engine.name](design.response.y, plan)

    def _run(self, plan: Plan, engine: str, fit: FitWith) -> Fit:
        outcome = run_engine(self.spec, self.design, plan, engine=engine, fit=fit)
        record = make_record(
            self.spec,
            outcome.draws,
            plan=plan,
            reason=outcome.reason,
            table=self.table,
            dropped_rows=self.dropped_rows,
        )
        return Fit(
            build_posterior(self.spec, self.design, self.recipe, self.table, outcome.draws, record)
        )

    def with_response(self, y: np.ndarray) -> Model:
        """Return the same model, priors included, with another response; see `refit`."""
        values = np.asarray(y, dtype=float)
        if values.shape != (self.design.n_obs,) or not np.isfinite(values).all():
            raise DataError(
                "the new response does not fit the model's rows",
                given=f"an array of shape {values.shape},"
                f" {(~np.isfinite(values)).sum()} values not finite",
                expected=f"{self.design.n_obs} finite values",
                fix="give one value per row used, in the order of the data",
            )
        design = replace(self.design, response=replace(self.design.response, y=values))
        self.spec.family.check(design.response)
        return replace(self, design=design)

    def prior_predictive(self, *, draws: int = 500, seed: int | None = None) -> xr.DataTree:
        """Return draws from the prior, and responses they predict, as a DataTree.

        Parameters
        ----------
        draws : int
        seed : int, optional

        Returns
        -------
        xarray.DataTree
            Groups `prior`, `prior_predictive` and `observed_data`.

        Raises
        ------
        PriorError
            If a prior is flat.
        """
        _check_whole("draws", draws, least=1)
        plan = Plan(draws=draws, chains=1, tune=0, seed=_seed(seed), progress=False)
        prior = draw_prior(self.spec, self.design, plan)
        record = make_record(self.spec, prior, plan=plan, reason="prior", table=self.table)
        posterior = build_posterior(self.spec, self.design, self.recipe, self.table, prior, record)
        response = predict(posterior, None, kind="response", groups="observed", seed=plan.seed)
        observed = posterior.tree["observed_data"].to_dataset()
        name = next(iter(observed.data_vars))
        return xr.DataTree.from_dict(
            {
                "prior": posterior.draws,
                "prior_predictive": response.rename(name).to_dataset(),
                "observed_data": observed,
            }
        )

    def to_pymc(self) -> pymc.Model:
        """Return the model as a `pymc.Model`, the very one that the NUTS engine samples."""
        from poolish.engines.nuts import build_pymc

        return build_pymc(self.spec, self.design)

    def to_bambi(self) -> bambi.Model:
        """Return the model as a `bambi.Model`.

        Raises
        ------
        UnsupportedError
            If bambi cannot fit it, as with correlated group effects.
        """
        from poolish.bambi import build_bambi

        return build_bambi(self.spec, self.table)


def build_model(
    formula: FormulaLike,
    data: object,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    priors: StatedPriors | None = None,
    relations: Mapping[str, object] | None = None,
    missing: Literal["error", "drop"] = "error",
    centered: Centered = None,
) -> Model:
    """Return the model that a formula, a table and priors declare.

    Parameters
    ----------
    formula : str, sequence of str, or Formula
        `"Reaction ~ Days + (Days | Subject)"`; several for distributional models.
    data : data frame
        pandas, polars, Arrow, or a mapping of columns.
    family : str or FamilyChoice
        `"gaussian"`, `"poisson"`, `po.family("negbinomial", link="log")`, ...
    priors : Mapping of str to str, optional
        By parameter, the most specific name wins: `{"b": "normal(0, 2)",
        "sd_Subject[Days]": "exponential(0.1)"}`.
    relations : Mapping, optional
        Known covariances by the name used in `kin(id, K)` or `gr(id, cov=K)`.
    missing : "error" or "drop"
        What to do with rows that miss a value of a column used.
    centered : bool or Mapping of str to bool, optional
        Parameterization of group effects for NUTS; automatic when left out.

    Raises
    ------
    FormulaError, UnsupportedError
        If the formula cannot be read, or has a form that is not fitted.
    UnknownColumnError, MissingValueError, DataError
        If the data do not fit the formula.
    FamilyError, PriorError, RelationError
        If family, priors or relations do not fit the model.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "g": list("aabb")})
    >>> model = build_model("y ~ 1 + (1 | g)", data)
    >>> model.design.main.groups[0].levels
    ('a', 'b')
    """
    parsed = formula if isinstance(formula, Formula) else parse(formula)
    table, dropped = prepare_table(parsed, read_table(data), missing)
    choice = parse_family(family)
    bare, recipe = build_design(parsed, table, as_relations(relations))
    design = adapt_design(choice.family, bare)
    spec = build_spec(parsed, design, family=choice, priors=priors, centered=centered)
    return Model(spec, design, recipe, table, tuple(str(row) for row in dropped))


def _check_whole(name: str, value: object, *, least: int) -> None:
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or int(value) < least:  # type: ignore[call-overload]  # a whole number
        raise DataError(
            f"`{name}` is too small" if is_whole else f"`{name}` is not a whole number",
            given=f"{name} = {value!r}",
            expected=f"a whole number, at least {least}",
            fix="leave it out for the default",
        )


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(32)
    _check_whole("seed", seed, least=0)
    return int(seed)


def _make_plan(
    *,
    draws: int = 1000,
    chains: int = 4,
    tune: int = 1000,
    seed: int | None = None,
    progress: bool = True,
    keep_groups: Literal["auto"] | bool = "auto",
) -> Plan:
    _check_whole("draws", draws, least=4)
    _check_whole("chains", chains, least=1)
    _check_whole("tune", tune, least=0)
    if keep_groups not in ("auto", True, False):
        raise DataError(
            "`keep_groups` has no such choice",
            given=f"keep_groups = {keep_groups!r}",
            expected='"auto", True or False',
            fix="leave it out for the default",
        )
    return Plan(draws, chains, tune, _seed(seed), progress=progress, keep_groups=keep_groups)
