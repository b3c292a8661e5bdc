"""A translation replaces files of earlier translations, and no input and nothing else."""

import json
from pathlib import Path

import pytest
from drawn_images import save_flat

from ugbench.errors import UsageError
from ugbench.inference.output_folder import NOTE, check_output_folder, translation_note


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "in" / f"{stem}.png" for stem in "ab"]
    for file in files:
        save_flat(file)
    return files


NAMES = ["a.png", "b.png", "attention/a.png", "attention/b.png"]


def refusal(folder: Path, inputs: list[Path], names: list[str] = NAMES) -> str:
    with pytest.raises(UsageError) as error:
        check_output_folder(folder, inputs, names)
    return str(error.value)


def write(folder: Path, colour: str = "blue") -> None:
    """What a translation does."""
    with translation_note(folder, NAMES, {"run": "3f2a"}):
        for name in NAMES:
            save_flat(folder / name, colour=colour)


def test_a_new_an_empty_and_an_unrelated_folder_are_taken(tmp_path: Path, inputs: list[Path]) -> None:
    check_output_folder(tmp_path / "new", inputs, NAMES)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "notes.txt").write_text("other names do not matter")
    check_output_folder(tmp_path / "new", inputs, NAMES)


def test_the_folder_of_the_inputs_is_refused_by_any_path(tmp_path: Path, inputs: list[Path]) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for folder in (tmp_path / "in", tmp_path / "link", tmp_path / "in" / ".." / "in"):
        assert "where the inputs are; name another folder" in refusal(folder, inputs, ["a.png"])


def test_the_folder_of_attention_maps_may_not_be_that_of_the_inputs_either(tmp_path: Path) -> None:
    source = tmp_path / "out" / "attention" / "a.jpg"
    save_flat(source)
    assert f"written to {tmp_path}/out/attention, where the inputs are" in refusal(tmp_path / "out", [source])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "attention").symlink_to(source.parent)
    assert "where the inputs are" in refusal(tmp_path / "other", [source])
    check_output_folder(tmp_path / "out", [source], ["a.png"])  # without attention maps nothing is written there


def test_a_hard_link_to_an_input_and_any_link_are_refused(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").hardlink_to(inputs[0])
    assert f"{out / 'b.png'} is an input" in refusal(out, inputs)
    (out / "b.png").unlink()
    for target in (inputs[0], tmp_path / "nowhere"):
        (out / "b.png").symlink_to(target)
        assert f"{out / 'b.png'} is a link; remove it" in refusal(out, inputs)
        (out / "b.png").unlink()


def test_files_of_an_earlier_translation_are_replaced(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "out"
    write(out)
    check_output_folder(out, inputs, NAMES)
    write(out, "green")
    check_output_folder(out, inputs, NAMES)
    note = json.loads((out / NOTE).read_text(encoding="utf-8"))
    assert (note["run"], sorted(note["files"])) == ("3f2a", sorted(NAMES))
    assert all(len(digest) == 64 for digest in note["files"].values())


def test_files_that_no_translation_wrote_or_that_were_changed_are_refused(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "out"
    write(out)
    save_flat(out / "b.png", colour="white")  # painted over by a user
    assert "b.png would be replaced, and no translation wrote that, or it was changed since" in refusal(out, inputs)
    (out / "b.png").unlink()
    check_output_folder(out, inputs, NAMES)
    save_flat(out / "c.png")
    assert "c.png would be replaced" in refusal(out, inputs, ["c.png"])
    for number in range(5):
        save_flat(out / f"{number}.png")
    assert "0.png, 1.png, 2.png and 2 more would" in refusal(out, inputs, [f"{n}.png" for n in range(5)])


def test_what_a_stopped_translation_has_written_is_replaced(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), translation_note(out, NAMES, {}):
        save_flat(out / "a.png")
        raise KeyboardInterrupt
    assert list(json.loads((out / NOTE).read_text(encoding="utf-8"))["files"]) == ["a.png"]
    check_output_folder(out, inputs, NAMES)
    with translation_note(out, NAMES, {}):  # a kill leaves the note as it is now
        save_flat(out / "b.png")
        check_output_folder(out, inputs, NAMES)


def test_a_translation_that_wrote_nothing_leaves_no_note(tmp_path: Path) -> None:
    with translation_note(tmp_path / "out", NAMES, {}):
        pass
    assert not list((tmp_path / "out").iterdir())


def test_somebody_elses_file_of_the_notes_name_is_refused(tmp_path: Path, inputs: list[Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / NOTE).write_text('{"de": "fr"}')
    assert f"no translation wrote {out / NOTE}" in refusal(out, inputs)
