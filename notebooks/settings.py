"""How long the notebooks sample: the one place that reads POOLISH_FAST."""

from __future__ import annotations

import os

IS_FAST = bool(os.environ.get("POOLISH_FAST"))
DRAWS = 500 if IS_FAST else 2000
