"""Where a run came from that was imported and not trained here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ugbench.runs.json_file import Name


class Origin(BaseModel):
    """Where an imported run came from.

    Attributes:
        name: the name that the user gave it.
        files: the SHA-256 of each file of the checkpoint by its name, or of each output by `<direction>/<name>`.
        revision: the revision of the public code that the weights belong to; None if there is only one.
        command: the template of the command that made the outputs; None if no command made them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    files: dict[Name, str]
    revision: str | None = None
    command: Name | None = None
