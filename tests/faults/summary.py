"""The figures of a campaign as the tables of docs/reliability.md.

    python tests/faults/summary.py docs/reference/reliability.json [docs/reliability.md]

prints the tables, and with a second file puts each in place of the table under its comment, such as `<!-- kills -->`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


def kills(figures: Figures) -> str:
    """A row for each method."""
    rows = []
    for method, report in figures["kills"]["methods"].items():
        at = report["kills"]
        rows.append(
            (
                *(method, sum(at.values()), *(at.get(point, 0) for point in ("start", "step", "save", "end"))),
                *(report["inside_saves"], report["runs"], len(report["differing"])),
            )
        )
    header = ("method", "kills", "at the start", "at a step", "in a save", "at the end")
    return table((*header, "unfinished saves left", "runs", "runs that differ"), rows)


def controls(figures: Figures) -> str:
    """A row for each sabotage: what differed, for the methods that have what was sabotaged."""
    rows = [
        (name, ", ".join(f"{method}: {', '.join(differing) or 'nothing'}" for method, differing in by_method.items()))
        for name, by_method in figures["kills"]["controls"].items()
    ]
    return table(("sabotaged", "what differed"), rows)


def damage(figures: Figures) -> str:
    """A row for each kind of damage."""
    report = figures["damage"]
    rows = [(kind, tried, report["detected"].get(kind, 0)) for kind, tried in report["tried"].items()]
    rows.append(("all", sum(report["tried"].values()), sum(report["detected"].values())))
    return table(("damage", "checkpoints", "refused"), rows)


def disk(figures: Figures) -> str:
    """A row for each kind of full disk."""
    rows = []
    for kind, report in figures["disk"].items():
        if isinstance(report, dict):
            limits = report["limits"]
            bytes_ = f"{min(limits):,} to {max(limits):,}"
            rows.append((kind, len(limits), bytes_, sum(map(len, report["kept"])), len(report["faults"])))
    return table(("kind", "trainings", "bytes", "checkpoints kept", "faults"), rows)


def starts(figures: Figures) -> str:
    """One row."""
    report = figures["starts"]
    names = ("starts", "trained", "refused", "found_done")
    return table(
        (*(name.replace("_", " ") for name in names), "faults"), [(*(report[n] for n in names), len(report["faults"]))]
    )


def inputs(figures: Figures) -> str:
    """A row for each kind of input."""
    report = figures["inputs"]
    rows = [
        (kind, tried, report["refused"].get(kind, 0), report["accepted"].get(kind, 0))
        for kind, tried in report["tried"].items()
    ]
    totals = (sum(row[column] for row in rows) for column in (1, 2, 3))
    return table(("input", "tried", "one sentence", "accepted"), [*rows, ("all", *totals)])


TABLES: dict[str, Callable[[Figures], str]] = {
    "kills": kills,
    "controls": controls,
    "damage": damage,
    "disk": disk,
    "starts": starts,
    "inputs": inputs,
}


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers or text."""
    lines = [" | ".join(map(str, row)) for row in (header, *rows)]
    columns = lines[0].count("|")
    lines.insert(1, " | ".join([":--", *["--:"] * columns]))
    return "\n".join(f"| {line} |" for line in lines)


def with_tables(page: str, figures: Figures) -> str:
    """The page with the table of these figures under each comment."""
    for name, draw in TABLES.items():
        page = re.sub(rf"(<!-- {name} -->\n)(?:\|.*\n)*", lambda at, draw=draw: f"{at[1]}{draw(figures)}\n", page)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if len(sys.argv) > 2:
        target = Path(sys.argv[2])
        target.write_text(with_tables(target.read_text(encoding="utf-8"), given), encoding="utf-8")
    else:
        print("\n\n".join(draw(given) for draw in TABLES.values()))
