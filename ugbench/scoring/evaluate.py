"""What `ugbench eval` does: from a run, or from folders, to score records, computing only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import generator_for
from ugbench.data.datasets import DataSet, Split, open_dataset
from ugbench.data.dial import truth
from ugbench.data.images import load_images
from ugbench.errors import DataError, RunError, UgbenchError, UsageError
from ugbench.method import Direction
from ugbench.metric import Metric, Score
from ugbench.outputs import check_stems, keep_outputs
from ugbench.scoring import record
from ugbench.scoring.extractors import Extractor, extract, load_extractor
from ugbench.scoring.perceptual import Perceptual, load_lpips
from ugbench.scoring.protocol import protocol, protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.train.run import Run, dataset_folder

Reference = Literal["test", "train"]
DIRECTIONS: tuple[Direction, ...] = ("A2B", "B2A")


@dataclass(frozen=True)
class Networks:
    """The networks that features and perceptual distances come from, each loaded when first asked for."""

    extractor_name: str
    lpips_net: str
    weights: Mapping[str, Path]
    device: torch.device

    @cached_property
    def extractor(self) -> Extractor:
        """Raises WeightsError where its weights are not at hand."""
        return load_extractor(self.extractor_name, self.weights)

    @cached_property
    def perceptual(self) -> Perceptual:
        """Raises WeightsError where its weights are not at hand."""
        return load_lpips(self.lpips_net, self.weights, self.device)


@dataclass(frozen=True)
class Wanted:
    """What is to be scored and how."""

    metrics: tuple[str, ...]
    networks: Networks
    reference: Reference = "test"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def protocol_of(self, name: str, size: int | str) -> dict[str, Any]:
        """The whole protocol of one metric at one image size."""
        needs = metric(name).needs
        return protocol(
            name,
            name="target" if self.reference == "test" else "train-reference",
            reference=self.reference,
            size=size,
            extractor=self.networks.extractor if needs == "features" else None,
            perceptual=self.networks.perceptual if needs == "perceptual" else None,
            settings=self.settings.get(name, {}),
        )


def metric(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        UnknownName: no such metric.
    """
    found: Metric = registry.load("metrics", name).METRIC
    return found


def metrics_for(names: Sequence[str], dataset: DataSet) -> tuple[str, ...]:
    """`names`, or where it is empty every metric that the data set allows: truth scores need known truth.

    Raises:
        UnknownName: no such metric.
        UsageError: a truth score on data whose truth is not known.
    """
    chosen = tuple(names) or ("kid", "fid", "lpips", *(("changed", "unchanged", "iou") if dataset.dial else ()))
    for name in chosen:
        if metric(name).needs == "truth" and dataset.dial is None:
            raise UsageError(f"--metric {name}: the true translation of {dataset.name} is not known, only a dial's is.")
    return chosen


@dataclass(frozen=True)
class Material:
    """The images of one direction at one size, uint8 (n, 3, s, s): what references and sources are."""

    dataset: DataSet
    direction: Direction
    size: int

    def load(self, split: Split) -> Tensor:
        """A split through the test transform."""
        return load_images(self.dataset.split(split), self.size)

    @property
    def source_domain(self) -> str:
        """A or B."""
        return self.direction[0]

    @property
    def target_domain(self) -> str:
        """A or B."""
        return self.direction[2]

    @cached_property
    def sources(self) -> Tensor:
        """The source domain's test images."""
        return self.load("testA" if self.source_domain == "A" else "testB")

    @cached_property
    def test_references(self) -> Tensor:
        """The target domain's test images."""
        return self.load("testA" if self.target_domain == "A" else "testB")

    @cached_property
    def train_references(self) -> Tensor:
        """The target domain's training images."""
        return self.load("trainA" if self.target_domain == "A" else "trainB")

    @cached_property
    def truth(self) -> Tensor:
        """The true translations of `sources`, on a dial."""
        return truth(self.dataset, self.direction, self.size)

    def references(self, reference: Reference) -> Tensor:
        """What outputs are held against."""
        return self.test_references if reference == "test" else self.train_references


