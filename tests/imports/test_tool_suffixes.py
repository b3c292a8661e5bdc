"""Which files of another tool are outputs, and when the suffix that it added to the stems of sources is stripped."""

from __future__ import annotations

from pathlib import Path

import pytest

from ugbench.direction import Direction
from ugbench.imports.tool_suffixes import suffixed_files

SOURCES = {"1", "2"}


@pytest.mark.parametrize(
    ("suffix", "direction"),
    [
        ("_fake", "A2B"),
        ("_fake", "B2A"),
        ("_fake_B", "A2B"),
        ("_fake_A", "B2A"),
        ("_synthesized_image", "A2B"),
        ("-outputs", "B2A"),
    ],
)
def test_one_suffix_of_all_outputs_is_found(suffix: str, direction: Direction) -> None:
    images = [Path(f"made/{stem}{suffix}.png") for stem in "12"]
    found = suffixed_files(images, SOURCES, direction)
    assert found is not None
    assert (found.suffix, found.outputs, found.others) == (suffix, tuple(images), ())


@pytest.mark.parametrize(
    ("names", "suffix", "count", "others"),
    [
        (["1_fake_B", "1_rec_A", "1_real_A", "2_fake_B", "2_rec_A", "2_real_A"], "_fake_B", 2, 4),
        (["1_fake", "1_real"], "_fake", 1, 1),
        (["2_input_label", "2_synthesized_image"], "_synthesized_image", 1, 1),
        (["1-inputs", "1-outputs", "1-targets"], "-outputs", 1, 2),
        (["1_real_A", "1_fake_B", "1_rec_A", "1_real_B", "1_fake_A", "1_rec_B"], "_fake_B", 1, 5),
    ],
)
def test_other_files_of_the_tool_are_no_outputs(names: list[str], suffix: str, count: int, others: int) -> None:
    found = suffixed_files([Path(f"made/{name}.png") for name in names], SOURCES, "A2B")
    assert found is not None and found.suffix == suffix
    assert (len(found.outputs), len(found.others)) == (count, others)


@pytest.mark.parametrize(
    ("names", "direction"),
    [
        (["1_fake_B", "3_fake_B"], "A2B"),  # 3 is no source
        (["1_fake_B", "2"], "A2B"),  # a stem is that of a source as it is
        (["1_fake", "2_fake_B"], "A2B"),  # two suffixes of outputs
        (["1_fake_A", "2_fake_A"], "A2B"),  # outputs of the other direction
        (["1_fake_B", "2_fake_B"], "B2A"),
        (["1_fake_A", "1_fake_B", "1_real_B"], "B2A"),  # such files may be called by the sources of A2B
        (["1_rec_A", "2_rec_A"], "A2B"),  # no output at all
        (["1_fake_B", "1_mask"], "A2B"),  # an unknown suffix
        (["1-fake", "2-fake"], "A2B"),
    ],
)
def test_nothing_is_stripped_where_it_is_not_certain(names: list[str], direction: Direction) -> None:
    assert suffixed_files([Path(f"made/{name}.png") for name in names], SOURCES, direction) is None


def test_a_source_whose_own_stem_ends_so_makes_it_uncertain() -> None:
    images = [Path("made/cat_fake.png"), Path("made/dog_fake.png")]
    assert suffixed_files(images, {"cat", "dog"}, "A2B") is not None
    assert suffixed_files(images, {"cat", "dog", "cat_fake"}, "A2B") is None
