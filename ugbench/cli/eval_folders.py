"""The options of `ugbench eval --real --fake`, which scores folders of images without a run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ugbench.cli.options import path_option
from ugbench.cli.output import log, progress_callback
from ugbench.cli.output_file import check_records_file
from ugbench.direction import Direction
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.scoring.folders import PlainFolders
    from ugbench.scoring.record import ScoreRecord
    from ugbench.scoring.request import EvalRequest


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Which folders are scored, what their scores are called, and where they are written."""

    real: Annotated[
        Path | None,
        path_option(
            "--real",
            "any",
            "DIR|FILE",
            "A folder of real images, for scoring without a run; or a file with their features, of `ugbench features`, "
            "or FID statistics (.npz).",
        ),
    ] = None
    fake: Annotated[
        Path | None, path_option("--fake", "any", "DIR", "A folder of outputs that are compared with --real.")
    ] = None
    source: Annotated[
        Path | None,
        path_option(
            "--source",
            "any",
            "DIR",
            "The sources of --fake, for metrics that compare with them; files are matched by stem.",
        ),
    ] = None
    name: Annotated[
        str | None,
        Option(
            "--name",
            metavar="NAME",
            help="What tables call the outputs of --fake; default: the end of its path and a short hash of its images.",
        ),
    ] = None
    dataset_name: Annotated[
        str | None,
        Option(
            "--dataset-name",
            metavar="NAME",
            help="What tables call the data set; default: the end of the path of --real and a short hash of its "
            "images.",
        ),
    ] = None
    direction: Annotated[
        Direction | None,
        Option(
            "--direction",
            help="Direction that the scores of --fake state; default: A2B, or B2A if the folder is called so.",
        ),
    ] = None
    output: Annotated[
        Path | None,
        path_option(
            "--output",
            "file",
            "FILE",
            "Append the records of --real and --fake to this file. `ugbench table` finds it under --results if its "
            "name ends in .jsonl.",
        ),
    ] = None

    def folders(self) -> PlainFolders | None:
        """The folders to score; None if none was given.

        Raises:
            UsageError: only one of --real and --fake was given, or another of these options without them, a name
                cannot be used, or --output is a file that holds something else than such records.
        """
        from ugbench.scoring.folders import PlainFolders
        from ugbench.scoring.set_names import direction_of

        if (self.real is None) != (self.fake is None):
            raise UsageError("--real and --fake go together; give both.")
        if self.real is None or self.fake is None:
            for field in fields(self):
                if getattr(self, field.name) is not None:
                    option = field.name.replace("_", "-")
                    raise UsageError(f"--{option} goes with --real and --fake; give these too, or leave it out.")
            return None
        from ugbench.runs.names import checked_dataset_name, checked_name  # loads pydantic, which help does not need

        if self.name is not None:
            checked_name(self.name)
        if self.dataset_name is not None:
            checked_dataset_name(self.dataset_name)
        check_records_file(self.output)
        direction = self.direction or direction_of(self.fake)
        return PlainFolders(self.real, self.fake, self.source, self.name, self.dataset_name, direction)

    def write(self, records: list[ScoreRecord]) -> None:
        """Append records to --output, if it was given. A link is followed."""
        from ugbench.scoring import record

        if self.output is None:
            return
        record.append(self.output.resolve() if self.output.is_file() else self.output, records)
        if self.output.suffix != ".jsonl":
            log(f"{self.output} does not end in .jsonl, so `ugbench table` will not find these scores.")


def check_folders(folders: PlainFolders) -> None:
    """Check that the folders have images, before the user is asked to download anything for them.

    Raises:
        DataError: a folder does not exist, or holds no image.
    """
    from ugbench.data.images import list_images

    for folder in (folders.real, folders.fake, folders.source):
        if folder is not None and not (folder == folders.real and folder.is_file()):
            list_images(folder)


def evaluate_folders(request: EvalRequest, folders: PlainFolders) -> list[ScoreRecord]:
    """The scores of plain folders, with a progress bar while their images are read."""
    from ugbench.scoring.folders import score_folders

    with progress_callback("scoring") as progress:
        return list(score_folders(request, folders, log, progress))
