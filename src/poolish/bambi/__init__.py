"""Models to and from bambi: the same formula, data, family and priors on the other side.

bambi has no correlation between group effects: its `(1 + x | g)` is our `(1 + x || g)`.
"""

from poolish.bambi.arguments import bambi_arguments
from poolish.bambi.build import build_bambi

__all__ = ["bambi_arguments", "build_bambi"]
