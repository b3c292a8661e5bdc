"""What `ugbench eval` does with runs: computes only what is missing, and keeps `identity` and `real` up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.images import Size
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.errors import NoSuchScore, RunError, UsageError
from ugbench.inference.test_set import make_maps, make_outputs
from ugbench.metric import PAIRED, Score
from ugbench.runs import stored_maps, stored_outputs
from ugbench.runs.folder import reference_scores_file
from ugbench.runs.run import Run, dataset_folder, dataset_of
from ugbench.runs.stored_outputs import Outputs, outputs_of
from ugbench.scoring import per_image, record
from ugbench.scoring.features import features_of
from ugbench.scoring.image_set import Pictures
from ugbench.scoring.inputs import Material
from ugbench.scoring.networks.perceptual import pair_distances
from ugbench.scoring.per_image import Single
from ugbench.scoring.protocol import protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import Wanted, Who, make_record, metric


def metrics_for(wanted: Wanted, dataset: DataSet) -> tuple[str, ...]:
    """Of the metrics that were asked for, or of all, those that the protocol and the data set allow.

    LPIPS is among all of them where there are weights for it.

    Raises:
        UnknownName: no such metric.
        UsageError: a metric that is not the protocol's.
        NoSuchScore: the data set can have none of those that were asked for; says why of the first.
    """
    named = wanted.protocol
    lpips = ("lpips",) if wanted.networks.has_perceptual else ()
    chosen = wanted.metrics or named.metrics or ("kid", "fid", *lpips, *_truth_scores(dataset))
    for name in chosen:
        if named.features_only and metric(name).needs != "features":
            raise UsageError(f"--metric {name}: protocol {named.name} is of metrics on features; leave one out.")
    fitting = tuple(name for name in chosen if why_none(name, dataset) is None)
    if not fitting:
        raise NoSuchScore(chosen[0], str(why_none(chosen[0], dataset)))
    return fitting


def why_none(name: str, dataset: DataSet) -> str | None:
    """Why a data set can have no score of a metric; None where it can."""
    if metric(name).needs in ("truth", "attention") and dataset.dial is None:
        return f"the true translation of {dataset.name} is not known, only a dial's is"
    if metric(name).of_change and dataset.dial is not None and dataset.dial.shape == dataset.dial.texture == 0:
        return f"the domains of {dataset.name} are alike, so nothing is to change"
    return None


def _truth_scores(dataset: DataSet) -> tuple[str, ...]:
    if dataset.dial is None:
        return ()
    return ("changed", "unchanged", "iou")


def _are_made(run: Run, direction: Direction, outputs: Outputs, with_maps: bool) -> bool:
    """Whether all outputs of the run's last step lie there, and its heat maps if they are to."""
    if not stored_outputs.are_stored(run, direction, outputs):
        return False
    return not with_maps or run.config.is_external or stored_maps.maps_step(run, direction) == run.step()


