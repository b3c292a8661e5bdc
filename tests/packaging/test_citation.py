"""CITATION.cff and CHANGELOG.md say what this version is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_has_the_fields_that_its_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert (citation["type"], citation["license"], citation["version"]) == (
        "software",
        PROJECT["license"],
        PROJECT["version"],
    )
    for entry in (citation, *citation["references"]):
        assert entry["title"] and all("name" in author or "family-names" in author for author in entry["authors"])
    assert all({"type", "title", "authors"} <= reference.keys() for reference in citation["references"])


def test_the_changelog_begins_with_what_is_not_released_and_uses_the_headings_of_its_format() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == "[Unreleased]"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def test_the_page_on_installing_has_each_extra_with_its_packages() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in ("dev", "all")}
    assert rows == {name: ", ".join(re.match(r"[\w-]+", line)[0] for line in lines) for name, lines in extras.items()}
