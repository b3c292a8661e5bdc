"""dataset.json in the folder of a data set under results: which images it belongs to, and where they lie now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench.data.splits import Split
from ugbench.errors import RunError, first_fault, writing
from ugbench.runs.files import inside, is_file, temporary_of
from ugbench.runs.folder import DATASET
from ugbench.runs.json_file import make_folder, read_json, write_json


class DatasetFile(BaseModel):
    """The content of a dataset.json.

    Attributes:
        name: the data set's name when the folder was made.
        root: the folder in which the images were found last.
        fingerprint: of all images of all splits when the folder was made.
        training: the fingerprint of the training images, which the folder's runs share; None if the data set had none,
            or if an older version wrote the file.
        images: the content of each test split at the last `ugbench eval`, see `ugbench.data.known_files.images_hash`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    root: str = ""
    fingerprint: str = ""
    training: str | None = None
    images: dict[Split, str] = {}


def read(folder: Path) -> DatasetFile | None:
    """The dataset.json of a data set's folder under results; None if there is none.

    Raises:
        RunError: the file holds something else.
    """
    file = inside(folder.parent, folder.name, DATASET)
    if not is_file(file):
        return None
    try:
        return DatasetFile(**read_json(file))
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; to fix this, correct or remove it.") from None


def current_images(results: Path) -> dict[str, Mapping[Split, str]]:
    """`DatasetFile.images` of each folder under results that has a dataset.json, by the folder's name."""
    contents = {file.parent.name: read(file.parent) for file in sorted(results.glob(f"*/{DATASET}"))}
    return {name: content.images for name, content in contents.items() if content is not None and content.images}


def create(folder: Path, content: DatasetFile) -> bool:
    """Write the dataset.json of a data set's folder that has none; False, and nothing is changed, if it has one by now.

    Of several processes that do this at once, one succeeds.
    """
    make_folder(folder)
    file = inside(folder.parent, folder.name, DATASET)
    temporary = temporary_of(file)
    write_json(temporary, content.model_dump())
    try:
        os.link(temporary, file)  # unlike a rename, it replaces nothing
    except FileExistsError:
        return False
    except OSError:  # the file system has no hard links
        if file.exists():
            return False
        with writing(file):
            temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def write(folder: Path, content: DatasetFile) -> None:
    """Write the dataset.json of a data set's folder, unless it has this content already; makes the folder."""
    if read(folder) != content:
        make_folder(folder)
        write_json(folder / DATASET, content.model_dump())
