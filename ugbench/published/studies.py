"""The studies that come with the package, which `ugbench compare --study NAME` runs: of publications, and of docs/."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def named_study(file: Path) -> Path:
    """The file of a study: `file` itself, or, if it does not exist, the published study of that name.

    Args:
        file: a TOML file, or the name of a published study with or without its suffix: `table3`, `table3.toml`.
    Returns:
        `file` itself if it exists or no published study has that name.
    """
    if file.exists() or file.parent != Path():
        return file
    return published_studies().get(file.stem if file.suffix == ".toml" else file.name, file)


def published_studies() -> dict[str, Path]:
    """The file of each published study by its name."""
    return {file.stem: file for file in sorted(Path(str(files("ugbench.published"))).glob("studies/*.toml"))}
