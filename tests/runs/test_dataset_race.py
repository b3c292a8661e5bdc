"""Commands that start at once choose one folder for a data set."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.runs.dataset_folder import dataset_folder

PROCESSES = 6


def choose(results: Path, root: Path, together: Any, names: Any) -> None:
    """Choose the folder when all processes are here, and put its name into a queue."""
    dataset = open_dataset(root)
    together.wait()
    names.put(dataset_folder(results, dataset).name)


def test_processes_that_start_at_once_choose_one_folder(tmp_path: Path) -> None:
    for split in ("trainA", "trainB"):
        (tmp_path / "cats" / split).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "cats" / split / "0.png")
    context = get_context("fork")
    for number in range(10):
        results = tmp_path / f"results{number}"
        together, names = context.Barrier(PROCESSES), context.Queue()
        arguments = (results, tmp_path / "cats", together, names)
        processes = [context.Process(target=choose, args=arguments) for _ in range(PROCESSES)]
        for process in processes:
            process.start()
        assert [names.get(timeout=60) for _ in processes] == ["cats"] * PROCESSES
        for process in processes:
            process.join()
        assert [folder.name for folder in results.iterdir()] == ["cats"]