@dataclass
class Evaluation:
    """One call of eval: features and data sets' folders are found once for all runs of the call."""

    wanted: Wanted
    results: Path
    say: Callable[[str], None] = lambda _text: None
    progress: Callable[[str], Callable[[int, int], None]] | None = None
    _features: dict[tuple[Any, ...], Tensor] = field(default_factory=dict)
    _folders: dict[str, Path] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def run(self, run: Run, step: int | None = None) -> list[ScoreRecord]:
        """Every wanted score of a run, from its scores.jsonl where it is there, else computed and added.

        Also brings `identity` and `real` of its data set up to date. Where that is the step asked for, the
        outputs of the last step, and its heat maps if a metric of them is wanted, are there afterwards even if the
        scores were known.

        Args:
            step: of a kept checkpoint; None is the last.
        Raises:
            RunError: the run has saved nothing, or its data set is no longer where it was.
            NoSuchScore: its data set, or a run without heat maps, can have none of the metrics.
        """
        if not run.step() and run.config.origin is None:
            raise RunError(f"{run.path} has no checkpoint yet; train it before you score it.")
        dataset = dataset_of(run)
        names = metrics_for(self.wanted, dataset)
        for name in self.wanted.metrics:
            if name not in names:
                self._say_once(f"no {name}: {why_none(name, dataset)}.")
        if not self.wanted.metrics and not self.wanted.protocol.metrics and "lpips" not in names:
            self._say_once("no lpips: no weights for it were given; `ugbench doctor` says where they are from.")
        seeing = any(metric(name).needs == "attention" for name in names)
        records = []
        for direction in run.directions():
            outputs = outputs_of(run, dataset, direction, step)
            material = Material(dataset, direction, outputs.size)
            found, missing = self._known(run, names, direction, outputs)
            if missing or (step in (None, run.step()) and not _are_made(run, direction, outputs, seeing)):
                # Held until the scores are written: another call could make outputs of another step meanwhile.
                with self._outputs_of_our_own(run):
                    found, missing = self._known(run, names, direction, outputs)
                    try:
                        found += self._add(run, missing, material, outputs, seeing)
                    except UsageError as error:
                        if missing:
                            raise
                        self.say(f"outputs {direction} of run {run.id} could not be made again: {error}")
            records += found
            self._floor_and_ceiling(material, names, outputs.format)
        if not records:
            raise NoSuchScore(names[0], f"run {run.id} ({run.config.label}) has no heat maps")
        return sorted(records, key=lambda r: (r.direction, names.index(r.metric)))

    def runs(self, wanted: Iterable[tuple[Run, Iterable[int | None]]]) -> list[ScoreRecord]:
        """The scores of several runs at several steps each, as `run` makes them.

        A run that can have none of the metrics is left out, which is said.

        Raises:
            NoSuchScore: every run is.
        """
        records, refused = [], None
        for run, steps in wanted:
            try:
                for step in steps:
                    records += self.run(run, step)
            except NoSuchScore as error:
                refused = refused or error
                self._say_once(f"no {error.metric}: {error.reason}.")
        if refused is not None and not records:
            raise refused
        return records

    def _known(
        self, run: Run, names: Sequence[str], direction: Direction, outputs: Outputs
    ) -> tuple[list[ScoreRecord], list[str]]:
        """The records that a run has of these metrics, and the metrics of which it has none."""
        known = {
            (r.metric, r.protocol_id): r
            for r in record.read(run.scores_file)
            if (r.direction, r.step) == (direction, outputs.step)
        }
        ids = {name: protocol_id(self.wanted.protocol_of(name, outputs.size, outputs.format)) for name in names}
        missing = [name for name in names if (name, ids[name]) not in known]
        return [known[name, ids[name]] for name in names if name not in missing], missing

    @contextmanager
    def _outputs_of_our_own(self, run: Run) -> Iterator[None]:
        """No other call makes outputs of this run meanwhile; says so where it has to wait for one."""
        lock = run.outputs_lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.say(f"waiting for another command that is at the outputs of run {run.id}.")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _add(
        self, run: Run, names: Sequence[str], material: Material, outputs: Outputs, seeing: bool
    ) -> list[ScoreRecord]:
        """Make outputs, and heat maps where `seeing`; compute these metrics from them, and keep their records."""
        config, direction, device = run.config, material.direction, self.wanted.networks.device
        tick = self.progress(f"{run.id} {direction}") if self.progress else None
        make_outputs(run, material.dataset, direction, device, outputs.step, tick)
        maps = make_maps(run, material.dataset, direction, device, outputs.step).maps if seeing else {}
        heat = next(iter(maps.values()), None)
        blind = [name for name in names if metric(name).needs == "attention" and heat is None]
        if blind and len(blind) < len(names):
            self.say(f"no {' or '.join(blind)} for run {run.id} ({config.label}) {direction}: it has no heat maps.")
        names = [name for name in names if name not in blind]
        who = Who(run.id, config.known_as, config.variant, config.seed, outputs.step, config.name)
        new = []
        for name in names:
            score, count = self._score(name, material, outputs, heat)
            new.append(self._record(name, score, count, material, outputs, who))
            if score.each is not None:
                values = {file.stem: value for file, value in zip(outputs.sources, score.each, strict=True)}
                own = Single(metric=name, protocol_id=new[-1].protocol_id, values=values)
                per_image.keep(run, direction, outputs.step, own)
        record.append(run.scores_file, new)
        return new

    def folder(self, dataset: DataSet) -> Path:
        """Where the data set's scores go; finding it reads every image, so it is found once a call."""
        key = str(dataset.root)
        if key not in self._folders:
            self._folders[key] = dataset_folder(self.results, dataset)
        return self._folders[key]

    def _floor_and_ceiling(self, material: Material, names: Sequence[str], format: str) -> None:
        """Keep `identity` (sources untouched) and `real` (train against test of the target) up to date."""
        folder = self.folder(material.dataset)
        for who in (Who("identity", "identity"), Who("real", "real")):
            if who.run == "real" and not material.has_training_images:
                continue
            file = reference_scores_file(folder, who.run)
            known = {(r.metric, r.direction, r.protocol_id) for r in record.read(file)}
            new = []
            for name in names:
                if metric(name).needs == "attention":
                    continue  # images alone attend to nothing
                if who.run == "real" and (
                    metric(name).needs not in ("features", "images") or self.wanted.protocol.reference == "train"
                ):
                    continue
                identifier = protocol_id(self.wanted.protocol_of(name, material.size, format))
                if (name, material.direction, identifier) in known:
                    continue
                files = material.sources if who.run == "identity" else material.as_many_training_images
                outputs = Outputs(material.sources, files, material.size, format, None)
                try:
                    score, count = self._score(name, material, outputs)
                    new.append(self._record(name, score, count, material, outputs, who))
                except UsageError as error:
                    # The row beside a run's score must not stop the score; what it lacks is said.
                    self.say(f"no {name} for the row {who.run}: {error}")
            record.append(file, new)

    def _score(self, name: str, material: Material, outputs: Outputs, heat: Tensor | None = None) -> tuple[Score, int]:
        """A score, and how many references it is against."""
        own = metric(name)
        networks = self.wanted.networks
        settings = {**own.settings, **self.wanted.settings_of(name)}
        size = material.size
        if own.needs == "truth":
            truth = material.truth(outputs.sources)
            images = (load_images(files, size) for files in (outputs.sources, outputs.files))
            score = own.compute(*images, truth, **settings)
            n_real = len(truth)
        elif own.needs == "attention":
            truth = material.truth(outputs.sources)
            score = own.compute(heat, load_images(outputs.sources, size), truth, **settings)
            n_real = len(truth)
        elif own.needs in PAIRED:
            distances = pair_distances(networks.between(own.needs), outputs.sources, outputs.files, size)
            score = own.compute(distances, **settings)
            n_real = len(outputs.sources)
        elif own.needs == "images":
            references = material.references(self.wanted.protocol.reference)
            own_sources = {"source": Pictures(outputs.sources, size)} if own.with_sources else {}
            score = own.compute(Pictures(outputs.files, size), Pictures(references, size), **own_sources, **settings)
            n_real = len(references)
        else:
            fake, real = self.features(outputs.files, size), self.references(material.dataset, material.direction, size)
            extra = {"source": self.features(outputs.sources, size)} if own.with_sources else {}
            score = own.compute(fake, real, **extra, **settings)
            n_real = len(real)
        if score.warning:
            self._say_once(score.warning)
        return score, n_real

    def _record(
        self, name: str, score: Score, n_real: int, material: Material, outputs: Outputs, who: Who
    ) -> ScoreRecord:
        where = (self.folder(material.dataset).name, material.direction)
        counts = (len(outputs.files), n_real)
        return make_record(name, score, self.wanted, (material.size, outputs.format), who, where, counts)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def references(self, dataset: DataSet, direction: Direction, size: Size) -> Tensor:
        """Features (m, d) of what outputs of a direction are held against."""
        return self.features(Material(dataset, direction, size).references(self.wanted.protocol.reference), size)

    def features(self, files: Sequence[Path], size: Size) -> Tensor:
        """Features (n, dim) of image files under the wanted protocol; once a call for each list of files."""
        extractor = self.wanted.networks.extractor
        stages = self.wanted.stages(size)
        key = (tuple(files), stages, tuple(file.stat().st_mtime_ns for file in files))
        if key not in self._features:
            self._features[key] = features_of(files, stages, extractor, self.wanted.networks.device, self.wanted.cache)
        return self._features[key]
