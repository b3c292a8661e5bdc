"""Names with bytes that are not UTF-8: how they are shown, stored and hashed."""

import io
import json
import os
import sys

import pytest
from pydantic import BaseModel

from ugbench.file_names import as_bytes, is_utf8, make_streams_readable, readable, to_json
from ugbench.runs.json_file import Name

RAW = b"caf\xe9 \xc3\xa9.png"
NAME = "caf\udce9 é.png"


def test_a_byte_that_is_not_utf8_is_shown_by_its_number() -> None:
    assert os.fsdecode(RAW) == NAME
    assert readable(NAME) == "caf%E9 é.png"
    assert readable("é %E9 plain") == "é %E9 plain"
    assert [is_utf8(NAME), is_utf8("é")] == [False, True]


def test_the_bytes_of_a_name_are_those_of_the_file_system() -> None:
    assert as_bytes(NAME) == RAW
    assert as_bytes("é") == "é".encode()


@pytest.mark.parametrize("ascii_only", [False, True])
def test_json_gives_each_name_back_and_is_utf8(ascii_only: bool) -> None:
    text = to_json({NAME: [NAME]}, ascii_only, indent=2)
    assert json.loads(text.encode("ascii" if ascii_only else "utf-8")) == {NAME: [NAME]}
    assert ("é" in text) is not ascii_only


def test_a_field_of_a_model_keeps_a_name_and_refuses_what_is_none() -> None:
    class Record(BaseModel):
        name: Name
        files: dict[Name, int]

    record = Record(name=NAME, files={NAME: 1})
    assert Record(**json.loads(json.dumps(record.model_dump()))) == record
    with pytest.raises(ValueError, match="name"):
        Record(name=3, files={})  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "caf%E9 é"), ("ascii", "caf%E9 \\xe9")])
def test_any_name_can_be_printed(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    make_streams_readable()
    print(NAME.removesuffix(".png"), flush=True)
    assert raw.getvalue() == f"{shown}\n".encode()
