"""failure.json: why a training ended that nobody had stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from ugbench.data.images import UnreadableImage, read_image
from ugbench.errors import NonFiniteLoss, Stopped
from ugbench.runs.failure import damaged_image, failure_of, record_failure
from ugbench.runs.run import Run
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images
from ugbench.training.loop import train

CPU = torch.device("cpu")


def test_a_training_that_fails_says_why_and_one_that_goes_on_takes_it_back(
    make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run()

    def fail(step: int, _steps: int, _losses: Mapping[str, float] | None) -> None:
        if step == 3:
            raise ValueError("the disk burns")

    with pytest.raises(ValueError, match="burns"):
        train(run, images, CPU, callbacks=Callbacks(on_step=fail))
    assert failure_of(run) == "the disk burns"
    assert json.loads(run.failure_file.read_text())["error"] == "ValueError"
    train(run, images, CPU)
    assert failure_of(run) is None and run.is_done()


def test_a_loss_that_is_not_finite_is_a_failure(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run(explode_at=2)
    with pytest.raises(NonFiniteLoss):
        train(run, images, CPU)
    reason = failure_of(run)
    assert reason is not None and "NaN or Inf" in reason


def test_a_training_that_is_stopped_or_killed_has_not_failed(make_run: Callable[..., Run]) -> None:
    run = make_run()
    for end in (Stopped("stopped and saved"), KeyboardInterrupt()):
        with pytest.raises(type(end)), record_failure(run):
            raise end
        assert failure_of(run) is None


def test_a_failure_that_cannot_be_written_down_hides_nothing(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with pytest.raises(ValueError, match="boom"), record_failure(run):
        run.failure_file.mkdir()  # so the disk refuses the file
        raise ValueError("boom")


def test_an_image_that_cannot_be_read_is_kept_with_the_hash_of_its_content(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    run, image = make_run(), tmp_path / "7.png"
    image.write_bytes(b"damaged")
    for expected in (("7.png", hashlib.sha256(b"damaged").hexdigest()), None):
        with pytest.raises(UnreadableImage), record_failure(run):
            read_image(image)
        assert damaged_image(run) == expected
        image.unlink(missing_ok=True)  # a file that is gone has no content
    with pytest.raises(ValueError, match="boom"), record_failure(run):
        raise ValueError("boom")
    assert damaged_image(run) is None
    with record_failure(run):
        pass
    assert damaged_image(run) is None
