"""The contribution of each output to a score, stored in RUN/single/<direction>/<step>.json.

The files are kept when the outputs are replaced by those of another step, as scores are.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, FiniteFloat, TypeAdapter

from ugbench.data.known_files import images_hash
from ugbench.data.splits import TEST, Split
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.files import is_file, read_text
from ugbench.runs.json_file import Name, make_folder, write_json
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem
from ugbench.scoring.record import ScoreRecord


class ImageScores(BaseModel):
    """The contribution of each output to one score.

    Attributes:
        values: raw, by the stem of the output's source; their mean is the score.
        sources, references, outputs: the content of the images, as in `ugbench.scoring.record.ScoreRecord`. None in
            files of older versions. References are None also where the metric uses none, or training images, which are
            the same in all runs of a data set's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    protocol_id: str
    values: dict[Name, FiniteFloat]
    sources: str | None = None
    references: str | None = None
    outputs: str | None = None

    def ranked(self, higher_is_better: bool) -> list[str]:
        """The stems of the outputs, the best first; those of equal values by name."""
        sign = -1 if higher_is_better else 1
        return sorted(self.values, key=lambda stem: (sign * self.values[stem], stem))


def of_score(record: ScoreRecord, values: dict[str, float]) -> ImageScores:
    """What each output contributes to this score."""
    return ImageScores(
        metric=record.metric,
        protocol_id=record.protocol_id,
        values=values,
        sources=record.sources,
        references=None if record.protocol.get("reference") == "train" else record.references,
        outputs=record.outputs,
    )


_FILE = TypeAdapter(list[ImageScores])


def store(run: Run, direction: Direction, step: int | None, scores: ImageScores) -> None:
    """Add the scores of a step's outputs; they replace those of the same protocol.

    Args:
        step: at which the outputs were made; None if that is not known.
    """
    others = [stored for stored in read(run, direction, step) if stored.protocol_id != scores.protocol_id]
    file = run.single_file(direction, step)
    make_folder(file.parent)
    write_json(file, [stored.model_dump() for stored in (*others, scores)])


def read(run: Run, direction: Direction, step: int | None) -> list[ImageScores]:
    """The stored scores of a step's outputs, oldest first; empty if there are none.

    Raises:
        RunError: the file holds something else.
    """
    file = run.single_file(direction, step)
    if not is_file(file):
        return []
    try:
        return _FILE.validate_python(json.loads(read_text(file)))
    except (ValueError, RecursionError):  # pydantic's and json's errors are ValueErrors
        raise RunError(f"{file} holds no scores of single outputs; remove it.") from None


def of_images_now(
    stored: Sequence[ImageScores], run: Run, direction: Direction, tests: Mapping[Split, str]
) -> list[ImageScores]:
    """The scores of the test images and the outputs that are there now.

    After test images were replaced, `ugbench eval` computes the scores of the metrics that it was asked for; those of
    other metrics stay in the file. Where a score does not name its images, it counts.

    Args:
        tests: the content of each test split of the run's data set now, from
            `ugbench.runs.dataset_folder.contents_of_tests`; empty where the data set is gone.
    Raises:
        DataError: an image cannot be read.
    """
    files = files_by_stem(run, direction) if stored else {}

    @functools.cache
    def hash_of_outputs(stems: tuple[str, ...]) -> str:
        return images_hash([files[stem] for stem in stems if stem in files])

    def are_there(scores: ImageScores) -> bool:
        pairs = [(scores.sources, tests.get(TEST[direction[0]])), (scores.references, tests.get(TEST[direction[2]]))]
        if scores.outputs is not None:
            pairs.append((scores.outputs, hash_of_outputs(tuple(scores.values))))
        return all(None in pair or pair[0] == pair[1] for pair in pairs)

    return [scores for scores in stored if are_there(scores)]
