"""Expected answers of the gallery: made from a long run, and held against a fresh fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from poolish.errors import FileError
from poolish.posterior import Posterior
from poolish.posterior.variables import Kind
from poolish.summaries.moments import summarise_draws
from poolish.summaries.scalars import collect_scalars

# UX section 7: means agree within Monte Carlo error, sds within 15 %.
MAX_JOINT_MCSE = 4.0
MAX_SD_CHANGE = 0.15
KINDS: tuple[Kind, ...] = ("b", "sd", "cor", "auxiliary", "r")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean and sd of one quantity, and the Monte Carlo standard error of the mean."""

    mean: float
    sd: float
    mcse: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A quantity whose fresh estimate is not the expected one, and in what."""

    name: str
    problem: str
    expected: Estimate | None
    found: Estimate | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of holding a fit to expected answers.

    Parameters
    ----------
    n_quantities : int
        How many were compared.
    mismatches : tuple of Mismatch
    """

    n_quantities: int
    mismatches: tuple[Mismatch, ...]

    @property
    def is_met(self) -> bool:
        """Return whether every quantity agrees."""
        return not self.mismatches

    def __str__(self) -> str:
        """Return one line when all is well, else a table of what differs."""
        if self.is_met:
            return f"Verified: all {self.n_quantities} quantities agree with the expected answers."
        head = f"Not verified: {len(self.mismatches)} of {self.n_quantities} quantities differ."
        columns = f"  {'quantity':<32} {'expected':>20} {'found':>20}  problem"
        return "\n".join((head, columns, *(_row(each) for each in self.mismatches)))


def estimate_quantities(posterior: Posterior) -> dict[str, Estimate]:
    """Return the estimate of every scalar that varies, group effects included."""
    scalars = collect_scalars(posterior, KINDS)
    moments = summarise_draws(scalars.values)
    rows = zip(moments["mean"], moments["sd"], moments["mcse"], strict=True)
    named = zip(scalars.labels, rows, strict=True)
    return {
        name: Estimate(float(mean), float(sd), float(mcse))
        for name, (mean, sd, mcse) in named
        if np.isfinite(mcse)  # NaN where every draw is equal
    }


def compare_estimates(
    expected: Mapping[str, Estimate], found: Mapping[str, Estimate]
) -> Verification:
    """Return where `found` is not what is `expected`.

    Notes
    -----
    A quantity agrees when the means differ by at most four joint Monte Carlo standard errors,
    sqrt(mcse_expected^2 + mcse_found^2), and the sds by at most 15 %.
    """
    names = (*expected, *(name for name in found if name not in expected))
    checked = (_check(name, expected.get(name), found.get(name)) for name in names)
    return Verification(len(names), tuple(each for each in checked if each is not None))


def read_expected(path: Path) -> dict[str, Estimate]:
    """Return the estimates in an `expected.json`.

    Raises
    ------
    FileError
        If there is no such file, or it is not one.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["quantities"]
        return {name: Estimate(**row) for name, row in rows.items()}
    except FileNotFoundError as error:
        raise FileError(
            f"there is no file `{path}`",
            given=f"folder `{path.parent}` without expected answers",
            expected="answers of a long run to compare with",
            fix=f"make them with `poolish models expect {path.parent.name}`",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"file `{path}` does not hold expected answers",
            given=f"{type(error).__name__}: {error}",
            expected="JSON with `quantities`, each with `mean`, `sd` and `mcse`",
            fix=f"make it again with `poolish models expect {path.parent.name}`",
        ) from error


def write_expected(
    path: Path, estimates: Mapping[str, Estimate], *, how: str, versions: Mapping[str, str]
) -> None:
    """Write estimates, how they were made and with which versions, to an `expected.json`."""
    quantities = {
        name: {part: float(f"{value:.8g}") for part, value in asdict(each).items()}
        for name, each in estimates.items()
    }
    document = {"how": how, "versions": dict(versions), "quantities": quantities}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _check(name: str, expected: Estimate | None, found: Estimate | None) -> Mismatch | None:
    if expected is None or found is None:
        return Mismatch(name, "not expected" if expected is None else "absent", expected, found)
    gap = abs(found.mean - expected.mean) / np.hypot(found.mcse, expected.mcse)
    ratio = found.sd / expected.sd
    problems = (
        *((f"means are {gap:.1f} joint MCSE apart",) if not gap <= MAX_JOINT_MCSE else ()),
        *((f"sd ratio {ratio:.2f}",) if not abs(ratio - 1) <= MAX_SD_CHANGE else ()),
    )
    return Mismatch(name, "; ".join(problems), expected, found) if problems else None


def _row(mismatch: Mismatch) -> str:
    cells = (_cell(mismatch.expected), _cell(mismatch.found))
    return f"  {mismatch.name:<32} {cells[0]:>20} {cells[1]:>20}  {mismatch.problem}"


def _cell(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.mean:.5g} (sd {estimate.sd:.3g})"
