"""Samples: the translations and the attention maps of the same few images at several steps of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ugbench.data.overlay import overlay
from ugbench.data.styles import draw_styles
from ugbench.data.tensors import save_png, to_float, to_uint8
from ugbench.direction import Direction
from ugbench.method import Method

WHITE = 255


@dataclass
class SampleGrids:
    """Writes the sample grids of one training. A grid that cannot be made never stops the training.

    Attributes:
        images: uint8 images (n, 3, h, w) by domain, "A" and "B"; n may differ between the domains.
        directions: the directions that the run translates.
        log: called with one sentence when a grid cannot be made; only the first one is reported.
    """

    images: Mapping[str, Tensor]
    directions: Sequence[Direction]
    log: Callable[[str], None]
    _reported: bool = False

    def write(self, file: Path, method: Method) -> dict[str, Tensor]:
        """Write a grid: for each direction a row of sources above a row of their outputs; no images, no file.

        Rows with fewer images than the longest one are filled with white.

        Returns:
            What a log shows, uint8 (3, h, w) by name: "samples", the grid, and for each attention map
            "attention/DIRECTION/MAP", a row of overlays over the images that the map was computed on. Empty if nothing
            could be made.
        """
        try:
            rows, shown = self._draw(method)
            if not rows:
                return {}
            grid = _stacked(rows)
            file.parent.mkdir(parents=True, exist_ok=True)
            save_png(grid, file)
            return {"samples": grid, **shown}
        except Exception as error:  # of any type, from the method or the disk: a picture must not end a training
            if not self._reported:
                self._reported = True
                reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
                self.log(
                    f"{file} could not be made ({type(error).__name__}: {reason}); training goes on, and further "
                    "samples that fail are not reported."
                )
        return {}

    def _draw(self, method: Method) -> tuple[list[Tensor], dict[str, Tensor]]:
        """The rows of the grid, uint8 (n, 3, h, w), and the rows of overlays by name, uint8 (3, h, n w)."""
        rows: list[Tensor] = []
        overlays: dict[str, Tensor] = {}
        training = method.training
        method.eval()
        try:
            device = next(method.parameters()).device
            with torch.no_grad():
                for direction in self.directions:
                    source = self.images.get(direction[0])
                    if source is None or len(source) == 0:
                        continue
                    # The same styles at every step, so that grids differ only because of the training between them.
                    style = None
                    if method.style_dim:
                        style = draw_styles(method.style_dim, range(len(source)))[:, 0].to(device)
                    inputs = to_float(source).to(device)
                    output = to_uint8(method.translate(inputs, direction, style)).cpu()
                    rows += [source, output]
                    for name, maps in method.attention(inputs, direction).items():
                        under = output if name in method.output_maps else source
                        drawn = [overlay(image, each) for image, each in zip(under, maps.float().cpu(), strict=True)]
                        overlays[f"attention/{direction}/{name}"] = torch.cat(drawn, dim=2)
        finally:
            method.train(training)
        return rows, overlays


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    """Rows of images, uint8 (n, 3, h, w), as one image; shorter rows are filled with white."""
    strips = [torch.cat(list(row), dim=2) for row in rows]
    width = max(strip.shape[2] for strip in strips)
    return torch.cat([pad(strip, (0, width - strip.shape[2]), value=WHITE) for strip in strips], dim=1)
