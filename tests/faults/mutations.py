"""Makes bad content of good content, with a seeded generator: of bytes, and of JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

DEEP = 100_000  # levels of nesting; every recursive reader fails
DIGITS = 5_000  # more than Python converts to a number
RAW = "@@{}@@"  # stands in a JSON value for text that json.dumps would not write

NASTY_TEXTS = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "digits": "9" * DIGITS,
    "large": "1e308",
    "deep": "[" * DEEP + "]" * DEEP,
    "surrogate": '"\\ud800"',
    "bare": "value",
}
"""Text that stands for a JSON value, by name."""

NASTY_VALUES: tuple[Any, ...] = (
    *(RAW.format(name) for name in NASTY_TEXTS),
    *(None, True, -1, 0, 2**63, 0.1, "", [], {}, [[]], {"": {}}),
    *("x" * 100_000, "../../outside/private.txt", "/dev/zero", "\x1b[31mred\x07", "=HYPERLINK(1)", "\u202egnp", "🐙"),
)


def mutate(content: bytes, draw: random.Random) -> tuple[bytes, str]:
    """Content that differs from the given one, and what was done."""
    while True:
        name = draw.choice(list(BYTE_CHANGES))
        changed = BYTE_CHANGES[name](content, draw)
        if changed != content:
            return changed, name


def flip_bit(content: bytes, draw: random.Random) -> bytes:
    """One bit is another."""
    return flip_bits(content, draw, 1)


def flip_bits(content: bytes, draw: random.Random, number: int = 20) -> bytes:
    """Some bits are others."""
    changed = bytearray(content)
    for _ in range(number if content else 0):
        changed[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flip_early(content: bytes, draw: random.Random) -> bytes:
    """Some bits of the first bytes are others, which is where a file describes itself."""
    return flip_bits(content[:64], draw, 3) + content[64:]


def cut(content: bytes, draw: random.Random) -> bytes:
    """The end is missing."""
    return content[: draw.randrange(len(content) + 1)]


def remove(content: bytes, draw: random.Random) -> bytes:
    """A part is missing."""
    start, length = draw.randrange(len(content) + 1), draw.choice((1, 16, 256))
    return content[:start] + content[start + length :]


def repeat(content: bytes, draw: random.Random) -> bytes:
    """A part is there twice."""
    start, length = draw.randrange(len(content) + 1), draw.choice((1, 16, 256))
    return content[: start + length] + content[start:]


def blank(content: bytes, draw: random.Random) -> bytes:
    """A part is zeros or ones."""
    start, length = draw.randrange(len(content) + 1), draw.choice((4, 64, 512))
    covered = content[start : start + length]
    return content[:start] + draw.choice((b"\0", b"\xff")) * len(covered) + content[start + length :]


def insert(content: bytes, draw: random.Random) -> bytes:
    """Random bytes are added in the middle, or at the end."""
    start = draw.choice((len(content), draw.randrange(len(content) + 1)))
    return content[:start] + draw.randbytes(draw.choice((1, 30, 300))) + content[start:]


def mix(content: bytes, draw: random.Random) -> bytes:
    """Two parts have changed places."""
    a, b = sorted((draw.randrange(len(content) + 1), draw.randrange(len(content) + 1)))
    return content[b:] + content[a:b] + content[:a]


BYTE_CHANGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "a bit flipped": flip_bit,
    "bits flipped": flip_bits,
    "bits of the start flipped": flip_early,
    "cut": cut,
    "a part removed": remove,
    "a part repeated": repeat,
    "a part blanked": blank,
    "bytes inserted": insert,
    "parts exchanged": mix,
}


def mutate_json(text: str, draw: random.Random) -> tuple[str, str]:
    """JSON text in which one value, one key or the whole is another, and what was done."""
    content = json.loads(text)
    places = list(_places(content))
    if not places or draw.random() < 0.1:
        value = draw.choice(NASTY_VALUES)
        return _text(value), f"{_shown(value)} instead of everything"
    parent, key = draw.choice(places)
    action = draw.choice(("value", "value", "value", "value", "remove", "rename"))
    if action == "remove":
        del parent[key]
        return _text(content), f"{key} removed"
    if action == "rename" and isinstance(parent, dict):
        parent[draw.choice(("", "\x1b[2J", "x" * 10_000, f"{key}2"))] = parent.pop(key)
        return _text(content), f"{key} renamed"
    parent[key] = value = draw.choice(NASTY_VALUES)
    return _text(content), f"{key} is {_shown(value)}"


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Every value in the content, as its parent and its key."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else []
    places = [(content, key) for key in keys]
    return places + [place for key in keys for place in _places(content[key])]


def _text(content: Any) -> str:
    text = json.dumps(content)
    for name, raw in NASTY_TEXTS.items():
        text = text.replace(json.dumps(RAW.format(name)), raw)
    return text


def _shown(value: Any) -> str:
    return ascii(value)[:40]
