"""Sample grids: the translations of the same few images at several steps of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ugbench.data.styles import draw_styles
from ugbench.data.tensors import save_png, to_float, to_uint8
from ugbench.direction import Direction
from ugbench.method import Method

WHITE = 255


@dataclass
class SampleGrids:
    """Writes the sample grids of one training. A grid that cannot be made never stops the training.

    Attributes:
        images: uint8 images (n, 3, s, s) by domain, "A" and "B"; n may differ between the domains.
        directions: the directions that the run translates.
        log: called with one sentence when a grid cannot be made; only the first one is reported.
    """

    images: Mapping[str, Tensor]
    directions: Sequence[Direction]
    log: Callable[[str], None]
    _reported: bool = False

    def write(self, file: Path, method: Method) -> None:
        """Write a grid: for each direction a row of sources above a row of their outputs; no images, no file.

        Rows with fewer images than the longest one are filled with white.
        """
        try:
            grid = self._draw(method)
            if grid is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                save_png(grid, file)
        except Exception as error:  # whatever the method or the disk raises: a picture is not worth a training
            if not self._reported:
                self._reported = True
                reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
                self.log(
                    f"{file} could not be made ({type(error).__name__}: {reason}); training goes on, and further "
                    "samples that fail are not reported."
                )

    def _draw(self, method: Method) -> Tensor | None:
        rows = []
        training = method.training
        method.eval()
        try:
            device = next(method.parameters()).device
            with torch.no_grad():
                for direction in self.directions:
                    source = self.images.get(direction[0])
                    if source is None or len(source) == 0:
                        continue
                    # The same styles at every step, so that a grid differs from the one before by the training alone.
                    style = None
                    if method.style_dim:
                        style = draw_styles(method.style_dim, range(len(source)))[:, 0].to(device)
                    output = method.translate(to_float(source).to(device), direction, style)
                    rows += [source, to_uint8(output).cpu()]
        finally:
            method.train(training)
        if not rows:
            return None
        strips = [torch.cat(list(row), dim=2) for row in rows]
        width = max(strip.shape[2] for strip in strips)
        return torch.cat([pad(strip, (0, width - strip.shape[2]), value=WHITE) for strip in strips], dim=1)
