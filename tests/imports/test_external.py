"""What is matched, copied and refused when another tool's outputs become a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from drawn_images import save_flat

from ugbench.data.datasets import DataSet, open_dataset
from ugbench.errors import DataError, UgbenchError, UsageError
from ugbench.imports.external import folders_by_direction, import_outputs, match_outputs, run_tool
from ugbench.runs.stored_outputs import outputs_of


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    for stem in ("one", "two", "three"):
        save_flat(tmp_path / "pets/testA" / f"{stem}.jpg", (16, 16))
        save_flat(tmp_path / "pets/testB" / f"b-{stem}.jpg", (16, 16), "blue")
    return open_dataset(tmp_path / "pets")


def test_outputs_are_matched_by_stem_and_what_does_not_fit_is_listed(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    save_flat(tmp_path / "made/two.bmp", (12, 8))
    save_flat(tmp_path / "made/other.png")
    matched = match_outputs(tmp_path / "made", dataset, "A2B")
    assert [file.name for file in matched.files] == ["one.png", "two.bmp"]
    assert matched.missing == ("three",)
    assert [file.name for file in matched.extra] == ["other.png"]
    # Two sizes are equally common: the larger is the set's.
    assert matched.size == (12, 8)
    assert [file.name for file in matched.odd_sized] == ["one.png"]
    assert matched.n_sources == 3


def test_the_commonest_size_is_the_sets(dataset: DataSet, tmp_path: Path) -> None:
    for stem, size in (("one", (8, 8)), ("two", (8, 8)), ("three", (32, 32))):
        save_flat(tmp_path / "made" / f"{stem}.png", size)
    matched = match_outputs(tmp_path / "made", dataset, "A2B")
    assert matched.size == 8
    assert [file.name for file in matched.odd_sized] == ["three.png"]


def test_a_folder_of_the_wrong_direction_says_which_names_were_compared(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/b-one.png")
    with pytest.raises(DataError, match=r"none of its 1 images has the stem.*b-one\.png against one\.jpg"):
        match_outputs(tmp_path / "made", dataset, "A2B")


def test_an_output_that_cannot_be_read_is_named(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    (tmp_path / "made/two.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"two\.png"):
        match_outputs(tmp_path / "made", dataset, "A2B")


def test_two_outputs_of_one_stem_are_refused(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    save_flat(tmp_path / "made/one.bmp")
    with pytest.raises(UsageError, match=r"one\.bmp and .*one\.png"):
        match_outputs(tmp_path / "made", dataset, "A2B")


def test_subfolders_by_direction_are_found(tmp_path: Path) -> None:
    save_flat(tmp_path / "made/A2B/one.png")
    save_flat(tmp_path / "made/B2A/b-one.png")
    made = tmp_path / "made"
    assert folders_by_direction(made, None) == {"A2B": made / "A2B", "B2A": made / "B2A"}
    assert folders_by_direction(made, "B2A") == {"B2A": made / "B2A"}
    assert folders_by_direction(made / "B2A", "B2A") == {"B2A": made / "B2A"}
    assert folders_by_direction(made / "A2B", None) == {"A2B": made / "A2B"}
    save_flat(made / "stray.png")
    with pytest.raises(UsageError, match="images beside A2B and B2A"):
        folders_by_direction(made, None)


def test_the_run_holds_the_matched_files_bit_for_bit(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    save_flat(tmp_path / "made/three.jpg")
    save_flat(tmp_path / "made/other.png")
    matched = match_outputs(tmp_path / "made", dataset, "A2B")
    run = import_outputs({"A2B": matched}, "nice-gan", dataset, tmp_path / "results")
    assert run.path == tmp_path / "results/pets/external" / f"nice-gan-{run.id}"
    stored = sorted(path.name for path in (run.path / "outputs/A2B").iterdir())
    assert stored == ["one.png", "outputs.json", "three.jpg"]
    assert (run.path / "outputs/A2B/three.jpg").read_bytes() == (tmp_path / "made/three.jpg").read_bytes()
    assert run.directions() == ("A2B",)

    outputs = outputs_of(run, dataset, "A2B")
    assert [path.name for path in outputs.sources] == ["one.jpg", "three.jpg"]
    assert [path.name for path in outputs.files] == ["one.png", "three.jpg"]
    assert (outputs.size, outputs.format, outputs.step) == (8, "jpeg+png", None)


def test_the_same_outputs_are_the_same_run_and_changed_ones_need_another_name(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    results = tmp_path / "results"

    def imported(name: str = "nice-gan") -> str:
        return import_outputs({"A2B": match_outputs(tmp_path / "made", dataset, "A2B")}, name, dataset, results).id

    first = imported()
    assert imported() == first
    assert imported("other-name") != first
    save_flat(tmp_path / "made/one.png", colour="green")
    with pytest.raises(UsageError, match=f"run {first} has that name"):
        imported()
    assert imported("changed") != first


@pytest.mark.parametrize("name", ["identity", "real", "../up", "", "-x", "a b"])
def test_a_name_that_another_row_has_or_that_no_folder_can_have_is_refused(
    name: str, dataset: DataSet, tmp_path: Path
) -> None:
    save_flat(tmp_path / "made/one.png")
    matched = match_outputs(tmp_path / "made", dataset, "A2B")
    with pytest.raises(UsageError, match="--name"):
        import_outputs({"A2B": matched}, name, dataset, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_outputs_imported_again_after_test_images_were_added_are_the_same_run(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    matched = {"A2B": match_outputs(tmp_path / "made", dataset, "A2B")}
    run = import_outputs(matched, "acme", dataset, tmp_path / "results")
    save_flat(dataset.root / "testA" / "four.jpg", (16, 16))
    larger = open_dataset(dataset.root)
    matched = {"A2B": match_outputs(tmp_path / "made", larger, "A2B")}
    assert import_outputs(matched, "acme", larger, tmp_path / "results") == run
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["pets"]


def test_outputs_under_a_methods_own_name_are_no_run_of_that_method(dataset: DataSet, tmp_path: Path) -> None:
    save_flat(tmp_path / "made/one.png")
    matched = {"A2B": match_outputs(tmp_path / "made", dataset, "A2B")}
    run = import_outputs(matched, "cyclegan", dataset, tmp_path / "results")  # type: ignore[arg-type]
    assert (run.config.known_as, run.config.name, run.config.label) == ("cyclegan", "external", "cyclegan (external)")
    run = import_outputs(matched, "nice-gan", dataset, tmp_path / "results")  # type: ignore[arg-type]
    assert (run.config.known_as, run.config.name, run.config.label) == ("nice-gan", None, "nice-gan")


COPY = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], dirs_exist_ok=True)"


def test_a_tool_is_run_with_both_folders_and_its_files_are_there(dataset: DataSet) -> None:
    template = f"'{sys.executable}' -c '{COPY}' {{input}} {{output}}"
    with run_tool(template, dataset, "B2A") as folders:
        matched = match_outputs(folders["B2A"], dataset, "B2A")
    assert [file.name for file in matched.files] == ["b-one.jpg", "b-three.jpg", "b-two.jpg"]


def test_no_shell_reads_the_template(dataset: DataSet, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    template = f"'{sys.executable}' -c '{COPY}' {{input}} {{output}} ; touch {marker} $(touch {marker})"
    with run_tool(template, dataset, "A2B"):
        pass
    assert not marker.exists()


@pytest.mark.parametrize(
    ("template", "error", "words"),
    [
        ("tool {input}", UsageError, "needs {input} and {output}"),
        ("'tool {input} {output}", UsageError, "close its quotes"),
        ("/no/such/tool {input} {output}", UsageError, "/no/such/tool could not be run"),
        (f"'{sys.executable}' -c 'raise SystemExit(\"no GPU\")' {{input}} {{output}}", UgbenchError, "no GPU"),
    ],
)
def test_a_tool_that_cannot_work_is_refused_in_words(
    template: str, error: type[Exception], words: str, dataset: DataSet
) -> None:
    with pytest.raises(error, match=words.replace("{", r"\{")), run_tool(template, dataset, "A2B"):
        pass
