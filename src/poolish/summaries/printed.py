"""The printed fit: what a person sees first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from poolish.design.arrays import GroupDesign
from poolish.posterior import Posterior, Variable
from poolish.posterior.variables import tree_name
from poolish.summaries.diagnosis import Diagnosis, diagnose, format_value
from poolish.summaries.effects import collect_effects
from poolish.summaries.moments import CI_PROB, describe_draws, summarise_draws
from poolish.summaries.numbers import count_decimals, format_interval, format_number
from poolish.summaries.pooling import average_pooling
from poolish.summaries.scalars import Scalars, collect_scalars
from poolish.summaries.shares import RESIDUAL, has_shares, is_gaussian, share_draws
from poolish.summaries.table import align
from poolish.summaries.variance import describe_at

# Rows of one block before the rest is left to `fit.summary()`.
_MOST_ROWS = 8
_NEXT = 'Next: fit.check(), fit.ppc(), fit.plot.pooling(), fit.report("report.html")'


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the coefficient table: the block it stands in, and its cells."""

    block: str
    cells: tuple[str, ...]


def print_text(
    posterior: Posterior, *, ci_prob: float = CI_PROB, diagnosis: Diagnosis | None = None
) -> str:
    """Return the printed fit: model, data, engine, verdict, estimates, ICC and pooling.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
        Probability of the equal-tailed intervals.
    diagnosis : Diagnosis, optional
        The verdict, where it is known already: it takes most of the time.
    """
    verdict = diagnose(posterior) if diagnosis is None else diagnosis
    head = (*_head(posterior), *_verdict(verdict), *_notes(posterior))
    foot = (*_shares(posterior, ci_prob), *_pooling(posterior), _NEXT)
    return "\n".join((*head, "", *_estimates(posterior, ci_prob), "", *foot))


def print_html(
    posterior: Posterior, *, ci_prob: float = CI_PROB, diagnosis: Diagnosis | None = None
) -> str:
    """Return the printed fit as HTML.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
        Probability of the equal-tailed intervals.
    diagnosis : Diagnosis, optional
        The verdict, where it is known already.
    """
    text = print_text(posterior, ci_prob=ci_prob, diagnosis=diagnosis)
    return f"<pre>{escape(text)}</pre>"


# --- Head: the model, the data, the engine, whether to trust it. ---


def _head(posterior: Posterior) -> Iterator[str]:
    record, spec = posterior.record, posterior.spec
    yield f"{record.formula}          {spec.family.name}, {spec.main.link.name} link"
    yield _data_line(posterior)
    seconds = f"{record.seconds:.1f} s" if record.seconds < 100 else f"{record.seconds:,.0f} s"
    sizes = posterior.draws.sizes
    yield (
        f"{record.engine} engine: {sizes['chain']} chains x {sizes['draw']} draws, "
        f"seed {record.seed}, {seconds}" + (f"  ({record.reason})" if record.reason else "")
    )


def _data_line(posterior: Posterior) -> str:
    groups = {g.name: g for p in posterior.design.predictors.values() for g in p.groups}
    sizes = ", ".join(_group_size(group) for group in groups.values())
    dropped = len(posterior.record.dropped_rows)
    return (
        f"{posterior.design.n_obs:,} observations"
        + (f" ({dropped:,} rows with missing values dropped)" if dropped else "")
        + (f"; groups: {sizes}" if groups else "")
    )


def _group_size(group: GroupDesign) -> str:
    counts = np.bincount(group.codes, minlength=group.n_levels)
    low, high = int(counts.min()), int(counts.max())
    each = f"{low:,} each" if low == high else f"{low:,} to {high:,} each"
    return f"{group.name} {group.n_levels:,} ({each})"


def _verdict(diagnosis: Diagnosis) -> Iterator[str]:
    reason = diagnosis.reason
    if reason is None:
        yield f"Sampling: {diagnosis.verdict}. {_measures(diagnosis)}."
    else:
        yield f"Sampling: {diagnosis.verdict}. {reason}."
        yield f"  What to do: {reason.measure.action}."
    if diagnosis.note:
        yield f"  {diagnosis.note[0].upper()}{diagnosis.note[1:]}."


def _measures(diagnosis: Diagnosis) -> str:
    ess = [v for m in ("bulk ESS", "tail ESS") if (v := diagnosis.worst(m)) is not None]
    rhat, khat = diagnosis.worst("R-hat"), diagnosis.worst("Pareto k")
    parts = [] if rhat is None else [f"largest Rhat {rhat:.3f}"]
    parts += [f"smallest ESS {format_value(min(ess))}"] if ess else []
    parts += [] if khat is None else [f"Pareto k {khat:.1f}"]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _notes(posterior: Posterior) -> Iterator[str]:
    for note in posterior.record.notes:
        yield f"Note: {note}"


# --- The estimates, one table whose columns stand under each other in every block. ---


