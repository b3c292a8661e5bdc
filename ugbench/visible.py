"""Text from others, such as names in records, made safe to print.

A terminal obeys escape characters in what is printed, and bidirectional marks change the order in which a line is
shown. Such characters are replaced by their escapes in Python, such as \\x1b, so that a reader sees them.
"""

from __future__ import annotations

import re

# C0 and C1 controls with DEL; marks that change the direction of text; separators of lines and paragraphs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str, keep: str = "") -> str:
    r"""The text with control characters and marks of direction replaced; surrogates and all letters stay.

    >>> visible("cut\x1b[2J")
    'cut\\x1b[2J'

    Args:
        keep: control characters that stay, such as a line break.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else _name(found[0]), text)


def visible_json(text: str) -> str:
    """A JSON text in which such characters, except line breaks, are written as escapes; it means the same."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in "\n" else f"\\u{ord(found[0]):04x}", text)


def _name(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