@dataclass
class Evaluation:
    """One call of eval: references and their features are read once for all runs of the call."""

    wanted: Wanted
    results: Path
    say: Callable[[str], None] = lambda _text: None
    progress: Callable[[str], Callable[[int, int], None]] | None = None
    _materials: dict[tuple[str, Direction, int], Material] = field(default_factory=dict)
    _features: dict[tuple[Any, ...], Tensor] = field(default_factory=dict)

    def run(self, run: Run, step: int | None = None) -> list[ScoreRecord]:
        """Every wanted score of a run, from its scores.jsonl where it is there, else computed and added.

        Also brings `identity` and `real` of its data set up to date.

        Raises:
            RunError: the run has saved nothing, or its data set is no longer where it was.
        """
        if not run.step():
            raise RunError(f"{run.path} has no checkpoint yet; train it before you score it.")
        dataset = dataset_of(run)
        names = metrics_for(self.wanted.metrics, dataset)
        size = int(run.config.config["size"])
        at = run.step() if step is None else step
        records = []
        for direction in run.directions():
            material = self._material(dataset, direction, size)
            self._floor_and_ceiling(material, names)
            file = run.path / record.FILE
            known = {(r.metric, r.protocol_id): r for r in record.read(file) if (r.direction, r.step) == (direction, at)}
            missing = []
            for name in names:
                found = known.get((name, protocol_id(self.wanted.protocol_of(name, size))))
                if found is None:
                    missing.append(name)
                else:
                    records.append(found)
            if not missing:
                continue
            tick = self.progress(f"{run.id} {direction}") if self.progress else None
            folder, _ = keep_outputs(run, dataset, direction, self.wanted.networks.device, step, tick)
            outputs = load_images([folder / f"{path.stem}.png" for path in _source_paths(dataset, direction)], size)
            who = Who(run.id, run.config.method, run.config.variant, run.config.seed, at)
            new = [self._score(name, material, outputs, who, material.sources) for name in missing]
            record.append(file, new)
            records += new
        return sorted(records, key=lambda r: (r.direction, names.index(r.metric)))

    def _material(self, dataset: DataSet, direction: Direction, size: int) -> Material:
        key = (str(dataset.root), direction, size)
        return self._materials.setdefault(key, Material(dataset, direction, size))

    def _floor_and_ceiling(self, material: Material, names: Sequence[str]) -> None:
        """Keep `identity` (sources untouched) and `real` (train against test of the target) up to date."""
        folder = dataset_folder(self.results, material.dataset)
        target_train: Split = "trainA" if material.target_domain == "A" else "trainB"
        for who in (Who("identity", "identity"), Who("real", "real")):
            if who.run == "real" and not material.dataset.has(target_train):
                continue
            file = folder / who.run / record.FILE
            known = {(r.metric, r.direction, r.protocol_id) for r in record.read(file)}
            new = []
            for name in names:
                if who.run == "real" and (metric(name).needs != "features" or self.wanted.reference == "train"):
                    continue
                identifier = protocol_id(self.wanted.protocol_of(name, material.size))
                if (name, material.direction, identifier) in known:
                    continue
                images = material.sources if who.run == "identity" else _as_many(material)
                new.append(self._score(name, material, images, who, material.sources))
            record.append(file, new)

    def _score(self, name: str, material: Material, outputs: Tensor, who: Who, sources: Tensor) -> ScoreRecord:
        own = metric(name)
        settings = {**own.settings, **self.wanted.settings.get(name, {})}
        if own.needs == "truth":
            score = own.compute(sources, outputs, material.truth, **settings)
            n_real = len(material.truth)
        elif own.needs == "perceptual":
            score = own.compute(sources, outputs, self.wanted.networks.perceptual.distance, **settings)
            n_real = len(sources)
        else:
            references = material.references(self.wanted.reference)
            fake = self._extract((who.run, who.step, material.direction, material.size, "fake"), outputs)
            real = self._extract((str(material.dataset.root), material.target_domain, material.size, "real"), references)
            score = own.compute(fake, real, **settings)
            n_real = len(real)
        if score.warning:
            self.say(score.warning)
        folder = dataset_folder(self.results, material.dataset)
        return make_record(
            name, score, self.wanted, material.size, who, folder.name, material.direction, len(outputs), n_real
        )

    def _extract(self, key: tuple[Any, ...], images: Tensor) -> Tensor:
        if key not in self._features:
            self._features[key] = extract(self.wanted.networks.extractor, images, device=self.wanted.networks.device)
        return self._features[key]


@dataclass(frozen=True)
class Who:
    """Whose score it is: a run's, or `identity` or `real`, which have no variant, seed or step."""

    run: str
    method: str
    variant: str | None = None
    seed: int | None = None
    step: int | None = None


