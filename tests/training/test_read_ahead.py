"""Batches are the same in every bit, wherever the images are stored and however many processes read them ahead."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_images import patches

from ugbench.data.batches import Batches
from ugbench.data.places import Place
from ugbench.errors import DataError, Stopped, UgbenchError
from ugbench.fit import FITS
from ugbench.method import Batch, Draw, MethodConfig
from ugbench.runs.failure import failure_of
from ugbench.runs.run import Run
from ugbench.training.images import Images, file_folders, load_folders
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.read_ahead import ReadAhead

SIZE = 16
DRAWS = {"style": Draw("normal", (5,)), "pool": Draw("uniform", (2, 3)), "patches": Draw("uniform", (4,), per="step")}
# Width and height of the images of each folder: more than one epoch of each lies in the steps of the tests.
SHAPES = {
    "trainA": [(30, 20), (18, 40), (18, 18), (25, 60), (19, 19)],
    "trainB": [(60, 31), (20, 20), (40, 18), (18, 50), (21, 22)],
    "poses": [(10, 10), (90, 9), (18, 18), (33, 44), (7, 8)],
}
STEPS = (0, 1, 2, 3, 4, 7, 5, 6)  # in order, then a jump forwards and one backwards, as after a resume


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    root = tmp_path_factory.mktemp("data")
    listed: dict[str, list[Path]] = {}
    for number, (folder, shapes) in enumerate(SHAPES.items()):
        (root / folder).mkdir()
        listed[folder] = [root / folder / f"é{place}.png" for place in range(len(shapes))]
        for place, (file, shape) in enumerate(zip(listed[folder], shapes, strict=True)):
            patches(10 * number + place, shape).save(file)
    return listed


def make(
    files: dict[str, list[Path]],
    place: Place,
    *,
    fit: str = "squash",
    paired: bool = False,
    extra: bool = False,
    exchanged: bool = False,
    **options: Any,
) -> Batches:
    """Batches of these files; those of a run from B to A are `exchanged`."""
    config = MethodConfig(size=SIZE, fit=fit)  # type: ignore[arg-type]
    folders = (file_folders if place == "disk" else load_folders)(files, config, paired)
    a, b = folders["trainA"], folders["trainB"]
    if exchanged:
        a, b = b, a
    options = {"batch_size": 2, "seed": 0, "draws": DRAWS, "device": "cpu"} | options
    return Batches(
        a, b, size=SIZE, extra={"poses": folders["poses"]} if extra else {}, paired=paired, place=place, **options
    )


def tensors_of(batch: Batch) -> dict[str, torch.Tensor]:
    return {
        "a": batch.a,
        "b": batch.b,
        **batch.draws,
        **{f"extra/{name}": images for name, images in batch.extra.items()},
    }


def assert_same(first: Batch, second: Batch) -> None:
    assert first.step == second.step
    ours, theirs = tensors_of(first), tensors_of(second)
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype
        assert tensor.equal(theirs[name]), name


def threads_ahead() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture(autouse=True)
def no_process_and_no_thread_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []
    assert threads_ahead() == []


@pytest.mark.parametrize(("fit", "paired", "exchanged"), [*product(FITS, (False, True), (False, True))])
def test_files_give_the_batches_of_images_in_memory(
    files: dict[str, list[Path]], fit: str, paired: bool, exchanged: bool
) -> None:
    for seed, extra in product((0, 1, 7), (False, True)):
        options = {"fit": fit, "paired": paired, "exchanged": exchanged, "seed": seed, "extra": extra}
        on_device, in_memory, on_disk = (make(files, place, **options) for place in ("device", "memory", "disk"))
        for step in range(9):
            expected = on_device.at(step)
            assert_same(in_memory.at(step), expected)
            assert_same(on_disk.at(step), expected)


@pytest.mark.parametrize("readers", [0, 1, 2])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_the_number_of_processes_and_the_step_where_one_resumes_change_no_bit(
    files: dict[str, list[Path]], fit: str, readers: int
) -> None:
    expected = make(files, "device", fit=fit, paired=True, extra=True, batch_size=3)
    with closing(ReadAhead(make(files, "disk", fit=fit, paired=True, extra=True, batch_size=3), readers)) as ahead:
        for step in STEPS:
            assert_same(ahead.at(step), expected.at(step))
        ahead.close()
        assert multiprocessing.active_children() == []
        assert_same(ahead.at(8), expected.at(8))
        assert len(multiprocessing.active_children()) == readers


def test_a_process_is_forked_while_no_thread_draws(
    files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[list[threading.Thread]] = []
    fork = os.fork

    def recorded() -> int:
        beside.append(threads_ahead())
        return fork()

    monkeypatch.setattr(os, "fork", recorded)
    with closing(ReadAhead(make(files, "disk"), 1)) as ahead:
        for step in (0, 1, 5):  # the last one is a jump, which starts other processes
            ahead.at(step)
    assert beside == [[], []]


def test_reading_ahead_neither_reads_nor_moves_the_default_generator(files: dict[str, list[Path]]) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with closing(ReadAhead(make(files, "disk"), 1)) as ahead:
        ahead.at(0)
        assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("readers", [0, 2])
def test_an_image_that_cannot_be_read_is_named_at_its_step(
    files: dict[str, list[Path]], tmp_path: Path, readers: int
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(files["trainB"][2].read_bytes()[:-200])
    damaged = {**files, "trainB": [*files["trainB"][:2], bad, *files["trainB"][3:]]}
    batches = make(damaged, "disk", batch_size=1)
    first = next(step for step in range(9) if 2 in batches.indices("b", step))
    assert first > 0
    with closing(ReadAhead(batches, readers)) as ahead:
        for step in range(first):
            assert_same(ahead.at(step), make(files, "device", batch_size=1).at(step))
        with pytest.raises(DataError) as error:
            ahead.at(first)
        assert str(error.value).startswith(f"{bad}: not a readable image (") and "DataLoader" not in str(error.value)
        assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_one_sentence_and_ends_the_others(files: dict[str, list[Path]]) -> None:
    with closing(ReadAhead(make(files, "disk"), 2)) as ahead:
        ahead.at(0)
        first, _ = sorted(multiprocessing.active_children(), key=lambda process: process.pid or 0)
        first.kill()
        first.join()
        with pytest.raises(UgbenchError, match=r"^a process that reads images has ended \(") as error:
            for step in range(1, 9):
                ahead.at(step)
        assert str(error.value).endswith("run the same command again to go on.")
        assert multiprocessing.active_children() == []
        assert_same(ahead.at(5), make(files, "device").at(5))


def test_a_process_that_the_system_refuses_is_one_sentence(
    files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(UgbenchError, match=r"^no process could be started to read images \(Cannot allocate memory\); "):
        ReadAhead(make(files, "disk"), 1).at(0)


@pytest.mark.parametrize("error", [RuntimeError, FileNotFoundError])
def test_a_bug_in_a_process_is_not_taken_for_its_death(
    files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(_self: Batches, _step: int) -> None:
        raise error("a bug")

    monkeypatch.setattr(Batches, "crops", broken)
    with closing(ReadAhead(make(files, "disk"), 1)) as ahead, pytest.raises(error, match="a bug"):
        ahead.at(0)
    gc.collect()  # frees the frames in the traceback, which refer to the processes


def test_other_errors_of_torch_are_not_taken_for_the_death_of_a_process(
    files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Iterator[None]:
        raise RuntimeError("something else")
        yield

    monkeypatch.setattr(ReadAhead, "_start", lambda _self, _step: failing())
    with pytest.raises(RuntimeError, match="something else"):
        ReadAhead(make(files, "disk"), 1).at(0)


def test_the_handler_of_ended_children_stays_that_of_the_program(
    files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own would raise an error within a step or a save."""

    def ours(_number: int, _frame: object) -> None: ...

    monkeypatch.setattr("torch.utils.data._utils.signal_handling._SIGCHLD_handler_set", False)  # it is set once
    before = signal.signal(signal.SIGCHLD, ours)
    try:
        with closing(ReadAhead(make(files, "disk"), 1)) as ahead:
            ahead.at(0)
            assert signal.getsignal(signal.SIGCHLD) is ours
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_for_all_processes_of_a_terminal_does_not_reach_the_readers(
    files: dict[str, list[Path]], number: int
) -> None:
    with closing(ReadAhead(make(files, "disk"), 1)) as ahead:
        ahead.at(0)
        (reader,) = multiprocessing.active_children()
        assert reader.pid is not None
        os.kill(reader.pid, number)
        for step in range(1, 6):
            assert_same(ahead.at(step), make(files, "device").at(step))
        assert multiprocessing.active_children() == [reader]


