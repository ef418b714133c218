"""A PyMC model to draws: through nutpie, or through PyMC's own sampler where nutpie is missing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pymc as pm
import pytensor

from poolish.engines.nuts.progress import Report, show_progress
from poolish.engines.protocol import Plan

# An Arrow table or column, as nutpie hands it over.
type Table = Any

# Hierarchical posteriors have narrow necks: smaller steps than nutpie's and PyMC's 0.8.
TARGET_ACCEPT = 0.9
PROGRESS_MILLISECONDS = 200


@dataclass(frozen=True, slots=True)
class Sampled:
    """Draws of the variables asked for, and the sampler's statistics, shape (chain, draw, ...).

    Parameters
    ----------
    posterior, sample_stats : Mapping of str to ndarray
    is_complete : bool
    sampler : str
    """

    posterior: Mapping[str, np.ndarray]
    sample_stats: Mapping[str, np.ndarray]
    is_complete: bool
    sampler: str


# Our name of each statistic, by the sampler's.
NUTPIE_STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "logp": "lp",
    "maxdepth_reached": "reached_max_treedepth",
}
PYMC_STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "tree_depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "lp": "lp",
    "reached_max_treedepth": "reached_max_treedepth",
}


def sample_model(model: pm.Model, names: Sequence[str], plan: Plan) -> Sampled:
    """Return draws of the named variables.

    Parameters
    ----------
    model : pymc.Model
    names : sequence of str
        Variables to keep; the group effects are the large ones.
    plan : Plan

    Notes
    -----
    Without fast mathematics, which lets the compiler reorder sums: with it the first run, which
    compiles, and the next, which finds the compiled functions in the cache, give different draws
    from the same seed.
    """
    with (
        pytensor.config.change_flags(numba__fastmath=False),
        show_progress(is_shown=plan.progress) as report,
    ):
        run = _run_pymc if find_spec("nutpie") is None else _run_nutpie
        return run(model, names, plan, report)


def _run_nutpie(model: pm.Model, names: Sequence[str], plan: Plan, report: Report) -> Sampled:
    import nutpie

    compiled = nutpie.compile_pymc_model(model, var_names=list(names))
    sampler = nutpie.sample(
        compiled,
        draws=plan.draws,
        tune=plan.tune,
        chains=plan.chains,
        cores=min(plan.chains, os.cpu_count() or 1),
        seed=plan.seed,
        target_accept=TARGET_ACCEPT,
        save_warmup=False,
        return_raw_trace=True,
        progress_bar=False,
        progress_callback=report,
        progress_rate=PROGRESS_MILLISECONDS,
        blocking=False,
    )
    try:
        trace, is_complete = sampler.wait(), True
    except KeyboardInterrupt:
        trace, is_complete = sampler.abort(), False
    draws, stats = trace.get_arrow_trace()
    kept = finished_rows(stats, plan)
    if not kept:
        raise KeyboardInterrupt
    posterior = {name: stack_draws(draws, name, kept) for name in names}
    renamed = {ours: stack_draws(stats, theirs, kept) for theirs, ours in NUTPIE_STATS.items()}
    return Sampled(posterior, renamed, is_complete, "nutpie")


@dataclass(frozen=True, slots=True)
class Kept:
    """Chains that finished draws after warm-up: their number, first row, and how many draws."""

    chains: dict[int, int]
    n_draws: int

    def __bool__(self) -> bool:
        return self.n_draws > 0


def finished_rows(stats: Sequence[Table], plan: Plan) -> Kept:
    """Return the rows to keep: after an interruption, chains that are far behind are left out.

    The chains kept have equal length; the cut is where the most draws in all survive.
    """
    first = {k: int(_column(batch, "tuning").sum()) for k, batch in enumerate(stats)}
    sizes = {k: min(batch.num_rows - first[k], plan.draws) for k, batch in enumerate(stats)}
    n_draws = max(sizes.values(), key=lambda n: n * sum(size >= n for size in sizes.values()))
    return Kept({k: first[k] for k, size in sizes.items() if size >= n_draws}, n_draws)


def stack_draws(batches: Sequence[Table], name: str, kept: Kept) -> np.ndarray:
    """Return the kept draws of a column, shape (chain, draw, ...)."""
    return np.stack(
        [_column(batches[k], name)[at : at + kept.n_draws] for k, at in kept.chains.items()]
    )


def _column(batch: Table, name: str) -> np.ndarray:
    """Return a column of nutpie's Arrow table, shape (draw, ...)."""
    import pyarrow

    text = (batch.schema.field(name).metadata or {}).get(b"shape", b"").decode()
    shape = [int(size) for size in text.split(",") if size]
    array = pyarrow.array(batch.column(name))
    values = (array.flatten() if shape else array).to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape((batch.num_rows, *shape))


def _run_pymc(model: pm.Model, names: Sequence[str], plan: Plan, report: Report) -> Sampled:
    with warnings.catch_warnings():
        # Trouble is data in the result, shown by the diagnosis.
        warnings.simplefilter("ignore")
        tree = pm.sample(
            draws=plan.draws,
            tune=plan.tune,
            chains=plan.chains,
            cores=min(plan.chains, os.cpu_count() or 1),
            random_seed=plan.seed,
            target_accept=TARGET_ACCEPT,
            progressbar=False,
            quiet=True,
            var_names=list(names),
            compute_convergence_checks=False,
            model=model,
            nuts_sampler="pymc",
        )
    posterior = {name: tree["posterior"][name].to_numpy() for name in names}
    stats = {ours: tree["sample_stats"][theirs].to_numpy() for theirs, ours in PYMC_STATS.items()}
    return Sampled(posterior, stats, True, "PyMC")
