"""Names of files and folders that are not UTF-8, as zip files from Windows leave them.

Python reads such a byte of a name as a surrogate, one of the code points from U+DC80 to U+DCFF (PEP 383). Paths with
surrogates open the right files, but no text may be written or printed with them. So stored names keep them as JSON's
escapes (`\\udce9`), and every other text shows them as `%E9`.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")
_HANDLER = "ugbench.readable"


def readable(text: str) -> str:
    """The text with `%E9` in place of each byte that is not UTF-8; UTF-8 text stays as it is.

    >>> readable("caf\\udce9.png")
    'caf%E9.png'
    """
    return _SURROGATES.sub(lambda match: f"%{ord(match[0]) & 0xFF:02X}", text)


def as_bytes(name: str) -> bytes:
    """The bytes of a name, as the file system has them."""
    return name.encode("utf-8", "surrogateescape")


def to_json(content: Any, ascii_only: bool = False, **options: Any) -> str:
    """JSON that can be written as UTF-8; a reader gets each name back as it was.

    Args:
        ascii_only: write every letter outside ASCII as an escape.
        options: of `json.dumps`.
    """
    text = json.dumps(content, ensure_ascii=ascii_only, **options)
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def is_utf8(path: str | os.PathLike[str]) -> bool:
    """True if the path has no byte that is not UTF-8."""
    return _SURROGATES.search(os.fspath(path)) is None


def make_streams_readable() -> None:
    """Let stdout and stderr print any name: what they cannot encode is shown as `readable` does, or as an escape."""
    codecs.register_error(_HANDLER, _readable_error)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_HANDLER)


def _readable_error(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return readable(text).encode("ascii", "backslashreplace").decode(), error.end