def test_a_training_in_another_thread_reads_ahead_too(files: dict[str, list[Path]]) -> None:
    got: list[Batch] = []

    def work() -> None:
        with closing(ReadAhead(make(files, "disk"), 1)) as ahead:
            got.append(ahead.at(3))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert_same(got[0], make(files, "device").at(3))


def test_files_are_no_images_of_the_device(files: dict[str, list[Path]]) -> None:
    folders = file_folders(files, MethodConfig(size=SIZE), paired=False)
    with pytest.raises(ValueError, match="expected the place `disk`"):
        Batches(folders["trainA"], folders["trainB"], size=SIZE, batch_size=1, seed=0, draws={}, device="cpu")


@pytest.mark.parametrize("by_signal", [True, False])
def test_readers_that_end_by_the_signal_that_stops_the_training_are_no_failure(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch, by_signal: bool
) -> None:
    at = ReadAhead.at

    def end_at_step_three(ahead: ReadAhead, step: int) -> Batch:
        if step == 3:
            if by_signal:
                os.kill(os.getpid(), signal.SIGTERM)
            raise UgbenchError("the readers have ended")
        return at(ahead, step)

    run = make_run()
    with monkeypatch.context() as patch:
        patch.setattr(ReadAhead, "at", end_at_step_three)
        with pytest.raises(UgbenchError) as raised:
            train(run, images, torch.device("cpu"), Intervals(save_every=100))
    assert isinstance(raised.value, Stopped) is by_signal
    assert run.step() == 3
    assert failure_of(run) == (None if by_signal else "the readers have ended")
    assert train(run, images, torch.device("cpu"), Intervals(save_every=100)) == 3
