"""Several devices share the images of a translation, and write what one device writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from ugbench.errors import UgbenchError
from ugbench.inference.image_files import write_outputs
from ugbench.inference.several_devices import copies_on, on_all_devices
from ugbench.method import Method
from ugbench.runs.run import Run
from ugbench.training.start import Start
from ugbench.training.state import new_state

CPU = torch.device("cpu")


@pytest.fixture
def method(make_run: Callable[..., Run]) -> Method:
    """An untrained method for images of 8 px."""
    return new_state(make_run(), CPU, Start()).method.eval()


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Seven images of 10 px, one of another colour each."""
    files = [tmp_path / f"{number}.png" for number in range(7)]
    for number, file in enumerate(files):
        Image.new("RGB", (10, 10), (30 * number, 90, 200 - 20 * number)).save(file)
    return files


def test_two_devices_write_the_bytes_of_one_and_each_takes_its_share(
    method: Method, sources: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = copies_on(method, [CPU])
    used: list[Method] = []
    translate = type(method).translate

    def noted(self: Method, *arguments: object) -> object:
        used.append(self)
        return translate(self, *arguments)

    monkeypatch.setattr(type(method), "translate", noted)
    calls: list[tuple[int, int]] = []
    progress = lambda done, total: calls.append((done, total))  # noqa: E731
    assert write_outputs(method, sources, tmp_path / "single", "A2B", batch_size=2) == 7
    assert used == [method] * 4
    used.clear()
    assert (
        write_outputs(method, sources, tmp_path / "double", "A2B", batch_size=2, copies=copies, progress=progress) == 7
    )
    assert sorted(map(id, used)) == sorted(map(id, [method, *copies] * 2))
    assert calls == [(2, 7), (4, 7), (6, 7), (7, 7)]
    for file in sorted((tmp_path / "single").iterdir()):
        assert (tmp_path / "double" / file.name).read_bytes() == file.read_bytes()


def test_a_copy_shares_no_weight_with_the_original(method: Method) -> None:
    (copied,) = copies_on(method, [CPU])
    before = [parameter.clone() for parameter in copied.parameters()]
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(1)
    assert all(torch.equal(a, b) for a, b in zip(before, copied.parameters(), strict=True))


def test_results_keep_the_order_of_the_work_and_no_method_works_in_two_threads(method: Method) -> None:
    (second,) = copies_on(method, [CPU])
    second_is_done = threading.Event()
    at_work: set[int] = set()

    def work() -> Iterator[tuple[int, Callable[[Method], int]]]:
        for number in range(6):

            def piece(given: Method, number: int = number) -> int:
                assert id(given) not in at_work
                at_work.add(id(given))
                if number == 0:
                    assert second_is_done.wait(20), "the second piece was done while the first one was at work"
                if number == 1:
                    second_is_done.set()
                at_work.remove(id(given))
                return 10 * number

            yield number, piece

    assert list(on_all_devices((method, second), work())) == [(number, 10 * number) for number in range(6)]


def test_what_the_work_itself_raises_comes_after_the_results_before_it() -> None:
    def work() -> Iterator[tuple[int, Callable[[str], str]]]:
        yield from ((number, str.upper) for number in range(3))
        raise UgbenchError("3.png cannot be read.")

    done = []
    with pytest.raises(UgbenchError, match=r"3\.png"):
        for item, result in on_all_devices(("a", "b"), work()):
            done.append((item, result))
    assert done == [(0, "A"), (1, "B"), (2, "A")]


def test_closing_waits_for_the_pieces_that_are_being_done() -> None:
    second_may_end, second_ended = threading.Event(), threading.Event()

    def slow(_copy: str) -> None:
        assert second_may_end.wait(20)
        second_ended.set()

    results = on_all_devices(("a", "b"), iter([(0, str.upper), (1, slow), (2, str.upper)]))
    assert next(results) == (0, "A")
    second_may_end.set()
    results.close()
    assert second_ended.is_set()


def test_an_error_on_a_further_device_names_its_image(method: Method, sources: list[Path], tmp_path: Path) -> None:
    copies = copies_on(method, [CPU])
    with torch.no_grad():
        next(copies[0].parameters()).fill_(torch.nan)
    with pytest.raises(UgbenchError, match=r"the translation of image .*2\.png is NaN"):
        write_outputs(method, sources, tmp_path / "out", "A2B", batch_size=2, copies=copies)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]
