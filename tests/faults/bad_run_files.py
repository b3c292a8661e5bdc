"""Bad files in a results folder, as a colleague or a damaged disk may bring them: configs, logs and scores."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bad_inputs import Case, Command, drawn
from good_inputs import PHOTOS, SCORING, run_of, train_words
from mutations import NASTY_TEXTS, mutate, mutate_json
from rooms import PRIVATE

METHOD = "cyclegan"
PLACE = ("--device", "cpu")
TABLES = ("table", "table --format json", "table --format csv")
# The files of each kind, and the commands that read them. RUN is the run's folder.
READ_BY: dict[str, dict[str, tuple[str, ...]]] = {
    "configs": {
        "RUN/config.json": ("runs", "runs --json", "table", "report", "translate", "eval", "export", "figure losses"),
        "RUN/method.json": ("table", "report", "translate", "eval"),
        "RUN/environment.json": ("table", "report", "eval"),
        "RUN/outputs/A2B/outputs.json": ("report", "eval"),
        "results/photos/dataset.json": ("runs", "table", "report", "eval", "train"),
        "study.toml": ("compare --dry-run",),
    },
    "logs": {
        "RUN/metrics.jsonl": ("figure losses", "report", "train"),
        "RUN/timing.jsonl": ("table", "report", "train"),
    },
    "scores": {
        "RUN/scores.jsonl": (*TABLES, "report", "figure scores", "eval", "runs"),
        "results/photos/identity/scores.jsonl": (*TABLES, "report", "eval"),
        "results/photos/differences.jsonl": ("table", "report"),
        "RUN/single/A2B/4.json": ("report", "eval"),
    },
}


def commands(good: Path) -> dict[str, Command]:
    """The commands by name."""
    run = run_of(good, METHOD)
    evaluated = (run, "results/photos/identity", "results/photos/real", "results/photos/differences.jsonl")
    every = (
        Command("runs", ("runs",)),
        Command("runs --json", ("runs", "--json")),
        Command("table", ("table",)),
        Command("table --format json", ("table", "--format", "json")),
        Command("table --format csv", ("table", "--format", "csv")),
        Command("report", ("report", "--output", "report.html"), ("report.html",)),
        *(
            Command(f"figure {name}", ("figure", name, "--output", "drawn.png"), ("drawn.png",))
            for name in ("losses", "scores")
        ),
        Command("translate", ("translate", run, "--input", f"{PHOTOS}/testA", "--output", "out", *PLACE), ("out",)),
        Command("eval", ("eval", run, *SCORING), evaluated),
        Command("export", ("export", run, "--output", "again.safetensors"), ("again.safetensors", "again.md")),
        Command("compare --dry-run", ("compare", "--study", "study.toml", "--dry-run", "--extractor", "random")),
        Command("train", train_words(METHOD), ("results",)),
    )
    return {command.name: command for command in every}


def bad_run_files(kind: str, number: int, draw: random.Random, good: Path) -> Iterator[Case]:
    """Cases of bad configs, logs or scores (`kind`); `good` is a folder with good input that nobody changes."""
    by_name, run = commands(good), run_of(good, METHOD)
    files = {file.replace("RUN", run): readers for file, readers in READ_BY[kind].items()}

    def case(file: str, reader: str, name: str, make: Callable[[Path], object]) -> Case:
        return Case(kind, f"{file}: {name}", by_name[reader], lambda room: make(room / file) and None)

    def by_hand() -> Iterator[Case]:
        place = 0
        for name, make in BY_HAND.items():
            for file, readers in files.items():
                yield case(file, readers[place % len(readers)], name, make)
                place += 1

    def at_random(own: random.Random) -> Case:
        file = own.choice(list(files))
        content, done = mutate_file((good / file).read_bytes(), file, own)
        return case(file, own.choice(files[file]), done, lambda path: path.write_bytes(content))

    return drawn(number, draw, by_hand(), at_random)


def mutate_file(content: bytes, file: str, draw: random.Random) -> tuple[bytes, str]:
    """Other content for a file, by its kind, and what was done."""
    if file.endswith(".toml"):
        lines = content.decode().splitlines()
        place = draw.randrange(len(lines))
        key = lines[place].partition("=")[0]
        lines[place] = f"{key}= {draw.choice(TOML_VALUES)}"
        return "\n".join(lines).encode(), f"line {lines[place][:60]!r}"
    if draw.random() < 0.3:
        return mutate(content, draw)
    if file.endswith(".jsonl"):
        texts = content.decode().splitlines()
        place = draw.randrange(len(texts))
        texts[place], done = mutate_json(texts[place], draw)
        return ("\n".join(texts) + "\n").encode("utf-8", "surrogatepass"), f"line {place + 1}, {done}"
    text, done = mutate_json(content.decode(), draw)
    return text.encode("utf-8", "surrogatepass"), done


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Removes the file before another thing takes its name."""

    def replace(file: Path) -> None:
        file.unlink()
        make(file)

    return replace


def enlarge(file: Path) -> None:
    """The file goes on for 3 GB of zeros, which take no space on the disk."""
    os.truncate(file, 3 << 30)


def linked_outside(file: Path) -> None:
    """A link to a private file beside the working folder."""
    file.symlink_to(next(parent for parent in file.parents if parent.name == "work").parent / "outside" / PRIVATE)


def linked_to_a_copy(file: Path) -> None:
    """A link to a copy of the file outside of the working folder, whose content is good."""
    outside = next(parent for parent in file.parents if parent.name == "work").parent / "outside" / "copy"
    shutil.copy(file, outside)
    file.unlink()
    file.symlink_to(outside)


def text(content: str) -> Callable[[Path], object]:
    """Replaces the content by this text."""
    return lambda file: file.write_text(content, encoding="utf-8")


TOML_VALUES = (
    *(
        "1000000000",
        "-1",
        "0",
        "nan",
        "inf",
        "true",
        "[]",
        "[1",
        '"x"',
        '""',
        "{}",
        "1979-05-27",
        "[0, 0]",
        '["cyclegan", 1]',
    ),
    *(
        "9" * 5000,
        "[" * 5000 + "]" * 5000,
        '"\\u001b[31m"',
        "'../../outside'",
        '"dial:size=100000"',
        "[[[1]]]",
        "1e308",
    ),
)

BY_HAND: dict[str, Callable[[Path], object]] = {
    "a pipe": replaced(os.mkfifo),
    "a link to /dev/zero": replaced(lambda file: file.symlink_to("/dev/zero")),
    "a link to a private file": replaced(linked_outside),
    "a link to a copy outside": linked_to_a_copy,
    "a link to itself": replaced(lambda file: file.symlink_to(file.name)),
    "a folder": replaced(Path.mkdir),
    "an empty file": text(""),
    "[1]": text("[1]\n"),
    "bytes that are not UTF-8": lambda file: file.write_bytes(b'{"\xff\xfe": 1}\n'),
    "UTF-16": lambda file: file.write_bytes(file.read_text(encoding="utf-8").encode("utf-16")),
    "NUL characters": text("\0" * 100),
    "3 GB": enlarge,
    **{f"nothing but {name}": text(raw + "\n") for name, raw in NASTY_TEXTS.items()},
}
