"""A method on the device of another process translates what the original does, and is loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from drawn_images import patches
from ranks_in_threads import served
from styled_method import Styled, built

from ugbench.errors import UgbenchError, UsageError
from ugbench.inference import remote_methods
from ugbench.inference.image_files import write_outputs
from ugbench.inference.other_ranks import OtherRank
from ugbench.inference.remote_methods import TRANSLATE, MethodsOfRank, SavedMethod
from ugbench.inference.several_devices import copies_on
from ugbench.inference.styles import Styles

CPU = torch.device("cpu")
SAVED = SavedMethod(Path("results/cats/styled/seed0-1"), None, 8)


@pytest.fixture
def method() -> Styled:
    return built()


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was loaded: the other rank finds the same weights in the run's folder, of step 8."""
    asked: list[object] = []

    def load(run: object, device: torch.device, step: int | None, all_networks: bool) -> tuple[Styled, int]:
        asked.append((run, device, step, all_networks))
        return built(), 8

    monkeypatch.setattr(remote_methods, "read_run", lambda path: path)
    monkeypatch.setattr(remote_methods, "load", load)
    return asked


@pytest.fixture
def other(loaded: list[object]) -> Iterator[OtherRank]:
    with served({TRANSLATE: MethodsOfRank(CPU)}) as rank:
        yield rank


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number}.png" for number in range(7)]
    for number, file in enumerate(files):
        patches(number, (12, 10)).save(file)
    return files


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_two_processes_write_the_samples_of_one_and_the_other_loads_the_method_once(
    method: Styled, sources: list[Path], other: OtherRank, loaded: list[object], tmp_path: Path
) -> None:
    styles = Styles(samples=2, seed=5)
    write_outputs(method, sources, tmp_path / "single", "A2B", batch_size=2, styles=styles)
    copies = copies_on(method, [other], SAVED)
    count = write_outputs(method, sources, tmp_path / "double", "A2B", batch_size=2, styles=styles, copies=copies)
    assert count == 7 and len(content(tmp_path / "double")) == 14
    assert content(tmp_path / "double") == content(tmp_path / "single")
    assert loaded == [(SAVED.run, CPU, None, False)]


def test_an_image_that_another_process_cannot_translate_is_named(
    method: Styled, sources: list[Path], other: OtherRank, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoilt = built()
    spoilt.mix.bias.data.fill_(torch.nan)
    monkeypatch.setattr(remote_methods, "load", lambda *_arguments: (spoilt, 8))
    with pytest.raises(UgbenchError, match=r"the translation of image .*2\.png is NaN"):
        write_outputs(method, sources, tmp_path / "out", "A2B", batch_size=2, copies=copies_on(method, [other], SAVED))
    assert sorted(content(tmp_path / "out")) == ["0.png", "1.png"]


def test_a_run_that_was_trained_on_meanwhile_is_refused(
    method: Styled, sources: list[Path], other: OtherRank, tmp_path: Path
) -> None:
    before = SavedMethod(SAVED.run, None, trained_steps=6)
    with pytest.raises(UsageError, match="was trained from step 6 to 8 while its images were translated"):
        write_outputs(method, sources, tmp_path / "out", "A2B", batch_size=2, copies=copies_on(method, [other], before))
