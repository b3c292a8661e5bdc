"""Options that commands share, and the reading of their lists.

A command takes one by annotating a parameter: `def runs(results: Results = RESULTS, as_json: Json = False)`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from ugbench.errors import UsageError


def path_reader(name: str, kind: Literal["file", "folder", "any"]) -> Callable[[str | Path], Path]:
    """A reader of the option or argument `name`, which names a path that need not be there.

    It raises UsageError where there is no text, where a file stands where a folder would have to be, and where what is
    there is of the other kind.
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


def path_option(
    name: str, kind: Literal["file", "folder", "any"], metavar: str, help: str, envvar: str | None = None
) -> Any:
    """An option whose value `path_reader` reads."""
    return typer.Option(name, parser=path_reader(name, kind), metavar=metavar, help=help, envvar=envvar)


RESULTS = Path("results")
DATA_ROOT = Path("datasets")
DEVICE = "auto"
PRECISION: Literal["auto", "fp32", "bf16"] = "auto"

Results = Annotated[
    Path, path_option("--results", "folder", "DIR", "Folder of runs and scores.", envvar="UGBENCH_RESULTS")
]
DataRoot = Annotated[Path, path_option("--data-root", "folder", "DIR", "Folder of data sets.", envvar="UGBENCH_DATA")]
Device = Annotated[
    str,
    typer.Option("--device", envvar="UGBENCH_DEVICE", metavar="auto|cpu|cuda|cuda:N|mps", help="Where networks run."),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    typer.Option("--precision", help="Of the networks; auto is bf16 where the hardware has it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]

DatasetOption = Annotated[
    list[str],
    typer.Option(
        "--dataset",
        metavar="DATA",
        help="Name in the data root, a folder, or dial:shape=1,texture=1,size=64.",
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        metavar="NAME=FILE",
        help="File of a network's weights; `ugbench doctor` lists the names.",
    ),
]
Cache = Annotated[
    Path | None,
    path_option(
        "--cache",
        "folder",
        "DIR",
        "Where features are kept between calls; default: ~/.cache/ugbench/features.",
        envvar="UGBENCH_CACHE",
    ),
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the config; repeatable.")
]


def split_list(values: Iterable[str] | None, option: str) -> list[str]:
    """The items of a repeated option whose values may hold commas, in order, each once; none where it was not given.

    >>> split_list(["kid,fid", "kid", "lpips"], "--metric")
    ['kid', 'fid', 'lpips']

    Raises:
        UsageError: it was given without a name in it.
    """
    given = list(values or ())
    items = [item.strip() for value in given for item in value.split(",")]
    found = list(dict.fromkeys(item for item in items if item))
    if given and not found:
        raise UsageError(f"{option} '{','.join(given)}': no name is in that; give one or more, with commas between.")
    return found


def parse_seeds(text: str) -> list[int]:
    """Seeds from a count or a list: "3" is 0, 1, 2; "4,7" is those two; "4," is 4 alone.

    Raises:
        UsageError: not that, or the same seed twice.
    """
    seeds = [item.strip() for item in text.split(",")]
    if seeds[-1] == "":
        seeds.pop()
    if not seeds or not all(re.fullmatch(r"[0-9]+", seed) for seed in seeds):
        raise UsageError(f"--seeds {text}: give a count (3 means 0,1,2) or a list (4,7).")
    if "," not in text:
        if int(text) == 0:
            raise UsageError("--seeds 0: that is no seed; give a count of 1 or more, or `0,` for seed 0 alone.")
        return list(range(int(text)))
    numbers = [int(seed) for seed in seeds]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--seeds {text}: a seed is given twice; give each once.")
    return numbers


def parse_sets(values: Iterable[str] | None, option: str = "--set") -> dict[str, str]:
    """Config fields from `--set key=value`, repeated or with commas before the next `key=`.

    >>> parse_sets(["lr=1e-3,light=true", "betas=0.5,0.9"])
    {'lr': '1e-3', 'light': 'true', 'betas': '0.5,0.9'}

    Raises:
        UsageError: no `=`, nothing before it, or a key twice.
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


def parse_weights(values: Iterable[str] | None) -> dict[str, Path]:
    """Files by network from `--weights NAME=FILE`; a leading `~` is the home folder.

    Raises:
        UsageError: not NAME=FILE, a name twice, or no such file.
    """
    files = {name: Path(file).expanduser() for name, file in parse_sets(values, "--weights").items()}
    for name, file in files.items():
        if not file.is_file():
            raise UsageError(f"--weights {name}={file}: there is no such file; give the path of one.")
    return files


def takes_common(function: Callable[..., None]) -> Callable[..., None]:
    """`function`, which also accepts the options common to all commands that it does not read itself.

    So a script can pass the same --results, --data-root, --device and --precision to every command. --json is
    not among them: a command that cannot print JSON must not take it in silence.
    """
    own = inspect.signature(function, eval_str=True).parameters
    names = {name for parameter in own.values() for name in _option_names(parameter)}
    common = inspect.signature(_unread, eval_str=True).parameters
    others = {key: parameter for key, parameter in common.items() if not names & _option_names(parameter)}

    @functools.wraps(function)
    def command(**given: Any) -> None:
        function(**{key: value for key, value in given.items() if key not in others})

    both = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own.values(), *others.values())]
    command.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in both}
    return command


def _unread(
    unread_results: Annotated[str, typer.Option("--results", hidden=True)] = "",
    unread_data_root: Annotated[str, typer.Option("--data-root", hidden=True)] = "",
    unread_device: Annotated[str, typer.Option("--device", hidden=True)] = "",
    unread_precision: Annotated[str, typer.Option("--precision", hidden=True)] = "",
) -> None:
    """The common options as a command takes them that has no use for them."""


def _option_names(parameter: inspect.Parameter) -> set[str]:
    """`--…` names of a parameter that is annotated with an option."""
    declared = (getattr(item, "param_decls", None) or () for item in get_args(parameter.annotation)[1:])
    # typer keeps the first name of an annotated option apart, as its `default`.
    first = (getattr(item, "default", None) for item in get_args(parameter.annotation)[1:])
    names = {*first, *(name for names in declared for name in names)}
    return {name for name in names if isinstance(name, str) and name.startswith("--")}
