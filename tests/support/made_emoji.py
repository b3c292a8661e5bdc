"""Archives of two families of emoji, laid out as those of npm."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drawn_images import patches
from PIL import Image

IDEAS = 12
CODES = [f"1f{600 + number}" for number in range(IDEAS)]
CATEGORIES = {"1f1e9-1f1ea": "Flags", "1f3fb": "Component"}


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def drawing(seed: int) -> Image.Image:
    """Patches with a transparent left half, below which they are black."""
    image: Image.Image = patches(seed).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    return image


def entries() -> list[dict[str, Any]]:
    ideas = [{"unified": code.upper() + "-FE0F", "category": "Objects"} for code in CODES]
    return ideas + [{"unified": code.upper(), "category": category} for code, category in CATEGORIES.items()]


def package(folder: Path, family: str, first_seed: int, **changes: bytes | None) -> Path:
    """An archive as npm has it; `changes` replaces or removes (None) files by their names."""
    codes = [*CODES, *CATEGORIES]
    files: dict[str, bytes | None] = {"package/emoji.json": json.dumps(entries()).encode()}
    for place, code in enumerate(codes):
        name = f"{code}-fe0f.png" if code in CODES else f"{code}.png"
        files[f"package/img/{family}/64/{name}"] = png(drawing(first_seed + place))
        files[f"package/img/{family}/sheets/64.png"] = png(patches(0))
    return archive(folder / f"emoji-datasource-{family}.tgz", {**files, **changes})


def archive(path: Path, files: Mapping[str, bytes | None]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path
