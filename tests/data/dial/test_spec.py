import json
from pathlib import Path

import pytest

from ugbench.data.dial.dataset import write_dial
from ugbench.data.dial.spec import SPEC_FILE, DialSpec, parse_spec, read_spec
from ugbench.errors import DataError, UnknownName


@pytest.mark.parametrize(
    ("text", "spec", "name"),
    [
        ("dial", DialSpec(), "dial-s1-t1-64"),
        ("dial:", DialSpec(), "dial-s1-t1-64"),
        ("dial:texture=0.5", DialSpec(texture=0.5), "dial-s1-t0.5-64"),
        ("dial:shape=0,size=32", DialSpec(shape=0, size=32), "dial-s0-t1-32"),
        (
            "dial: shape = .25, train=50,test=20,seed=3",
            DialSpec(shape=0.25, train=50, test=20, seed=3),
            "dial-s0.25-t1-64-train50-test20-seed3",
        ),
    ],
)
def test_a_spec_is_read_from_text_and_names_its_folder(text: str, spec: DialSpec, name: str) -> None:
    assert parse_spec(text) == spec
    assert spec.name == name


def test_an_unknown_field_is_answered_with_a_near_one() -> None:
    with pytest.raises(UnknownName, match=r"no dial field is called 'shap'; did you mean 'shape'\? Known: seed, "):
        parse_spec("dial:shap=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dial:shape=1.5", r"dial: shape=1\.5 is out of range; give from 0 to 1\."),
        ("dial:texture=-0.1", r"texture=-0\.1 is out of range"),
        ("dial:texture=nan", r"texture=nan is out of range"),
        ("dial:size=8", r"size=8 is out of range; give from 16 to 1024"),
        ("dial:train=0", r"train=0 is out of range; give 1 or more"),
        ("dial:seed=-1", r"seed=-1 is out of range; give 0 or more"),
        ("dial:shape=big", r"shape='big' was given; give a number"),
        ("dial:size=64.5", r"size='64\.5' was given; give a whole number"),
        ("dial:shape", r"shape='' was given; give a number"),
        ("dial:shape=1,shape=0", r"shape is given twice"),
        ("dials", r"'dials' is not a dial"),
    ],
)
def test_a_bad_spec_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_spec(text)


def test_a_folder_without_dial_json_is_no_dial_and_one_with_it_has_its_spec(tmp_path: Path) -> None:
    assert read_spec(tmp_path) is None
    spec = DialSpec(shape=0.25, texture=0, size=16, train=1, test=1, seed=9)
    write_dial(spec, tmp_path)
    assert read_spec(tmp_path) == spec


@pytest.mark.parametrize(
    "change",
    [{"shape": 7}, {"size": "64"}, {"more": 1}, {"renderer": 0}, None],
    ids=["out of range", "text", "unknown field", "another renderer", "no JSON"],
)
def test_a_damaged_or_foreign_dial_json_is_named_with_how_to_fix_it(tmp_path: Path, change: dict[str, object]) -> None:
    write_dial(DialSpec(size=16, train=1, test=1), tmp_path)
    file = tmp_path / SPEC_FILE
    file.write_text("{" if change is None else json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(DataError, match=r"dial\.json: .*; remove .* and make it again"):
        read_spec(tmp_path)
