"""How images of other proportions get the size of a run.

This module imports nothing heavy, as configs and options use it.
"""

from __future__ import annotations

from typing import Literal, get_args

Fit = Literal["squash", "crop", "pad"]
"""`squash` changes the proportions, `crop` cuts off what is beyond the size, `pad` continues the image by its
mirror image; see `ugbench.data.fitting`."""
FITS: tuple[Fit, ...] = get_args(Fit)
SQUASH: Fit = "squash"
"""The default, which the papers use."""
