"""The options of the command line that commands share: one by one, and in groups.

A command takes a single option by annotating a parameter, `results: Results = RESULTS`. It takes a group by
annotating a parameter with the group's dataclass, `scoring: ScoringOptions`; see `ugbench.cli.command.expand_groups`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from ugbench.cli.command import complete_methods
from ugbench.cli.parse import PathKind, parse_seeds, parse_sets, parse_size, path_reader, read_run
from ugbench.cli.sharing import ChosenDevices, parse_devices
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import UsageError
from ugbench.file_names import is_utf8
from ugbench.fit import Fit
from ugbench.limits import MOST_STEPS
from ugbench.training.overrides import merge_overrides

RESULTS = Path("results")


def path_option(name: str, kind: PathKind, metavar: str, help: str, envvar: str | None = None) -> Any:
    """An option whose value `ugbench.cli.parse.path_reader` reads."""
    return Option(name, parser=path_reader(name, kind), metavar=metavar, help=help, envvar=envvar)


def _results_folder(text: str | Path) -> Path:
    path = path_reader("--results", "folder")(text)
    if not is_utf8(path):
        raise UsageError(f"--results {path}: weights and logs need a path that is UTF-8; name another folder.")
    return path


Results = Annotated[
    Path,
    Option(
        "--results",
        parser=_results_folder,
        metavar="DIR",
        help="Folder of runs and scores.",
        envvar="UGBENCH_RESULTS",
    ),
]
DataRoot = Annotated[Path, path_option("--data-root", "folder", "DIR", "Folder of data sets.", envvar="UGBENCH_DATA")]
Device = Annotated[
    str,
    Option(
        "--device", envvar="UGBENCH_DEVICE", metavar="auto|cpu|cuda|cuda:N|mps", help="Device that networks run on."
    ),
]
AUTO = ChosenDevices("auto")
Devices = Annotated[
    ChosenDevices,
    Option(
        "--device",
        parser=parse_devices,
        envvar="UGBENCH_DEVICE",
        metavar="auto|cpu|cuda|cuda:N|mps",
        help="Device that networks run on; several, as in cuda:0,cuda:1, share the images.",
    ),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    Option(
        "--precision",
        help="Precision of the networks; auto is bf16 where the hardware has it, else fp32. fp16 is for GPUs without "
        "bf16.",
    ),
]
Json = Annotated[bool, Option("--json", help="Print JSON alone on stdout.")]

RunArgument = Annotated[
    str, Argument(parser=read_run, metavar="RUN", help="A run's folder, its name, or the start of its id.")
]
MethodArgument = Annotated[
    str,
    Argument(metavar="METHOD", help="A method; `ugbench methods` lists them.", autocompletion=complete_methods),
]
Datasets = Annotated[
    list[str] | None,
    Option(
        "--dataset",
        metavar="NAME|DIR|dial…",
        help="A name in the data root, a folder, or dial: drawn images, as in dial:size=32; repeatable.",
    ),
]
OnlyDatasets = Annotated[list[str] | None, Option("--dataset", metavar="NAME", help="Only this data set; repeatable.")]
Where = Annotated[
    list[str] | None,
    Option("--where", metavar="FIELD=VALUE", help="Only runs whose config has this value, as in steps=30; repeatable."),
]
LocatedDatasets = Annotated[
    list[str] | None,
    Option(
        "--dataset",
        metavar="NAME|DIR",
        help="Only this data set; a path says where its images lie now, which is remembered. Repeatable.",
    ),
]
Steps = Annotated[int | None, Option("--steps", metavar="N", min=1, max=MOST_STEPS, help="Number of training steps.")]
ImageSize = Annotated[str | None, Option("--size", metavar="N|WxH", help="Image size, px: square, or width x height.")]
ImageFit = Annotated[
    Fit | None,
    Option(
        "--fit", help="How other images get the size: squashed (default), cropped, or padded by their mirror image."
    ),
]
BatchSize = Annotated[int | None, Option("--batch-size", metavar="N", min=1, help="Images of each domain per step.")]
Sets = Annotated[
    list[str] | None, Option("--set", metavar="KEY=VALUE", help="Change a field of the config; repeatable.")
]
SkipBad = Annotated[
    bool, Option("--skip-bad", help="Train without images that cannot be read, or lack a partner that a method needs.")
]
Metrics = Annotated[
    list[str] | None,
    Option("--metric", metavar="NAMES", help="Metrics, as in kid,fid,lpips; default: all that the data set allows."),
]
Weights = Annotated[
    list[str] | None,
    Option(
        "--weights",
        metavar="NAME=FILE",
        help="File with the weights of a network, if not the one that `ugbench weights list` finds. Repeatable.",
    ),
]
Protocol = Annotated[
    str | None,
    Option(
        "--protocol",
        metavar="NAME",
        help="Protocol: target (default), train-reference, authors2019, torch-fidelity or clean.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Where runs and data sets are stored, and the device and precision of the networks."""

    results: Results = RESULTS
    data_root: DataRoot = DATA_ROOT
    device: Device = "auto"
    precision: Precision = "auto"


@dataclass(frozen=True, kw_only=True)
class ConfigOptions:
    """How one run's config is made: a preset, a variant, and changes to fields."""

    variant: Annotated[
        str | None, Option("--variant", metavar="NAME", help="A variant; `ugbench variants METHOD` lists them.")
    ] = None
    preset: Annotated[
        str, Option("--preset", metavar="paper|light|small|smoke", help="The preset that the config starts from.")
    ] = "paper"
    size: ImageSize = None
    fit: ImageFit = None
    batch_size: BatchSize = None
    sets: Sets = None

    def overrides(self, steps: int | None = None) -> dict[str, Any]:
        """The changes to the preset, by config field.

        Args:
            steps: value of --steps, where the command has it.
        Raises:
            UsageError: --size or --set is malformed, or names a field whose own option, such as --size, was given too.
        """
        fields = {"steps": steps, "size": parse_size(self.size), "fit": self.fit, "batch_size": self.batch_size}
        return merge_overrides(fields, parse_sets(self.sets))


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What `compare` and `ablate` train, and how."""

    dataset: Datasets = None
    seeds: Annotated[
        str | None,
        Option(
            "--seeds", metavar="N|K,L…", help="A number of seeds (3: seeds 0, 1 and 2) or a list (4,7); default: 3."
        ),
    ] = None
    steps: Steps = None
    preset: Annotated[
        str | None,
        Option("--preset", metavar="paper|light|small|smoke", help="The preset of the configs; default: paper."),
    ] = None
    size: ImageSize = None
    fit: ImageFit = None
    batch_size: BatchSize = None
    jobs: Annotated[int, Option("--jobs", metavar="N", min=1, help="Number of runs that train at once.")] = 1
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the plan without training; the images of a dial are still written.")
    ] = False
    skip_bad: SkipBad = False

    def fields(self) -> dict[str, Any]:
        """The fields of a study (`ugbench.study.grid.Study`) that were given.

        Raises:
            UsageError: --seeds or --size is malformed.
        """
        options = {
            "datasets": self.dataset or None,
            "seeds": None if self.seeds is None else parse_seeds(self.seeds),
            "steps": self.steps,
            "preset": self.preset,
            "size": parse_size(self.size),
            "fit": self.fit,
            "batch_size": self.batch_size,
        }
        return {name: value for name, value in options.items() if value is not None}
