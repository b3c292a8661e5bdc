"""Writes the report as a file that a browser can open, and reads the images that it shows."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Locator

from ugbench.report.contents import collect_report
from ugbench.report.html_page import write


def write_report(results: Path, file: Path, **options: Any) -> str:
    """The address of the file that the report was written to; options are those of `collect_report`."""
    write(collect_report(results, **options), file)
    return file.as_uri()


def page_text(results: Path, folder: Path, **options: Any) -> str:
    """The text of the report, which is written to this folder."""
    file = folder / "report.html"
    write_report(results, file, **options)
    return file.read_text(encoding="utf-8")


def level(uri: str) -> int:
    """The grey level of a thumbnail."""
    kind, _, text = uri.partition(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return int(image.convert("RGB").getpixel((0, 0))[0])


def shown(images: Locator) -> list[int]:
    """The grey level of each image."""
    return [level(str(image.get_attribute("src"))) for image in images.all()]
