"""Simulation-based calibration: an engine is right when the truth has every rank equally often."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from poolish.design.arrays import Design
from poolish.engines.prior import draw_prior
from poolish.engines.protocol import Draws, Plan
from poolish.errors import DataError
from poolish.spec.model import ModelSpec

type FitDraws = Callable[[ModelSpec, Design, Plan], Draws]
# Further scalars of the parameters, truth or draws, by name.
type Derive = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]

# Draws are thinned to this many, nearly independent, before the truth is ranked among them.
RANKED_DRAWS = 99


@dataclass(frozen=True, slots=True)
class Calibration:
    """Ranks of true values among posterior draws.

    Parameters
    ----------
    ranks : Mapping of str to ndarray of int, shape (simulation,)
        By scalar parameter, `sd_g[0]`; each from 0 to `RANKED_DRAWS`.
    seconds : float
        CPU seconds of one simulation and fit, on average.
    """

    ranks: Mapping[str, np.ndarray]
    seconds: float

    def to_df(self, *, prob: float = 0.95) -> pd.DataFrame:
        """Return, per parameter, how far its rank ECDF leaves a simultaneous band.

        Parameters
        ----------
        prob : float
            Probability that all parameters stay within their bands when the engine is right
            (Bonferroni over parameters).

        Returns
        -------
        DataFrame
            `parameter`, `n` simulations, `mean_rank` (0.5 expected), `excess` (largest distance of
            the ECDF outside its band, 0 when inside), `is_uniform`.
        """
        each = 1 - (1 - prob) / len(self.ranks)
        rows = [_band_row(name, ranks, each) for name, ranks in self.ranks.items()]
        return pd.DataFrame(rows)


def _band_row(name: str, ranks: np.ndarray, prob: float) -> dict[str, object]:
    """Return one row of the table.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32, 32, section 2.3: simultaneous
    bands of the ECDF. doi:10.1007/s11222-022-10090-6
    """
    from arviz_stats.ecdf_utils import ecdf_pit

    rng = np.random.default_rng(len(ranks))
    pit = (ranks + rng.uniform(size=len(ranks))) / (RANKED_DRAWS + 1)
    _, ecdf, lower, upper = ecdf_pit(pit, prob, 1000, rng=rng)
    excess = float(np.max(np.maximum(ecdf - upper, lower - ecdf), initial=0.0))
    return {
        "parameter": name,
        "n": len(ranks),
        "mean_rank": float(pit.mean()),
        "excess": excess,
        "is_uniform": excess <= 0.0,
    }


def calibrate(
    spec: ModelSpec,
    design: Design,
    fit: FitDraws,
    *,
    simulations: int = 1000,
    seed: int = 0,
    plan: Plan | None = None,
    derive: Derive = lambda values: {},
    progress: Callable[[], None] = lambda: None,
) -> Calibration:
    """Return the ranks of parameters drawn from the prior among draws given data they made.

    Parameters
    ----------
    spec : ModelSpec
        With proper priors that do not depend on the response, so state every one.
    design : Design
        Its response is replaced by simulated ones.
    fit : callable
        `fit(spec, design, plan) -> Draws`, an engine's.
    simulations : int
    seed : int
    plan : Plan, optional
        Draws per fit; 4 chains of 250 when left out.
    derive : callable
        `derive(values) -> values`: further quantities to rank, of any number of draws at once.
    progress : callable
        Called after every simulation.

    Raises
    ------
    DataError
        If the plan keeps fewer draws than are ranked.

    References
    ----------
    Talts et al. (2018), Validating Bayesian inference algorithms with simulation-based
    calibration. doi:10.48550/arXiv.1804.06788
    """
    plan = plan or Plan(draws=250, chains=4, tune=500, progress=False)
    _check_draws(plan)
    truths = draw_prior(spec, design, Plan(draws=simulations, chains=1, tune=0, seed=seed))
    rng = np.random.default_rng([seed, 1])
    started = time.process_time()
    rows = []
    for simulation in range(simulations):
        truth = {name: values[0, simulation] for name, values in truths.posterior.items()}
        simulated = replace_response(design, simulate_response(spec, design, truth, rng=rng))
        draws = fit(spec, simulated, replace(plan, seed=int(rng.integers(2**31)))).posterior
        rows.append(_ranks({**truth, **derive(truth)}, {**draws, **derive(draws)}))
        progress()
    seconds = (time.process_time() - started) / simulations
    return Calibration({name: np.array([row[name] for row in rows]) for name in rows[0]}, seconds)


def replace_response(design: Design, y: np.ndarray) -> Design:
    """Return the same design with another response."""
    return replace(design, response=replace(design.response, y=y))


def simulate_response(
    spec: ModelSpec,
    design: Design,
    values: Mapping[str, np.ndarray],
    *,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a response drawn from the model at one value of every parameter.

    Parameters
    ----------
    values : Mapping of str to ndarray
        `b` (coef,), `r_G` (level, effect), scalars `sigma`, ...
    """
    parameters = {name: np.asarray(values[name]) for name in spec.auxiliary}
    for name, predictor in spec.predictors.items():
        arrays = design.predictors[name]
        eta = arrays.offset + arrays.X @ values[predictor.variable("b")]
        for group, block in zip(predictor.groups, arrays.groups, strict=True):
            effects = values[predictor.variable("r", group)][block.codes]
            eta = eta + np.sum(block.Z * effects, axis=1)
        parameters[name] = predictor.link.inverse(eta)
    return spec.family.sample(rng, parameters, design.response)


def _check_draws(plan: Plan) -> None:
    kept = plan.draws * plan.chains
    if kept < RANKED_DRAWS:
        raise DataError(
            "too few draws to rank the truth among",
            given=f"{plan.chains} chains x {plan.draws} draws",
            expected=f"at least {RANKED_DRAWS} in all",
            fix="raise `draws` in the plan",
        )


def _ranks(truth: Mapping[str, np.ndarray], draws: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return the rank of each scalar; group effects count with the first level only."""
    ranks: dict[str, int] = {}
    for name, values in draws.items():
        flat = values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])
        keep = np.linspace(0, len(flat) - 1, RANKED_DRAWS).round().astype(int)
        ranks |= _scalar_ranks(name, truth[name], flat[keep])
    return ranks


def _scalar_ranks(name: str, truth: np.ndarray, kept: np.ndarray) -> dict[str, int]:
    if truth.ndim == 0:
        return {name: int(np.sum(kept < truth))}
    if name.startswith("cor_"):
        lower = zip(*np.tril_indices(truth.shape[0], -1), strict=True)
        return {f"{name}[{i}, {j}]": int(np.sum(kept[:, i, j] < truth[i, j])) for i, j in lower}
    if name.startswith("r_"):
        truth, kept = truth[0], kept[:, 0]
    return {f"{name}[{i}]": int(np.sum(kept[:, i] < truth[i])) for i in range(len(truth))}