def make_record(
    name: str,
    score: Score,
    wanted: Wanted,
    size: int | str,
    who: Who,
    dataset: str,
    direction: Direction,
    n_fake: int,
    n_real: int,
) -> ScoreRecord:
    """The record of one score with its whole protocol."""
    own = metric(name)
    whole = wanted.protocol_of(name, size)
    return ScoreRecord(
        run=who.run,
        dataset=dataset,
        direction=direction,
        method=who.method,
        variant=who.variant,
        seed=who.seed,
        step=who.step,
        metric=name,
        value=score.value,
        se=score.se,
        low=score.low,
        high=score.high,
        n_fake=n_fake,
        n_real=n_real,
        higher_is_better=own.higher_is_better,
        comparable=own.needs != "features" or wanted.networks.extractor.comparable,
        protocol=whole,
        protocol_id=protocol_id(whole),
    )


def dataset_of(run: Run) -> DataSet:
    """The data set that a run trained on, from where it was then.

    Raises:
        RunError: it is gone.
    """
    root = Path(run.config.dataset.root)
    try:
        return open_dataset(root)
    except UsageError:
        raise RunError(f"run {run.id} was trained on {root}, which is gone; put the data set back there.") from None


def _source_paths(dataset: DataSet, direction: Direction) -> list[Path]:
    paths = dataset.split("testA" if direction == "A2B" else "testB")
    check_stems(paths)
    return paths


def _as_many(material: Material) -> Tensor:
    """Training images of the target, as many as there are sources: FID and the like depend on the number."""
    train = material.train_references
    count = min(len(train), len(material.sources))
    chosen = torch.randperm(len(train), generator=generator_for(0, "real", material.direction))[:count]
    return train[chosen.sort().values]


def folders(
    wanted: Wanted, real: Path, fake: Path, source: Path | None = None, direction: Direction = "A2B"
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, files as they are: no resize but the extractor's.

    Raises:
        DataError: a folder without images, or outputs whose sources cannot be told by their stems.
        UsageError: a metric that needs more than the given folders.
    """
    from ugbench.data.images import list_images

    who = Who("files", fake.name or "files")
    paths = {"real": list_images(real), "fake": list_images(fake)}
    features: dict[str, Tensor] = {}
    for name in wanted.metrics or ("kid", "fid", *(("lpips",) if source else ())):
        own = metric(name)
        settings = {**own.settings, **wanted.settings.get(name, {})}
        if own.needs == "truth":
            raise UsageError(f"--metric {name} needs a dial's known truth; score a run on a dial instead.")
        if own.needs == "perceptual":
            if source is None:
                raise UsageError(f"--metric {name} compares outputs with their sources: add --source DIR.")
            pairs = _pairs(list_images(source), paths["fake"])
            score = own.compute(*pairs, wanted.networks.perceptual.distance, **settings)
            n_real = len(pairs[0])
        else:
            for side, files in paths.items():
                if side not in features:
                    features[side] = _extract_files(wanted.networks, files)
            score = own.compute(features["fake"], features["real"], **settings)
            n_real = len(features["real"])
        yield make_record(name, score, wanted, "as-is", who, real.name, direction, len(paths["fake"]), n_real)


def _extract_files(networks: Networks, files: Sequence[Path]) -> Tensor:
    from ugbench.data.images import read_image, to_tensor

    parts = []
    for start in range(0, len(files), 32):
        images = [to_tensor(read_image(file)) for file in files[start : start + 32]]
        for same in _runs_of_one_shape(images):
            parts.append(extract(networks.extractor, torch.stack(same), device=networks.device))
    return torch.cat(parts)


def _runs_of_one_shape(images: Sequence[Tensor]) -> list[list[Tensor]]:
    groups: list[list[Tensor]] = []
    for image in images:
        if groups and groups[-1][0].shape == image.shape:
            groups[-1].append(image)
        else:
            groups.append([image])
    return groups


def _pairs(sources: Sequence[Path], outputs: Sequence[Path]) -> tuple[Tensor, Tensor]:
    """Sources and outputs of equal stems, at the outputs' size."""
    from ugbench.data.images import read_image

    check_stems(sources)
    check_stems(outputs)
    by_stem = {path.stem: path for path in sources}
    lonely = [path for path in outputs if path.stem not in by_stem]
    if lonely:
        raise DataError(f"{lonely[0]} has no source of the same stem in {sources[0].parent}; rename or remove it.")
    size = read_image(outputs[0]).size
    if size[0] != size[1]:
        raise UgbenchError(f"{outputs[0]} is {size[0]} x {size[1]}; lpips needs square outputs.")
    chosen = [by_stem[path.stem] for path in outputs]
    return load_images(chosen, size[0]), load_images(outputs, size[0])
