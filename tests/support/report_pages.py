"""Writes the report as a file that a browser can open, and reads the images that it shows."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

from ugbench.report.contents import collect_report
from ugbench.report.html_page import render


def write_report(results: Path, file: Path) -> str:
    """The address of the file that the report was written to."""
    file.write_text(render(collect_report(results)), encoding="utf-8", newline="\n")
    return file.as_uri()


def level(uri: str) -> int:
    """The grey level of a thumbnail."""
    kind, _, text = uri.partition(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return int(image.convert("RGB").getpixel((0, 0))[0])


def shown(images: Locator) -> list[int]:
    """The grey level of each image."""
    return [level(str(image.get_attribute("src"))) for image in images.all()]
