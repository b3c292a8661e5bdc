"""Lists, seeds, config fields and weights as they are typed."""

import doctest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from ugbench.cli import doctor, parse
from ugbench.cli.parse import parse_save_every, parse_seeds, parse_sets, parse_weights, split_list
from ugbench.errors import UsageError


@pytest.mark.parametrize("module", [parse, doctor])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("values", "items"),
    [
        (None, []),
        (["kid"], ["kid"]),
        (["kid, fid", "lpips,kid"], ["kid", "fid", "lpips"]),
        ([",kid,"], ["kid"]),
    ],
)
def test_a_list_is_repeated_or_has_commas(values: list[str] | None, items: list[str]) -> None:
    assert split_list(values, "--metric") == items


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize("option", ["--results", "--data-root", "--output"])
def test_an_empty_path_is_refused_and_not_taken_for_the_folder_one_is_in(
    ugbench: Callable[..., Result], option: str, value: str
) -> None:
    words = ["translate", "x", "--input", "x.png", "--output", "out"] if option == "--output" else ["vote"]
    result = ugbench(*words, option, value)
    assert result.exit_code == 2
    assert f"error: {option} '{value}': that is no path; name one.\n" == result.stderr


def test_a_file_is_no_folder_and_a_folder_no_file(ugbench: Callable[..., Result], tmp_path: Path) -> None:
    there = tmp_path / "note.txt"
    there.write_text("x")
    for words, says in (
        (["table", "--results", there], f"--results {there}: that is a file; name a folder."),
        (["train", "cut", "--dataset", "dial", "--results", there / "in"], f"--results {there / 'in'}: {there} is a"),
        (
            ["compare", "--methods", "cut", "--dataset", "dial", "--results", there],
            f"--results {there}: that is a file",
        ),
        (["table", "--output", tmp_path], f"--output {tmp_path}: that is a folder; name a file."),
        (
            ["figure", "rho", "--output", there / "x.png"],
            f"--output {there / 'x.png'}: {there} is a file, not a folder",
        ),
    ):
        result = ugbench(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"error: {says}")
    assert there.read_text() == "x"


@pytest.mark.parametrize("words", [["figure", "rho", "--run", ""], ["translate", " ", "--input", "a", "--output", "b"]])
def test_an_empty_run_is_not_any_run(ugbench: Callable[..., Result], words: list[str]) -> None:
    result = ugbench(*words)
    assert result.exit_code == 2
    assert "is empty; give the start of an id, or a folder" in result.stderr


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [0, 1, 2]), ("1", [0]), ("4,7", [4, 7]), ("7, 4", [7, 4]), ("4,", [4]), ("0,", [0])],
)
def test_seeds_are_a_count_or_a_list(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "0", ",", "-1", "x", "1.5", "4,,7", "4,x", "4,4", "٣"])
def test_other_seeds_are_refused_naming_the_option(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--seeds {text}: "):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        (None, {}),
        (["lr=1e-3"], {"lr": "1e-3"}),
        (["lr=1e-3", "light=true"], {"lr": "1e-3", "light": "true"}),
        (["lr=1e-3, light=true"], {"lr": "1e-3", "light": "true"}),
        (["betas=0.5,0.9,lr=1"], {"betas": "0.5,0.9", "lr": "1"}),
        (["name=a=b"], {"name": "a=b"}),
        (["style="], {"style": ""}),
        (["cyclegan.lr=1,cut.lr=2"], {"cyclegan.lr": "1", "cut.lr": "2"}),
    ],
)
def test_fields_are_set_by_key_and_value(values: list[str] | None, pairs: dict[str, str]) -> None:
    assert parse_sets(values) == pairs


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["lr"], "--set lr: give it as KEY=VALUE."),
        (["=3"], "--set =3: give it as KEY=VALUE."),
        (["lr=1", "lr=2"], "--set lr=2: lr is given twice; give it once."),
    ],
)
def test_other_sets_are_refused(values: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_sets(values)
    assert str(error.value) == message


def test_weights_are_files_by_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a=1.pth").touch()
    (tmp_path / "b.pth").touch()
    expected = {"alexnet": tmp_path / "a=1.pth", "inception": tmp_path / "b.pth"}
    assert parse_weights([f"alexnet={tmp_path}/a=1.pth", "inception=~/b.pth"]) == expected
    assert parse_weights([f"alexnet={tmp_path}/a=1.pth,inception=~/b.pth"]) == expected


@pytest.mark.parametrize("value", ["alexnet.pth", "alexnet=nowhere.pth", "alexnet=."])
def test_weights_that_are_no_file_are_refused(value: str) -> None:
    with pytest.raises(UsageError, match=f"^--weights {value}: "):
        parse_weights([value])


@pytest.mark.parametrize(
    ("text", "steps_and_seconds"),
    [
        (None, (None, None)),
        ("1", (1, None)),
        ("500", (500, None)),
        ("90s", (None, 90)),
        ("30min", (None, 1800)),
        ("2h", (None, 7200)),
        ("0.5h", (None, 1800)),
    ],
)
def test_saves_come_after_steps_or_after_a_time(
    text: str | None, steps_and_seconds: tuple[int | None, float | None]
) -> None:
    assert parse_save_every(text) == steps_and_seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "1.5", "30m", "30 min x", "soon", "1e3", "inf", "٣", "9" * 5000])
def test_another_time_between_saves_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--save-every .*: give a number of steps, as in 500, or a time, as in 90s"):
        parse_save_every(text)
