"""Outputs are written as one PNG file for each source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from drawn_images import patches
from PIL import Image

from ugbench.data.images import read_image, read_size
from ugbench.errors import UgbenchError
from ugbench.fit import FITS
from ugbench.inference.image_files import write_outputs
from ugbench.method import Method
from ugbench.runs.run import Run
from ugbench.training.start import Start
from ugbench.training.state import new_state


@pytest.fixture
def method(make_run: Callable[..., Run]) -> Method:
    """An untrained method for images of 8 px."""
    return new_state(make_run(), torch.device("cpu"), Start()).method.eval()


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Three images of 12 x 10 px."""
    files = [tmp_path / f"{stem}.jpg" for stem in ("a", "b", "c")]
    for level, file in enumerate(files):
        Image.new("RGB", (12, 10), (80 * level, 0, 0)).save(file)
    return files


@pytest.mark.parametrize(("keep_size", "size"), [(False, (8, 8)), (True, (12, 10))])
def test_each_source_has_an_output_of_the_runs_size_or_of_its_own(
    method: Method, sources: list[Path], tmp_path: Path, keep_size: bool, size: tuple[int, int]
) -> None:
    calls: list[tuple[int, int]] = []
    write_outputs(
        method,
        sources,
        tmp_path / "out",
        "A2B",
        batch_size=2,
        keep_size=keep_size,
        progress=lambda done, total: calls.append((done, total)),
    )
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["a.png", "b.png", "c.png"]
    assert {read_size(file) for file in files} == {size}
    assert calls == [(2, 3), (3, 3)]


def test_a_translation_that_is_not_finite_is_named_and_not_written(
    method: Method, sources: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = [read_image(source).getpixel((5, 5))[0] for source in sources]
    assert max(red) == red[2]
    monkeypatch.setattr(method, "translate", lambda x, *_: (0.2 - x).log() * 0)  # NaN above 0.2, the third image
    with pytest.raises(UgbenchError, match=rf"the translation of image {sources[2]} is NaN or infinite"):
        write_outputs(method, sources, tmp_path / "out", "A2B", batch_size=1)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_stored_outputs_of_padded_sources_keep_the_padding(
    make_run: Callable[..., Run], sources: list[Path], tmp_path: Path
) -> None:
    padding = new_state(make_run(fit="pad"), torch.device("cpu"), Start()).method.eval()
    write_outputs(padding, sources, tmp_path / "whole", "A2B", keep_padding=True)
    write_outputs(padding, sources, tmp_path / "cut", "A2B")
    whole, cut = (read_image(tmp_path / name / "a.png") for name in ("whole", "cut"))
    assert (whole.size, cut.size) == ((8, 8), (8, 7))
    assert cut.tobytes() == whole.crop((0, 1, 8, 8)).tobytes()


def test_a_square_image_is_translated_the_same_whatever_the_fit(make_run: Callable[..., Run], tmp_path: Path) -> None:
    patches(0, (12, 12)).save(tmp_path / "square.png")
    for fit in FITS:
        method = new_state(make_run(fit, fit=fit), torch.device("cpu"), Start()).method.eval()
        write_outputs(method, [tmp_path / "square.png"], tmp_path / fit, "A2B", keep_size=True)
    assert len({read_image(tmp_path / fit / "square.png").tobytes() for fit in FITS}) == 1
    assert read_size(tmp_path / "crop" / "square.png") == (12, 12)
