"""Pages of docs/ whose text is code: read, and laid out as pip would install it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ugbench import registry

DOCS = Path(__file__).parents[2] / "docs"
Block = Callable[[str, str], str]


@pytest.fixture
def block() -> Block:
    """The first block of a page in a language: `block("add-a-metric.md", "python")`."""
    return lambda page, language: blocks_of(page, language)[0]


def blocks_of(page: str, language: str) -> list[str]:
    """All blocks of a page in a language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: Block) -> Iterator[Callable[[str, str], None]]:
    """`install(page, module)` puts a page's Python and entry points on sys.path."""
    modules: list[str] = []

    def put(page: str, module: str) -> None:
        project = tomllib.loads(block(page, "toml"))["project"]
        name, version = project["name"], project["version"]
        site = tmp_path / "site-packages"
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(block(page, "python"), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        groups = [
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(groups))
        monkeypatch.syspath_prepend(site)
        registry.modules.cache_clear()
        modules.append(module)

    yield put
    registry.modules.cache_clear()
    for module in modules:
        sys.modules.pop(module, None)
