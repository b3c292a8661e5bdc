"""What `ugbench eval` does with runs: computes only what is missing, and keeps `identity` and `real` up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ugbench.data.datasets import DataSet, Split
from ugbench.data.images import load_images
from ugbench.errors import RunError, UsageError
from ugbench.method import Direction
from ugbench.outputs import check_stems, keep_outputs
from ugbench.scoring import record
from ugbench.scoring.extractors import extract
from ugbench.scoring.material import Material
from ugbench.scoring.protocol import protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.wanted import Wanted, Who, make_record, metric
from ugbench.train.run import Run, dataset_folder, dataset_of


def metrics_for(names: Sequence[str], dataset: DataSet) -> tuple[str, ...]:
    """`names`, or where it is empty every metric that the data set allows: truth scores need known truth.

    Raises:
        UnknownName: no such metric.
        UsageError: a truth score on data whose truth is not known.
    """
    chosen = tuple(names) or ("kid", "fid", "lpips", *_truth_scores(dataset))
    for name in chosen:
        if metric(name).needs == "truth" and dataset.dial is None:
            raise UsageError(f"--metric {name}: the true translation of {dataset.name} is not known, only a dial's is.")
    return chosen


def _truth_scores(dataset: DataSet) -> tuple[str, ...]:
    if dataset.dial is None:
        return ()
    # Where A and B look alike nothing is to change, and an error over nothing is no number.
    alike = dataset.dial.shape == dataset.dial.texture == 0
    return ("unchanged", "iou") if alike else ("changed", "unchanged", "iou")


@dataclass
class Evaluation:
    """One call of eval: references and their features are read once for all runs of the call."""

    wanted: Wanted
    results: Path
    say: Callable[[str], None] = lambda _text: None
    progress: Callable[[str], Callable[[int, int], None]] | None = None
    _materials: dict[tuple[str, Direction, int], Material] = field(default_factory=dict)
    _features: dict[tuple[Any, ...], Tensor] = field(default_factory=dict)
    _folders: dict[str, Path] = field(default_factory=dict)

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
            known = {
                (r.metric, r.protocol_id): r for r in record.read(file) if (r.direction, r.step) == (direction, at)
            }
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

    def _folder(self, dataset: DataSet) -> Path:
        """Where the data set's scores go; finding it reads every image, so it is found once a call."""
        key = str(dataset.root)
        if key not in self._folders:
            self._folders[key] = dataset_folder(self.results, dataset)
        return self._folders[key]

    def _floor_and_ceiling(self, material: Material, names: Sequence[str]) -> None:
        """Keep `identity` (sources untouched) and `real` (train against test of the target) up to date."""
        folder = self._folder(material.dataset)
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
                images = material.sources if who.run == "identity" else material.as_many_training_images
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
            where = (str(material.dataset.root), material.size)
            fake = self._extract((*where, material.direction, who.run, who.step), outputs)
            real = self._extract((*where, material.target_domain), references)
            score = own.compute(fake, real, **settings)
            n_real = len(real)
        if score.warning:
            self.say(score.warning)
        folder = self._folder(material.dataset)
        return make_record(
            name,
            score,
            self.wanted,
            material.size,
            who,
            folder.name,
            material.direction,
            len(outputs),
            n_real,
        )

    def _extract(self, key: tuple[Any, ...], images: Tensor) -> Tensor:
        if key not in self._features:
            self._features[key] = extract(self.wanted.networks.extractor, images, device=self.wanted.networks.device)
        return self._features[key]


def _source_paths(dataset: DataSet, direction: Direction) -> list[Path]:
    paths = dataset.split("testA" if direction == "A2B" else "testB")
    check_stems(paths)
    return paths
