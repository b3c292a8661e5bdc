"""docs/recipes.md is a program: its blocks run one after another in a shell, and make what the page says."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_images import patches

from ugbench.data.images import read_size

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
SECONDS = 1200  # after which a command of the page counts as one that hangs


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photographs of the page, in which all its commands have run."""
    home = tmp_path_factory.mktemp("recipes")
    for place, name in enumerate(("cats", "dogs")):
        (home / "photos" / name).mkdir(parents=True)
        for number in range(40):
            patches(100 * place + number, (48, 40)).save(home / "photos" / name / f"{number}.png")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UGBENCH_")}
    environment |= {"PATH": path, "OMP_NUM_THREADS": "1", "UGBENCH_CACHE": str(home / "cache"), "UGBENCH_DEVICE": "cpu"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(BLOCKS)],
        cwd=home, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (home / "printed").write_text(done.stdout)
    (home / "said").write_text(done.stderr)
    return home


def sentences(home: Path, name: str) -> str:
    """What was printed, with lines joined."""
    return " ".join((home / name).read_text().split())


def test_there_is_a_block_for_each_recipe() -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    assert [section.count("\n```sh\n") for section in sections] == [1, 1, 1, 1, 1]
    assert all(4 <= len(block.splitlines()) <= 15 for block in BLOCKS)


def test_own_images_become_a_data_set_a_run_outputs_and_a_picture(home: Path) -> None:
    counts = {split.name: len(list(split.iterdir())) for split in (home / "datasets/pets").iterdir() if split.is_dir()}
    assert counts == {"trainA": 20, "trainB": 20, "testA": 20, "testB": 20}
    outputs = sorted((home / "dogs").glob("*.png"))
    assert [file.name for file in outputs] == sorted(file.name for file in (home / "datasets/pets/testA").iterdir())
    assert {read_size(file) for file in outputs} == {(48, 40)}
    assert (home / "pets.png").stat().st_size > 10_000


def test_table_3_is_shown_alone_and_the_plan_says_what_its_training_takes(home: Path) -> None:
    printed = sentences(home, "printed")
    assert "U-GAT-IT 7.07 ± 0.65" in printed and "0 of 1000000" in printed
    assert "kid_mixed" in printed and "authors2019" in printed


def test_outputs_of_others_are_rows_beside_the_methods(home: Path) -> None:
    with (home / "folders/scores-of-folders.jsonl").open() as lines:
        assert len(list(lines)) == 2
    runs = [run.name.rpartition("-")[0] for run in sorted((home / "results/pets/external").iterdir())]
    assert runs == ["others", "theirs"]
    assert re.search(r"among the 20 outputs there are copies: 20 of their own inputs", sentences(home, "printed"))


def test_the_comparison_has_both_methods_and_says_how_many_seeds_it_needs(home: Path) -> None:
    with (home / "scores.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["changed_n_seeds"] not in ("", "0")]
    assert {(row["method"], row["changed_n_seeds"]) for row in rows if row["method"] != "identity"} == {
        ("ugatit", "2"), ("cyclegan", "2"),
    }  # fmt: skip
    assert "need 5 seeds per method, so 2 are too few to show any" in sentences(home, "said")
    assert sentences(home, "said").count("not testable with 2 seeds") == 2


def test_the_table_of_a_paper_has_the_names_that_were_given(home: Path) -> None:
    table = (home / "table.tex").read_text()
    assert "Ours" in table and "Discs to stars" in table and "Error left by two methods" in table
    assert table.index("CycleGAN &") < table.index("Ours &")
    assert "| CycleGAN |" in (home / "table.md").read_text()
