"""Where the learnt rhos ended: one line per run and direction in results/<dataset>/rho.jsonl."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from benchmarks.dial_study.design import ARMS, METHOD, RHO_SCALARS, Setting
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs import jsonl
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.training_log import read_curves

FILE = "rho.jsonl"


class RhoRecord(BaseModel):
    """The rho of one run at its last step, in the generator of one direction.

    Attributes:
        dataset: name of the data set's folder under the results; `shape` and `texture` are the settings of its dial.
        start: where rho started.
        layers: mean over the channels, by the name of the logged scalar; `value` is the mean over the layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    dataset: str
    shape: float
    texture: float
    direction: Direction
    method: str
    variant: str
    seed: int
    step: int
    start: float
    value: float
    layers: dict[str, float]

    @property
    def setting(self) -> Setting:
        """The settings of the dial."""
        return Setting(self.shape, self.texture)


def store(runs: Iterable[Run]) -> list[RhoRecord]:
    """The records of those runs that learnt rho on a dial; each is added to its data set's file unless it is there.

    Raises:
        RunError: a line of a file is no record, or a run did not log rho at its last step.
    """
    stored: list[RhoRecord] = []
    for run in runs:
        arm, dial = ARMS.get(run.config.variant or ""), dataset_of(run).dial
        if run.config.method != METHOD or arm is None or not arm.learnt or dial is None:
            continue
        records = [_record(run, arm.rho, direction, Setting(dial.shape, dial.texture)) for direction in RHO_SCALARS]
        file = run.dataset_folder / FILE
        # If a file has several records of a run, the newest counts: a run that was trained again and ended elsewhere
        # gets a new line.
        newest = {(record.run, record.direction): record for record in read(file)}
        new = [record for record in records if newest.get((record.run, record.direction)) != record]
        jsonl.append(file, (record.model_dump() for record in new))
        stored += records
    return stored


def read(file: Path) -> Iterator[RhoRecord]:
    """The records of a file, oldest first; none if the file does not exist.

    Raises:
        RunError: a line is no record; the message names the file and the line.
    """
    return jsonl.read(file, lambda fields: RhoRecord(**fields), "record of a rho")


def read_all(results: Path) -> list[RhoRecord]:
    """Every record under a results folder, files in the order of their paths.

    Raises:
        RunError: see `read`.
    """
    return [record for file in sorted(results.rglob(FILE)) for record in read(file)]


def _record(run: Run, start: float, direction: Direction, setting: Setting) -> RhoRecord:
    step, prefix = run.step(), RHO_SCALARS[direction]
    layers = {
        name: float(curve.values[-1])
        for name, curve in read_curves(run).items()
        if name.startswith(prefix) and len(curve.steps) and curve.steps[-1] == step
    }
    if not layers:
        raise RunError(f"{run.path}: metrics.jsonl has no {prefix}… at step {step}; train it again with --restart.")
    return RhoRecord(
        run=run.id,
        dataset=run.dataset_folder.name,
        shape=setting.shape,
        texture=setting.texture,
        direction=direction,
        method=run.config.method,
        variant=str(run.config.variant),
        seed=run.seed,
        step=step,
        start=start,
        value=fmean(layers.values()),
        layers=layers,
    )
