"""What `ugbench eval` does with runs: it computes only the scores that are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.folders import describe_splits
from ugbench.direction import Direction
from ugbench.errors import DataError, DiskErrors, NoSuchScore, RunError, UsageError
from ugbench.image_size import Size
from ugbench.inference.test_set import make_maps, make_outputs
from ugbench.metric import Score
from ugbench.registry import load_metric
from ugbench.runs import stored_outputs
from ugbench.runs.dataset_folder import remember_contents
from ugbench.runs.folder import reference_scores_file
from ugbench.runs.method_sources import changed_method
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import Outputs, are_stored, outputs_of
from ugbench.scoring import per_image, record, run_inputs
from ugbench.scoring.compute import compute_score, make_record
from ugbench.scoring.copies import Copies, count_copies, describe_copies
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.features import FeatureReader
from ugbench.scoring.inputs import requirements
from ugbench.scoring.known_records import is_of, newest_records
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import IDENTITY, REAL, EvalRequest, Subject, can_have, metrics_for, no_lpips, why_no_score
from ugbench.scoring.scored_images import ScoredImages
from ugbench.scoring.scored_outputs import rows_of, scored_outputs


@dataclass
class Evaluation:
    """One call of eval: features of files are computed once for all its runs.

    Attributes:
        results: the results folder.
        log: receives messages for the user.
        progress: makes a callback (images done, number of images) for a title.
        unwritten: what could not be written so far. Scores that were computed are returned all the same.
    """

    request: EvalRequest
    results: Path
    log: Callable[[str], None] = lambda _text: None
    progress: Callable[[str], Callable[[int, int], None]] | None = None
    unwritten: DiskErrors = field(default_factory=DiskErrors)
    _logged: set[str] = field(default_factory=set)
    _eval_sets: dict[tuple[object, ...], EvalSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._reader: FeatureReader = self.request.feature_reader()

    def run(self, run: Run, step: int | None = None) -> list[ScoreRecord]:
        """All requested scores of a run: read from its scores.jsonl where they exist, else computed and appended.

        Also brings `identity` and `real` of its data set up to date. If the step is the run's last one, its outputs
        exist afterwards even if all scores were known, and so do its attention maps if a metric uses them.

        Args:
            step: of a stored checkpoint; None is the last.
        Raises:
            RunError: the run has saved no checkpoint, it is damaged, or its data set is no longer where it was.
            StaleOutputs: its outputs were imported, and made from other images than those of the data set now.
            NoSuchScore: its data set, or a run without attention maps or styles, can have none of the metrics.
            DataError: a metric compares with the truth, and the test images are no pairs although that is stated.
            DiskError: its outputs could not be written, so that it has no score; see also `unwritten`.
        """
        if not run.step() and run.config.origin is None:
            raise RunError(f"{run.path} has no checkpoint that can be used; train it before you score it.")
        if (sentence := changed_method(run)) is not None:
            self.log_once(sentence)
        dataset = dataset_of(run)
        names = self._metrics_of(run, dataset)
        for sentence in describe_splits(dataset):
            self.log_once(sentence)
        with_maps = any(run_inputs.uses_map(name) for name in names)
        records = []
        for direction in run.directions():
            # First: of images with other names no imported output can be found, and the error would not say why.
            stored_outputs.check_imported(run, direction, dataset)
            outputs = outputs_of(run, dataset, direction, step)
            eval_set = self.eval_set(dataset, direction, outputs.transform)
            for sentence in eval_set.describe_left_out(self.request.protocol.reference):
                self.log_once(sentence)
            if any("truth" in requirements(load_metric(name)) for name in names):
                eval_set.check_pairs()  # before outputs are made, which can take long
            known, missing = self._known(run, names, eval_set, outputs)
            if missing or (step in (None, run.step()) and not run_inputs.are_made(run, eval_set, outputs, with_maps)):
                # The lock is held until the scores are written: else another call could make outputs of another step.
                with self.unwritten.keep(), run_inputs.locked_outputs(run, self.log):
                    try:
                        known = self._complete(run, names, eval_set, outputs, with_maps)
                    except UsageError as error:
                        known, missing = self._known(run, names, eval_set, outputs)
                        if missing:
                            raise
                        self.log(f"outputs {direction} of run {run.id} could not be made again: {error}")
            records += self._with_copies(run, known, eval_set, outputs)
            self._floor_and_ceiling(run.dataset_folder, eval_set, names, outputs.format)
        with self.unwritten.keep():
            remember_contents(run.dataset_folder, dataset)
        if not records and self.unwritten.errors:
            raise self.unwritten.errors.pop()
        if not records:
            raise NoSuchScore(names[0], f"run {run.id} ({run.config.label}) has no attention maps")
        return sorted(records, key=lambda r: (r.direction, names.index(r.metric)))

    def eval_set(self, dataset: DataSet, direction: Direction, transform: Size | Transform) -> EvalSet:
        """The images that scores use in one direction; near-duplicates among them are looked for once per call."""
        key = (dataset.root, direction, transform)
        if key not in self._eval_sets:
            self._eval_sets[key] = self.request.eval_set(dataset, direction, transform)
        return self._eval_sets[key]

    def features(self, files: Sequence[Path], transform: Size | Transform) -> Tensor:
        """Features (n, dim) of image files under the requested protocol; each list of files is read once per call."""
        return self._reader.read(files, transform)

    def references(self, dataset: DataSet, direction: Direction, transform: Size | Transform) -> Tensor:
        """Features (m, dim) of the images that outputs of a direction are compared with."""
        eval_set = self.eval_set(dataset, direction, transform)
        return self.features(eval_set.references(self.request.protocol.reference).scored, transform)

    def _known(
        self, run: Run, names: Sequence[str], eval_set: EvalSet, outputs: Outputs
    ) -> tuple[list[ScoreRecord], list[str]]:
        """The stored records of these metrics, and the metrics without a record.

        Only the newest record of a protocol and step counts, and only if it was computed from the images that are there
        now, with as many styles for each image as now. Outputs of another step than the stored ones cannot be compared.
        """
        codes = stored_outputs.codes_per_image(run)
        images = self._images_of(outputs, eval_set)
        compared = are_stored(run, eval_set.dataset, eval_set.direction, outputs)
        newest = newest_records(run.scores_file, self.request, names, eval_set, outputs.step, outputs.format)
        stored = {
            name: r
            for name, r in newest.items()
            if is_of(r, images)
            and codes in (None, r.codes_per_image)
            and (not compared or r.outputs == images.outputs_hash)
        }
        return [stored[name] for name in names if name in stored], [name for name in names if name not in stored]

    def _with_copies(
        self, run: Run, known: Sequence[ScoreRecord], eval_set: EvalSet, outputs: Outputs
    ) -> list[ScoreRecord]:
        """The records; those of an older version get the number of copies, and are stored once more."""
        old = [r for r in known if r.copies is None]
        if not old or not are_stored(run, eval_set.dataset, eval_set.direction, outputs):
            return list(known)
        copies = self._images_of(outputs, eval_set).copies
        self._log_copies(run, eval_set.direction, copies)
        completed = {r.metric: r.model_copy(update={"copies": count_copies(copies)}) for r in old}
        with self.unwritten.keep():
            record.append(run.scores_file, completed.values())
        return [completed.get(r.metric, r) for r in known]

    def _log_copies(self, run: Run, direction: Direction, copies: Copies) -> None:
        for sentence in describe_copies(copies):
            self.log_once(f"run {run.id} ({run.config.label}) {direction}: {sentence}")

    def _complete(
        self, run: Run, names: Sequence[str], eval_set: EvalSet, outputs: Outputs, with_maps: bool
    ) -> list[ScoreRecord]:
        """All records, after making the outputs, and attention maps if `with_maps`, and scoring what is missing.

        A metric that nobody named, and that fails, is left out with a message if there is any other score.
        """
        direction, networks = eval_set.direction, self.request.networks
        known, missing = self._known(run, names, eval_set, outputs)
        if not missing and run_inputs.are_made(run, eval_set, outputs, with_maps):
            return known  # another call has made them meanwhile
        on_step = self.progress(f"{run.id} {direction}") if self.progress else None
        make_outputs(run, eval_set.dataset, direction, networks.device, outputs.step, on_step, networks.further)
        maps = make_maps(run, eval_set.dataset, direction, networks.device, outputs.step).maps if with_maps else {}
        known, missing = self._known(run, names, eval_set, outputs)
        images, config = self._images_of(outputs, eval_set), run.config
        if maps:
            rows = rows_of(outputs, images.given_sources)
            images = replace(images, attention_map=next(iter(maps.values()))[rows])
        without_map = [name for name in missing if run_inputs.uses_map(name) and images.attention_map is None]
        if without_map and len(without_map) < len(missing):
            label = config.label
            self.log(f"no {' or '.join(without_map)} for run {run.id} ({label}) {direction}: it has no attention maps.")
        codes = stored_outputs.codes_per_image(run)
        subject = Subject(run.id, config.known_as, config.variant, config.seed, outputs.step, config.name, codes)
        wanted = [name for name in missing if name not in without_map]
        new_records, failures = self._score_each(run, wanted, images, subject, eval_set, on_step)
        if failures and not (known or new_records):
            raise next(iter(failures.values()))
        for name, failure in failures.items():
            self.log(f"no {name} for run {run.id} ({config.label}) {direction}: {failure}")
        if new_records:
            self._log_copies(run, direction, images.copies)
        return known + new_records

    def _score_each(
        self,
        run: Run,
        names: Sequence[str],
        images: ScoredImages,
        subject: Subject,
        eval_set: EvalSet,
        on_step: Callable[[int, int], None] | None,
    ) -> tuple[list[ScoreRecord], dict[str, UsageError]]:
        """Score a run by each of these metrics, and store each score at once, because a later metric may end the call.

        Returns:
            The records, and the errors of the metrics that nobody named and that fail, by metric.
        """
        records, failures = [], {}
        for name in names:
            try:
                if run_inputs.uses_samples(name):
                    images = run_inputs.with_samples(images, name, self.request, run, eval_set, subject.step, on_step)
                score, score_record = self._score(name, images, subject, eval_set, run.dataset_folder.name)
            except UsageError as error:
                if name in (*self.request.metrics, *self.request.protocol.metrics):
                    raise
                failures[name] = error
                continue
            records.append(score_record)
            if score.each is not None:
                values = {file.stem: value for file, value in zip(images.given_sources, score.each, strict=True)}
                with self.unwritten.keep():
                    per_image.store(run, eval_set.direction, subject.step, per_image.of_score(score_record, values))
            with self.unwritten.keep():
                record.append(run.scores_file, [score_record])
        return records, failures

    def _metrics_of(self, run: Run, dataset: DataSet) -> tuple[str, ...]:
        """The metrics that the run can have; logs which of the requested ones it cannot have.

        Raises:
            NoSuchScore: it can have none.
        """
        names = metrics_for(self.request, dataset)
        self._log_missing_metrics(names, dataset)
        left_out = run_inputs.without_style(run, names)
        reason = f"run {run.id} ({run.config.label}): {run_inputs.ONE_OUTPUT}"
        if left_out == names:
            raise NoSuchScore(names[0], reason)
        if left_out:
            self.log_once(f"no {' or '.join(left_out)} for {reason}.")
        return tuple(name for name in names if name not in left_out)

    def _floor_and_ceiling(self, folder: Path, eval_set: EvalSet, names: Sequence[str], format: str) -> None:
        """Bring the scores of `identity` (untouched sources) and `real` (training images of the target) up to date."""
        for subject in (IDENTITY, REAL):
            if subject is REAL and not eval_set.has_training_images:
                continue
            file = reference_scores_file(folder, subject.run)
            sources = eval_set.source_set.scored
            try:
                files = sources if subject is IDENTITY else eval_set.as_many_training_images
            except DataError as error:
                self.log_once(f"no scores for the row {subject.run}: {error}")
                continue
            images = self._images(eval_set, sources, files, format)
            newest = newest_records(file, self.request, names, eval_set, None, format)
            new_records = []
            for name in [name for name in names if can_have(subject, name, self.request.protocol)]:
                try:
                    if name in newest and is_of(newest[name], images) and newest[name].outputs == images.outputs_hash:
                        continue
                    new_records.append(self._score(name, images, subject, eval_set, folder.name)[1])
                except UsageError as error:
                    # The scores of the run must not depend on these rows, so an error here is only reported.
                    self.log(f"no {name} for the row {subject.run}: {error}")
            with self.unwritten.keep():
                record.append(file, new_records)

    def _images_of(self, outputs: Outputs, eval_set: EvalSet) -> ScoredImages:
        scored = scored_outputs(outputs, eval_set)
        return self._images(eval_set, scored.sources, scored.files, scored.format)

    def _images(self, eval_set: EvalSet, sources: Sequence[Path], outputs: Sequence[Path], format: str) -> ScoredImages:
        references = partial(eval_set.references, self.request.protocol.reference)
        return ScoredImages(outputs, sources, references, eval_set.transform, format, self._reader, eval_set)

    def _score(
        self, metric_name: str, images: ScoredImages, subject: Subject, eval_set: EvalSet, dataset: str
    ) -> tuple[Score, ScoreRecord]:
        score = compute_score(metric_name, self.request, images)
        if score.warning:
            self.log_once(score.warning)
        return score, make_record(metric_name, score, self.request, images, subject, dataset, eval_set.direction)

    def _log_missing_metrics(self, names: Sequence[str], dataset: DataSet) -> None:
        for name in self.request.metrics:
            if name not in names:
                self.log_once(f"no {name}: {why_no_score(name, dataset)}.")
        if not self.request.metrics and not self.request.protocol.metrics and "lpips" not in names:
            self.log_once(no_lpips(self.request.networks))

    def log_once(self, text: str) -> None:
        """Log a sentence, unless this call of eval has logged it already."""
        if text not in self._logged:
            self._logged.add(text)
            self.log(text)
