"""A run in Python: what it is, how far it is, and its translations and scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugbench.api.arguments import WeightFiles
from ugbench.api.images import ImageLike, Images
from ugbench.api.shown import shown
from ugbench.api.wording import with_argument_names
from ugbench.direction import Direction
from ugbench.runs.run import Run as StoredRun
from ugbench.runs.state import RunState, state_of

if TYPE_CHECKING:
    import pandas
    from PIL import Image


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A run: a folder under results with a trained or imported model.

    `ugbench.train`, `ugbench.load_run` and `ugbench.list_runs` return runs. Nothing is kept in memory: each property
    reads the folder, so that it is up to date while another process trains the run.

    Attributes:
        stored: the run as the other packages use it, with all its paths.
    """

    stored: StoredRun

    @property
    def id(self) -> str:
        """Twelve hex digits of a hash over everything that decides the run's numbers."""
        return self.stored.id

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.stored.path

    @property
    def method(self) -> str:
        """The method's name; for outputs of another tool the name that they were imported under."""
        return self.stored.config.known_as

    @property
    def variant(self) -> str | None:
        """The method's variant; None for the method itself."""
        return self.stored.config.variant

    @property
    def dataset(self) -> str:
        """The name of the data set's folder under results, as scores and tables name it."""
        return self.stored.dataset_folder.name

    @property
    def seed(self) -> int | None:
        """The seed; None for an imported run."""
        return self.stored.config.seed

    @property
    def config(self) -> dict[str, Any]:
        """The method's config: every field by name, defaults included."""
        return dict(self.stored.config.config)

    @property
    def step(self) -> int:
        """Steps done at the last checkpoint; 0 before the first one, and for an imported run."""
        return self.stored.step()

    @property
    def steps(self) -> int:
        """Steps to train in all; 0 for an imported run."""
        return self.stored.steps

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that the run translates."""
        return self.stored.directions()

    @property
    def state(self) -> RunState:
        """How far the run is: status, reason of a failure, last logged step, seconds left and bytes on the disk."""
        return state_of(self.stored)

    @property
    def status(self) -> str:
        """One of: new, running, stopped, failed, done, imported, not installed."""
        return self.state.status

    @with_argument_names
    def log(self) -> pandas.DataFrame:
        """The losses, learning rates and other scalars of the training: a row for each logged step.

        Raises:
            RunError: a line of metrics.jsonl is damaged.
        """
        import pandas

        from ugbench.runs.training_log import read_curves

        curves = read_curves(self.stored)
        columns = {name: pandas.Series(curve.values, curve.steps.astype(int)) for name, curve in curves.items()}
        return pandas.DataFrame(columns).rename_axis("step").reset_index()

    @with_argument_names
    def scores(self) -> pandas.DataFrame:
        """The stored scores of the run, the newest for each metric, direction, protocol and step; computes nothing.

        Returns:
            A row for each score, with the columns of `evaluate`; no rows if the run was never scored.
        Raises:
            RunError: a line of scores.jsonl is damaged.
        """
        from ugbench.api.frames import frame_of
        from ugbench.scoring import record

        newest = {(r.metric, r.direction, r.protocol_id, r.step): r for r in record.read(self.stored.scores_file)}
        return frame_of(list(newest.values()))

    @with_argument_names
    def translate(
        self,
        images: Images,
        direction: Direction = "A2B",
        attention: bool = False,
        *,
        keep_size: bool = False,
        native_size: bool = False,
        samples: int = 1,
        seed: int | None = None,
        style: ImageLike | None = None,
        step: int | None = None,
        batch_size: int = 8,
        device: str = "auto",
        precision: str = "auto",
        progress: bool = True,
    ) -> list[Image.Image]:
        """Translate images, as `ugbench translate` does. Each is fitted to the run's size, as its config says.

        Args:
            images: an image or a sequence of images: paths of files, Pillow images, uint8 arrays (h, w, 3) or uint8
                tensors (3, h, w). The path of a folder stands for its images, sorted by name.
            direction: "A2B" or "B2A".
            attention: also make attention maps, drawn over the inputs. They are in the `info` of each output:
                `output.info["attention"]` is a dictionary of RGB images by the name of the map, the main one first.
            keep_size: resize each output to the size of its input, or of the part of it that a run with `crop` takes.
            native_size: translate each image at its own size, one at a time, if the networks take any size.
            samples: outputs for each image, 1 or more, if the method has several.
            seed: of the styles that are drawn, if the method has a style; 0 or more, None is 0.
            style: an image of the target domain whose style all outputs get, in any of the forms of `images`.
            step: of a stored checkpoint; None is the last one.
            batch_size: images that are translated at once, 1 or more.
            device: auto, cpu, cuda, cuda:N or mps; several, as in "cuda:0,cuda:1", share the images.
            precision: auto (that of the training), fp32, bf16 or fp16.
            progress: print messages and progress.
        Returns:
            An RGB image for each input, in order; with `samples`, as many for each input, one after the other. A
            method with a style draws a style for each image and sample, by their places.
        Raises:
            UsageError: no image was given, or one in another form; the run does not translate in this direction, has
                no attention maps, has no style or translates images of one size only; or arguments exclude each other.
            DataError: a file cannot be read.
            RunError: nothing was saved yet, or there is no such checkpoint.
            UgbenchError: a translation is NaN or infinite.
        """
        from ugbench.api.translation import translate

        return translate(
            self.stored,
            images,
            direction,
            attention,
            keep_size=keep_size,
            native_size=native_size,
            samples=samples,
            seed=seed,
            style=style,
            step=step,
            batch_size=batch_size,
            device=device,
            precision=precision,
            progress=progress,
        )

    @with_argument_names
    def evaluate(
        self,
        metrics: str | Iterable[str] | None = None,
        *,
        extractor: str = "inception",
        weights: WeightFiles | None = None,
        lpips_net: str = "alex",
        protocol: str | None = None,
        device: str = "auto",
        progress: bool = True,
    ) -> pandas.DataFrame:
        """Score the run on the test images of its data set, in each direction, as `ugbench eval RUN` does.

        Stored scores are not computed again. New ones are stored in the run, and those of the rows `identity` and
        `real` beside it.

        Args:
            metrics: names of metrics, as ["kid", "lpips"]; None for all that the data set allows.
            extractor: network for image features: inception, alexnet, squeezenet, dinov2, clip or random.
            weights: files of weights by the names of networks, as {"inception": "inception.pth"}; `ugbench doctor`
                lists the names.
            lpips_net: backbone of LPIPS: alex, squeeze or vgg.
            protocol: target (the default), train-reference, authors2019, torch-fidelity or clean.
            device: auto, cpu, cuda, cuda:N or mps; several, as in "cuda:0,cuda:1", share the images.
            progress: print messages and progress.
        Returns:
            A row for each metric and direction, with the field names of a score record as columns: `value` (raw),
            `se`, `low` and `high` (of the 95 % interval), `n_fake`, `n_real`, `protocol` and others.
        Raises:
            RunError: the run has saved nothing, or its data set is gone.
            WeightsError: a metric needs weights, and no file of them was given.
            NoSuchScore: the data set can have none of the metrics.
            UsageError: an unknown name, too few images, or an image that cannot be read.
        """
        from ugbench.analysis.paired_runs import store_due_differences
        from ugbench.api.frames import frame_of
        from ugbench.api.requests import make_request, warn_of_unwritten
        from ugbench.runs.run import list_runs as list_stored_runs
        from ugbench.scoring.evaluate import Evaluation

        output = shown(progress)
        request = make_request(metrics, extractor, weights, lpips_net, protocol, device, output.log)
        evaluation = Evaluation(request, self.stored.results, output.log)
        with output.bar("scoring") as bar:
            evaluation.progress = lambda _title: bar
            records = evaluation.run(self.stored)
        store_due_differences(evaluation, records, list_stored_runs(self.stored.results))
        warn_of_unwritten(evaluation.unwritten)
        return frame_of(records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.path.absolute() == other.path.absolute()

    def __hash__(self) -> int:
        return hash(self.path.absolute())

    def __repr__(self) -> str:
        label = self.stored.config.label
        return f"<Run {self.id}: {label} on {self.dataset}, step {self.step} of {self.steps}, {self.status}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: facts, scores and the newest sample grid."""
        from ugbench.api.run_html import run_html

        return run_html(self.stored)
