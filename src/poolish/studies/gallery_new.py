"""A new folder of the gallery, with all that its author must fill in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from poolish.errors import FileError
from poolish.formula import parse
from poolish.studies.csv_file import read_csv
from poolish.studies.gallery import SPEC_FILE, checksum

# JSON text is valid TOML text, so `json.dumps` quotes.
_SPEC = """\
name = {name}
title = "TITLE: one line on what the model shows"
keywords = []
formula = {formula}
family = {family}

[data]
file = "data.csv"
sha256 = "{sha256}"
source = "SOURCE: who measured it, where it was published"

[labels]
{labels}

[priors]

[sample]
seed = 1
"""

_README = """\
# {name}

**Question.** What is asked of the data?

**Data.** Who measured what, on whom, when; units; where it was published.

**What to notice.** One or two things that the fit shows.

**Exercise.** One thing to change, and what to expect.
"""


def create_model(folder: Path, formula: str, data: Path, *, family: str) -> Path:
    """Return the new folder, with `model.toml`, a copy of the data and a `README.md` to fill in.

    Parameters
    ----------
    folder : Path
        Its last part is the name of the model.
    formula : str
    data : Path
        A CSV file.
    family : str

    Raises
    ------
    FileError
        If the folder exists.
    FormulaError, DataError
        If the formula or the data cannot be read.
    """
    if folder.exists():
        raise FileError(
            f"folder `{folder}` exists",
            given=f"`{folder}` for a new model",
            expected="a name that is not taken",
            fix="choose another name",
        )
    parse(formula)
    columns = read_csv(data).columns
    folder.mkdir(parents=True)
    shutil.copyfile(data, folder / "data.csv")
    labels = "\n".join(f'{json.dumps(name)} = {{ label = "", unit = "" }}' for name in columns)
    spec = _SPEC.format(
        name=json.dumps(folder.name),
        formula=json.dumps(formula),
        family=json.dumps(family),
        sha256=checksum(folder / "data.csv"),
        labels=labels,
    )
    (folder / SPEC_FILE).write_text(spec, encoding="utf-8")
    (folder / "README.md").write_text(_README.format(name=folder.name), encoding="utf-8")
    return folder
