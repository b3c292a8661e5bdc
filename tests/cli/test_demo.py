"""What `ugbench demo` shows is learnt, not drawn: the error left is well below the untouched input's."""

from __future__ import annotations

import json
from pathlib import Path

from commands import call_in
from PIL import Image


def test_the_demo_learns_and_leaves_a_table_and_a_picture(tmp_path: Path) -> None:
    shown = json.loads(call_in(tmp_path, "demo", "--json").stdout)
    changed = {score["direction"]: score["value"] for score in shown["scores"] if score["metric"] == "changed"}
    assert set(changed) == {"A2B", "B2A"}
    assert max(changed.values()) <= 0.7, "1 is the untouched input's error"

    home = Path(shown["figure"]).parent
    rows = [line.split("|")[1].strip() for line in (home / "table.md").read_text().splitlines() if line.startswith("|")]
    assert {"identity", "U-GAT-IT", "real"} <= {row.strip("*") for row in rows}
    with Image.open(shown["figure"]) as picture:
        assert picture.width > picture.height / 2 > 300
