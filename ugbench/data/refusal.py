"""Why a file is not used as an image, found while its bytes are read; `ugbench.data.images` adds which file it is."""

from __future__ import annotations


class Refusal(Exception):
    """The bytes of a file are no image that can be used.

    Attributes:
        reason: what was found: "an animation of 3 frames".
        fix: what the user can do: "save each page as a file of its own".
    """

    def __init__(self, reason: str, fix: str = "replace or remove it") -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix
