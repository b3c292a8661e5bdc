"""Where the images of a training are stored. This module imports nothing heavy, as options use it."""

from __future__ import annotations

from typing import Literal, get_args

Place = Literal["device", "memory", "disk"]
"""On the training device, in the memory of the machine, or in their files, which are read at each step."""
PlaceOption = Literal["auto", "memory", "disk"]
"""What a user may ask for: `memory` is that of the device or the machine, `auto` also the disk (see
`ugbench.training.image_place`)."""
PLACE_OPTIONS: tuple[PlaceOption, ...] = get_args(PlaceOption)
