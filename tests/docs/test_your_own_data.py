"""The page on one's own data names what the program can download, and shows sentences that it prints."""

from __future__ import annotations

import re
from pathlib import Path

from ugbench.data.acquire.catalog import KNOWN, find

PAGE = Path(__file__).parents[2] / "docs" / "your-own-data.md"


def test_the_data_sets_that_can_be_downloaded_are_those_of_the_catalogue() -> None:
    rows = [line.split("|")[2] for line in PAGE.read_text().splitlines() if re.match(r"\| (CycleGAN|DRIT) ", line)]
    names = re.findall(r"[a-z0-9_]+", " ".join(rows).replace("(or ", ""))
    entries = [find(name) for name in names]
    assert all(entry is not None and entry.address for entry in entries)
    assert {entry.archive for entry in entries if entry is not None} == {
        known.archive for known in KNOWN if known.address
    }


def test_the_address_on_the_page_is_that_of_the_catalogue() -> None:
    horses = find("horse2zebra")
    assert horses is not None and f"error: {horses.address}: nothing is downloaded without consent" in PAGE.read_text()