def _estimates(posterior: Posterior, ci_prob: float) -> list[str]:
    scalars = collect_scalars(posterior)
    rows = [
        row
        for block in _blocks(posterior, scalars, ci_prob)
        for row in (*block[:_MOST_ROWS], *_rest(block))
    ]
    header = ("", "estimate", "sd", f"{ci_prob:.0%} interval", "Rhat", "ESS bulk", "ESS tail")
    names = [f"  {row.cells[0]}" for row in rows]
    table = [list(header), *([n, *row.cells[1:]] for n, row in zip(names, rows, strict=True))]
    table[0][0] = " " * max((len(title) for title in _titles(rows)), default=0)
    lines = align(table, [True, *[False] * 6])
    return list(_with_titles(rows, lines))


def _blocks(posterior: Posterior, scalars: Scalars, ci_prob: float) -> list[list[_Row]]:
    columns = summarise_draws(scalars.values, ci_prob=ci_prob)
    decimals = [count_decimals(float(sd)) for sd in columns["sd"]]
    blocks: dict[str, list[_Row]] = {}
    for k, (label, variable) in enumerate(zip(scalars.labels, scalars.variables, strict=True)):
        title = _title(posterior, variable)
        values = {name: float(column[k]) for name, column in columns.items()}
        row = _Row(title, (_row_name(label, variable), *_cells(values, decimals[k])))
        blocks.setdefault(title, []).append(row)
    return [_even_intervals(block) for block in blocks.values()]


def _cells(values: dict[str, float], decimals: int) -> tuple[str, ...]:
    return (
        format_number(values["mean"], decimals),
        format_number(values["sd"], decimals),
        format_interval(values["lower"], values["upper"], decimals),
        format_number(values["rhat"], 2),
        format_number(values["ess_bulk"], 0),
        format_number(values["ess_tail"], 0),
    )


def _even_intervals(block: list[_Row]) -> list[_Row]:
    """Return the block with upper ends padded, so that every `to` stands in one column."""
    uppers = [row.cells[3].split(" to ")[1] for row in block]
    width = max(len(upper) for upper in uppers)
    return [
        _Row(row.block, (*row.cells[:3], _padded(row.cells[3], width), *row.cells[4:]))
        for row in block
    ]


def _padded(interval: str, width: int) -> str:
    lower, upper = interval.split(" to ")
    return f"{lower} to {upper.rjust(width)}"


def _rest(block: list[_Row]) -> list[_Row]:
    n_left = len(block) - _MOST_ROWS
    if n_left <= 0:
        return []
    return [_Row(block[0].block, (f"... {n_left} more: fit.summary()", *[""] * 6))]


def _title(posterior: Posterior, variable: Variable) -> str:
    on = "" if variable.parameter == posterior.spec.main.parameter else f" on {variable.parameter}"
    if variable.group is not None:
        return f"Group-level effects{on}, by {variable.group.name}"
    if variable.kind == "b":
        return f"Population-level effects{on}"
    return "Residual" if posterior.spec.family.name == "gaussian" else "Family parameters"


def _row_name(label: str, variable: Variable) -> str:
    place = label.removeprefix(variable.name).removeprefix("[").removesuffix("]")
    if variable.kind == "b":
        return place
    return label if variable.group is None else f"{variable.kind}({place})"


def _titles(rows: list[_Row]) -> list[str]:
    return list(dict.fromkeys(row.block for row in rows))


def _with_titles(rows: list[_Row], lines: list[str]) -> Iterator[str]:
    """Yield the lines with a title before each block; the first stands in the header's line."""
    header, *body = lines
    title = ""
    for row, line in zip(rows, body, strict=True):
        if row.block != title:
            yield row.block + header[len(row.block) :] if not title else row.block
            title = row.block
        yield line


# --- Foot: shares of variance and pooling. ---


def _shares(posterior: Posterior, ci_prob: float) -> Iterator[str]:
    if not has_shares(posterior.spec):
        return
    place = describe_at(posterior.spec, {})
    parts = []
    for group, draws in share_draws(posterior).items():
        if group != RESIDUAL:
            found = {k: float(v) for k, v in describe_draws(draws, ci_prob=ci_prob).items()}
            interval = format_interval(found["lower"], found["upper"], 2)
            parts.append(f"{group} {format_number(found['mean'], 2)} ({interval})")
    scale = "" if is_gaussian(posterior.spec) else ", link scale"
    label = f"ICC{scale}" + (f", {place}" if place else "")
    yield f"Share of variance between groups ({label}): {', '.join(parts)}"


def _pooling(posterior: Posterior) -> Iterator[str]:
    main = posterior.spec.main
    parts = []
    for group in main.groups:
        # Effects that were not stored take long to draw again; `fit.pooling()` does it when asked.
        if tree_name(main.variable("r", group)) not in posterior.draws:
            continue
        factors = average_pooling(collect_effects(posterior, main, group))
        effects = ", ".join(f"{effect} {format_number(v, 2)}" for effect, v in factors.items())
        parts.append(f"{group.name} {effects}")
    if parts:
        yield f"Average pooling: {'; '.join(parts)} (0 = own data only, 1 = fully pooled)"
