"""The options of the command line that commands share: one by one, and in groups.

A command takes a single option by annotating a parameter, `results: Results = RESULTS`. It takes a group by
annotating a parameter with the group's dataclass, `scoring: ScoringOptions`; see `ugbench.cli.command.expand_groups`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option

from ugbench.cli.command import names_of
from ugbench.cli.output import log
from ugbench.cli.parse import PathKind, parse_seeds, parse_sets, parse_weights, path_reader, read_run, split_list
from ugbench.errors import UsageError
from ugbench.file_names import is_utf8
from ugbench.fit import Fit

if TYPE_CHECKING:
    import torch

    from ugbench.scoring.cache import Cache as FeatureCache
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.protocols import NamedProtocol
    from ugbench.scoring.request import EvalRequest

RESULTS = Path("results")
DATA_ROOT = Path("datasets")


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
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    Option("--precision", help="Precision of the networks; auto is bf16 where the hardware has it."),
]
Json = Annotated[bool, Option("--json", help="Print JSON alone on stdout.")]

RunArgument = Annotated[
    str, Argument(parser=read_run, metavar="RUN", help="A run's folder, its name, or the start of its id.")
]
MethodArgument = Annotated[str, Argument(metavar="METHOD", help="A method; `ugbench methods` lists them.")]
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
Steps = Annotated[int | None, Option("--steps", metavar="N", min=1, help="Number of training steps.")]
ImageSize = Annotated[int | None, Option("--size", metavar="N", min=8, help="Image size in pixels.")]
ImageFit = Annotated[
    Fit | None,
    Option(
        "--fit", help="How other images become squares: squashed (default), cropped, or padded by their mirror image."
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
        help="File with the weights of a network; `ugbench doctor` lists the names. Repeatable.",
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
        str, Option("--preset", metavar="paper|light|smoke", help="The preset that the config starts from.")
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
            UsageError: --set is malformed, or names a field whose own option, such as --size, was given too.
        """
        options = {"steps": steps, "size": self.size, "fit": self.fit, "batch_size": self.batch_size}
        overrides: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        for name, value in parse_sets(self.sets).items():
            if name in overrides:
                option = name.replace("_", "-")
                raise UsageError(f"--set {name}={value}: --{option} says {overrides[name]}; give one of them.")
            overrides[name] = value
        return overrides


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """Which network computes the features of images, and where features are cached."""

    extractor: Annotated[
        str, Option("--extractor", metavar="NAME", help=f"Network for image features: {names_of('extractors')}.")
    ] = "inception"
    weights: Weights = None
    cache: Annotated[
        Path | None,
        path_option(
            "--cache",
            "folder",
            "DIR",
            "Folder where features are cached between calls; default: ~/.cache/ugbench/features.",
            envvar="UGBENCH_CACHE",
        ),
    ] = None

    def networks(self, device: torch.device, lpips_net: str = "alex", frozen_names: Collection[str] = ()) -> Networks:
        """The networks that scoring may load.

        Args:
            frozen_names: further names that --weights may give, where the command trains too.
        Raises:
            UnknownName: there is no such extractor, or no such network for --weights.
            NotLoadable: the extractor, or one that --weights names, cannot be imported.
            UsageError: a file of --weights does not exist.
        """
        from ugbench import registry
        from ugbench.scoring.networks.network_set import Networks
        from ugbench.scoring.networks.weights import check_names

        files = parse_weights(self.weights)
        check_names(files, frozen_names)
        registry.load_extractor(self.extractor)
        return Networks(self.extractor, lpips_net, files, device)

    def feature_cache(self) -> FeatureCache:
        """The cache of features in --cache or the default folder."""
        from ugbench.scoring.cache import Cache, default_folder

        return Cache(self.cache or default_folder(), log)


@dataclass(frozen=True, kw_only=True)
class ScoringOptions(FeatureOptions):
    """What is scored and under which protocol."""

    metrics: Metrics = None
    protocol: Protocol = None
    lpips_net: Annotated[
        Literal["alex", "squeeze", "vgg"], Option("--lpips-net", help="LPIPS backbone: alex, squeeze or vgg.")
    ] = "alex"

    def request(
        self,
        device: torch.device,
        reference: str | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        frozen_names: Collection[str] = (),
    ) -> EvalRequest:
        """The evaluation that these options ask for.

        Args:
            reference: value of --reference, where the command has it.
            settings: changes to the settings of metrics, by metric.
            frozen_names: further names that --weights may give, where the command trains too.
        Raises:
            UnknownName: there is no such metric, protocol or extractor.
            UsageError: options contradict each other, or a weights file does not exist.
        """
        from ugbench import registry
        from ugbench.scoring.request import EvalRequest

        networks = self.networks(device, self.lpips_net, frozen_names)
        names = tuple(split_list(self.metrics, "--metric"))
        for name in names:
            registry.load_metric(name)
        protocol = pick_protocol(self.protocol, reference)
        return EvalRequest(names, networks, protocol, settings or {}, cache=self.feature_cache())


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
        Option("--preset", metavar="paper|light|smoke", help="The preset that configs start from; default: paper."),
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
            UsageError: --seeds is malformed.
        """
        options = {
            "datasets": self.dataset or None,
            "seeds": None if self.seeds is None else parse_seeds(self.seeds),
            "steps": self.steps,
            "preset": self.preset,
            "size": self.size,
            "fit": self.fit,
            "batch_size": self.batch_size,
        }
        return {name: value for name, value in options.items() if value is not None}


def pick_protocol(name: str | None, reference: str | None) -> NamedProtocol:
    """The protocol that --protocol and --reference mean together.

    Raises:
        UnknownName: there is no such protocol.
        UsageError: the two contradict each other.
    """
    from ugbench.scoring.protocols import TARGET, TRAIN_REFERENCE, find_protocol

    if name is None:
        return TRAIN_REFERENCE if reference == "train" else TARGET
    protocol = find_protocol(name)
    if reference is not None and reference != protocol.reference:
        other = {"test": TARGET, "train": TRAIN_REFERENCE}[reference].name
        raise UsageError(
            f"--protocol {name} with --reference {reference}: {name} compares with the {protocol.reference} images of "
            f"the target, and {other} with the {reference} images; give one of the two options."
        )
    return protocol
