"""Images are read ahead and written behind in threads: in order, bounded in memory, with errors in their place."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from ugbench.data import in_threads
from ugbench.data.images import read_image
from ugbench.data.in_threads import read_ahead, write_behind
from ugbench.data.pillow_warnings import PILLOW_WARNINGS
from ugbench.errors import DataError


@pytest.fixture(autouse=True)
def four_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_threads, "thread_count", lambda: 4)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("ten seconds have passed")


def test_results_come_in_the_order_of_the_items_whichever_is_done_first() -> None:
    def read(item: int) -> int:
        time.sleep(0.01 * (item % 3 == 0))
        return item * item

    with read_ahead(read, range(40), ahead=5) as results:
        assert list(results) == [item * item for item in range(40)]


def test_no_more_is_read_than_may_wait() -> None:
    begun: list[int] = []
    with read_ahead(lambda item: begun.append(item), range(100), ahead=3) as results:
        next(results)
        time.sleep(0.05)
        assert set(begun) <= {0, 1, 2, 3}


def test_what_reading_raises_comes_in_its_place_and_ends_the_reading() -> None:
    begun: list[int] = []

    def read(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise DataError("3.png is damaged")
        return item

    got: list[int] = []
    with pytest.raises(DataError, match=r"3\.png"), read_ahead(read, range(100), ahead=2) as results:
        got.extend(iter(lambda: next(results), None))
    assert got == [0, 1, 2]
    assert max(begun) <= 6


def test_images_are_read_in_other_threads_than_the_caller() -> None:
    with read_ahead(lambda _item: threading.get_ident(), range(8), ahead=4) as results:
        assert threading.get_ident() not in set(results)


def test_all_jobs_are_done_at_the_end_of_the_block() -> None:
    done: list[int] = []
    with write_behind(behind=3) as write:
        for job in range(20):
            write(lambda job=job: (time.sleep(0.002), done.append(job)))
    assert sorted(done) == list(range(20))


def test_jobs_given_before_an_error_of_the_caller_are_done() -> None:
    done: list[int] = []
    with pytest.raises(KeyError), write_behind(behind=30) as write:
        for job in range(20):
            write(lambda job=job: (time.sleep(0.002), done.append(job)))
        raise KeyError
    assert sorted(done) == list(range(20))


@pytest.mark.parametrize("jobs_after", [0, 50])
def test_what_a_job_raises_reaches_the_caller(jobs_after: int) -> None:
    def fail() -> None:
        raise DataError("the disk is full")

    with pytest.raises(DataError, match="the disk is full"), write_behind(behind=2) as write:
        write(fail)
        for _ in range(jobs_after):
            write(lambda: None)
        if jobs_after:
            pytest.fail("the caller went on")


def test_no_more_jobs_wait_than_asked_for() -> None:
    gate, waiting = threading.Event(), []

    def give(write: Callable[[Callable[[], object]], None]) -> None:
        for job in range(10):
            write(gate.wait)
            waiting.append(job)

    with write_behind(behind=3) as write:
        giver = threading.Thread(target=give, args=(write,))
        giver.start()
        until(lambda: len(waiting) >= 3)
        time.sleep(0.05)
        assert waiting == [0, 1, 2]
        gate.set()
        giver.join()


def test_warning_filters_are_as_before_after_images_were_read_in_many_threads(tmp_path: Path) -> None:
    for name in range(8):
        Image.effect_noise((64, 64), 50).save(tmp_path / f"{name}.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda name: read_image(tmp_path / f"{name % 8}.png").size, range(200)))
    assert set(images) == {(64, 64)}
    assert warnings.filters == before


def test_filters_hold_until_the_last_thread_has_left() -> None:
    before = list(warnings.filters)
    PILLOW_WARNINGS.__enter__()
    inner = threading.Thread(target=lambda: PILLOW_WARNINGS.__enter__() or PILLOW_WARNINGS.__exit__(None, None, None))
    inner.start()
    inner.join()
    with pytest.raises(Image.DecompressionBombWarning):
        warnings.warn("large", Image.DecompressionBombWarning, stacklevel=1)
    PILLOW_WARNINGS.__exit__(None, None, None)
    assert warnings.filters == before
