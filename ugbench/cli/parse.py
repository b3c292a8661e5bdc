"""How the texts of options are read: lists, seeds, config fields, files of weights and paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from ugbench.errors import UsageError
from ugbench.file_names import is_utf8
from ugbench.image_size import SMALLEST_SIDE, Size, as_size, width_and_height

MOST_SEEDS = 1000
PathKind = Literal["file", "folder", "any"]


def path_reader(name: str, kind: PathKind) -> Callable[[str | Path], Path]:
    """A reader for the option or argument `name`, which gives a path that need not exist.

    The reader raises UsageError where the text is empty, where a file stands in the place of a folder above the path,
    and where the path exists but is not of this kind.
    """

    def read(text: str | Path) -> Path:
        if not str(text).strip():
            raise UsageError(f"{name} '{text}': that is no path; name one.")
        path = Path(text)
        above = next((parent for parent in path.parents if parent.exists()), None)
        if above is not None and not above.is_dir():
            raise UsageError(f"{name} {path}: {above} is a file, not a folder; name another place.")
        if kind == "folder" and path.is_file():
            raise UsageError(f"{name} {path}: that is a file; name a folder.")
        if kind == "file" and path.is_dir():
            raise UsageError(f"{name} {path}: that is a folder; name a file.")
        return path

    return read


def read_run(text: str) -> str:
    """The text of a RUN argument; raises UsageError if it is a path from which weights cannot be read."""
    if not is_utf8(text):
        raise UsageError(f"RUN {text}: weights and logs need a path that is UTF-8; rename that folder.")
    return text


def split_list(values: Iterable[str] | None, option: str) -> list[str]:
    """The items of a repeated option, each of its values split at commas; in order, without duplicates.

    >>> split_list(["kid,fid", "kid", "lpips"], "--metric")
    ['kid', 'fid', 'lpips']

    Raises:
        UsageError: the option was given, but with no name in it.
    """
    given = list(values or ())
    items = [item.strip() for value in given for item in value.split(",")]
    names = list(dict.fromkeys(item for item in items if item))
    if given and not names:
        raise UsageError(f"{option} '{','.join(given)}': no name is in that; give one or more, with commas between.")
    return names


def parse_seeds(text: str) -> list[int]:
    """Seeds from a count or a list: "3" is 0, 1, 2; "4,7" is those two; "4," is 4 alone.

    Raises:
        UsageError: the text is neither, or names a seed twice.
    """
    seeds = [item.strip() for item in text.split(",")]
    if seeds[-1] == "":
        seeds.pop()
    if not seeds or not all(re.fullmatch(r"[0-9]+", seed) for seed in seeds):
        raise UsageError(f"--seeds {text}: give a count (3 means 0,1,2) or a list (4,7).")
    if any(len(seed) > 18 for seed in seeds):
        raise UsageError(f"--seeds {text[:40]}: a seed has at most 18 digits; give smaller numbers.")
    if "," not in text:
        if int(text) == 0:
            raise UsageError("--seeds 0: that is no seed; give a count of 1 or more, or `0,` for seed 0 alone.")
        if int(text) > MOST_SEEDS:
            raise UsageError(f"--seeds {text}: that is a count of seeds; give at most {MOST_SEEDS}, or a list (4,7).")
        return list(range(int(text)))
    numbers = [int(seed) for seed in seeds]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--seeds {text}: a seed is given twice; give each once.")
    return numbers


def parse_number(text: str, option: str, word: str, number: str, least: int = 0) -> int | None:
    """The value of an option that takes a number of at least `least`, or a word, which means None.

    Args:
        number: what the number is, for the error message.
    Raises:
        UsageError: the text is neither.
    """
    if text == word:
        return None
    if text.isdecimal() and int(text) >= least:
        return int(text)
    raise UsageError(f"{option} {text}: give {number}, or {word}.")


def parse_size(text: str | None) -> Size | None:
    """The size of --size; None where it was not given.

    >>> parse_size("64"), parse_size("64x64"), parse_size("64x32")
    (64, 64, (64, 32))

    Raises:
        UsageError: the text is no size, or a side is too small for any method.
    """
    if text is None:
        return None
    try:
        size = as_size(text)
    except ValueError as error:
        raise UsageError(f"--size {text[:40]}: {error}.") from None
    if min(width_and_height(size)) < SMALLEST_SIDE:
        raise UsageError(f"--size {text}: that is too small; give {SMALLEST_SIDE} px or more.")
    return size


SECONDS = {"s": 1, "min": 60, "h": 3600}


def parse_save_every(text: str | None) -> tuple[int | None, float | None]:
    """Steps, or seconds, between saves: one of the two, or neither where nothing was given.

    >>> parse_save_every("500"), parse_save_every("30min")
    ((500, None), (None, 1800.0))

    Raises:
        UsageError: the text is neither a number of steps nor a time.
    """
    if text is None:
        return None, None
    match = re.fullmatch(r"([0-9]{1,12}|[0-9]{1,9}\.[0-9]{1,9})(s|min|h)?", text.strip())
    if match is not None and float(match[1]) > 0:
        number, unit = match.groups()
        if unit is not None:
            return None, float(number) * SECONDS[unit]
        if "." not in number:
            return int(number), None
    raise UsageError(f"--save-every {text}: give a number of steps, as in 500, or a time, as in 90s, 30min or 2h.")


def parse_test_images(text: str) -> int | float:
    """A number of test images, or a share of the images: "100" is 100, "0.1" is a tenth.

    Raises:
        UsageError: the text is neither, or would leave no image to score or to train with.
    """
    fix = "give a number of test images per folder, as in 100, or a share of the images, as in 0.1"
    if re.fullmatch(r"[0-9]{1,9}", text) and int(text) > 0:
        return int(text)
    if re.fullmatch(r"0?\.[0-9]{1,9}", text) and float(text) > 0:
        return float(text)
    if re.fullmatch(r"0*\.?0*", text) and "0" in text:
        raise UsageError(f"--test {text}: without test images nothing can be scored; {fix}.")
    raise UsageError(f"--test {text[:40]}: that is no number and no share below 1; {fix}.")


def parse_sets(values: Iterable[str] | None, option: str = "--set") -> dict[str, str]:
    """Config fields from `--set key=value`, repeated or with commas before the next `key=`.

    >>> parse_sets(["lr=1e-3,light=true", "betas=0.5,0.9"])
    {'lr': '1e-3', 'light': 'true', 'betas': '0.5,0.9'}

    Raises:
        UsageError: there is no `=`, nothing before it, or a key twice.
    """
    pairs: dict[str, str] = {}
    for value in values or ():
        # A value may itself hold commas, so only a comma that starts another `key=` splits.
        for part in re.split(r",(?=\s*[\w.-]+=)", value):
            key, equals, content = part.partition("=")
            key = key.strip()
            if not equals or not key:
                form = "NAME=FILE" if option == "--weights" else "KEY=VALUE"
                raise UsageError(f"{option} {part}: give it as {form}.")
            if key in pairs:
                raise UsageError(f"{option} {part}: {key} is given twice; give it once.")
            pairs[key] = content.strip()
    return pairs


def parse_labels(values: Iterable[str] | None) -> dict[str, str]:
    """Display names from `--label NAME=TEXT`, repeated. A text may hold commas and further `=`.

    >>> parse_labels(["ugatit=Ours, full"])
    {'ugatit': 'Ours, full'}

    Raises:
        UsageError: there is no `=`, nothing on one side of it, or a name twice.
    """
    labels: dict[str, str] = {}
    for value in values or ():
        name, _, text = (part.strip() for part in value.partition("="))
        if not name or not text:
            raise UsageError(f"--label {value}: give it as NAME=TEXT.")
        if name in labels:
            raise UsageError(f"--label {value}: {name} is given twice; give it once.")
        labels[name] = text
    return labels


def parse_method_sets(values: Iterable[str] | None) -> dict[str, dict[str, str]]:
    """Config fields of each method from `--set METHOD.key=value`.

    Raises:
        UsageError: as `parse_sets`, or no method stands before the key.
    """
    fields: dict[str, dict[str, str]] = {}
    for key, value in parse_sets(values).items():
        method, dot, name = key.partition(".")
        if not dot or not name:
            raise UsageError(f"--set {key}={value}: name the method too: --set METHOD.{key}={value}.")
        fields.setdefault(method, {})[name] = value
    return fields


def parse_weights(values: Iterable[str] | None) -> dict[str, Path]:
    """The file of each network from `--weights NAME=FILE`; a leading `~` is the home folder.

    Raises:
        UsageError: the text is not NAME=FILE, a name occurs twice, or there is no such file.
    """
    files = {name: Path(file).expanduser() for name, file in parse_sets(values, "--weights").items()}
    for name, file in files.items():
        if not file.is_file():
            raise UsageError(f"--weights {name}={file}: there is no such file; give the path of one.")
    return files
