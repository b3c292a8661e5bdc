"""JSON lines: what is appended is read back, and damage is named with its file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ugbench.errors import RunError
from ugbench.runs import jsonl


def number(fields: dict[str, Any]) -> int:
    return int(fields["number"])


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    file = tmp_path / "new" / "records.jsonl"
    jsonl.append(file, [{"number": 1}, {"number": 2}])
    jsonl.append(file, [{"number": 3}])
    assert list(jsonl.read(file, number, "number")) == [1, 2, 3]


def test_no_records_make_no_file_and_no_file_has_no_records(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    jsonl.append(file, [])
    assert not file.exists()
    assert list(jsonl.read(file, number, "number")) == []


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", "{}", '{"number": "x"}', "1", ""])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(f'{{"number": 1}}\n{line}\n{{"number": 3}}\n')
    with pytest.raises(RunError, match=r"records\.jsonl, line 2 is no number; to fix this, remove that line\.$"):
        list(jsonl.read(file, number, "number"))


def test_a_last_line_without_its_end_is_left_out_only_if_asked(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text('{"number": 1}\n{"number": 2')
    assert list(jsonl.read(file, number, "number", skip_unfinished=True)) == [1]
    with pytest.raises(RunError, match="line 2"):
        list(jsonl.read(file, number, "number"))


def test_cutting_back_removes_later_steps_and_an_unfinished_line(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    lines = [json.dumps({"step": step}) + "\n" for step in (2, 4, 6)]
    file.write_text("".join(lines))
    jsonl.cut_back(file, 5)
    assert file.read_text() == "".join(lines[:2])
    jsonl.cut_back(file, 4)  # the line of the step itself stays
    assert file.read_text() == "".join(lines[:2])
    file.write_text(lines[0] + '{"step": 4')
    jsonl.cut_back(file, 5)
    assert file.read_text() == lines[0]


def test_removing_keeps_other_lines_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text('{"number":1}\nnonsense\n{"number": 2}\n{}\n')
    jsonl.remove(file, lambda fields: fields["number"] == 1)
    assert file.read_text() == 'nonsense\n{"number": 2}\n{}\n'
