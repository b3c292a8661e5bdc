"""Each output has a style of its own, or all have the style of one example image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from styled_method import Styled, built
from torch import Tensor
from toy_runs import Toy

from ugbench.data.images import read_image
from ugbench.data.styles import draw_styles
from ugbench.data.tensors import load_images, to_float, to_uint8
from ugbench.errors import DataError, UsageError
from ugbench.inference.image_files import write_outputs
from ugbench.inference.styles import Styles, choose_styles
from ugbench.inference.translate import translate


@pytest.fixture
def method() -> Styled:
    return built()


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Five files with the same image of 8 px."""
    files = [tmp_path / "in" / f"{stem}.png" for stem in "abcde"]
    files[0].parent.mkdir()
    for file in files:
        Image.new("RGB", (8, 8), (200, 100, 50)).save(file)
    return files


def written(method: Styled, sources: list[Path], folder: Path, **options: object) -> dict[str, Tensor]:
    """The outputs that `write_outputs` writes, by file name."""
    write_outputs(method, sources, folder, "A2B", **options)
    files = sorted(folder.iterdir())
    return dict(zip([file.name for file in files], load_images(files, 8), strict=True))


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


def test_an_output_is_the_translation_with_the_drawn_style_of_its_place(method: Styled, sources: list[Path]) -> None:
    outputs = written(method, sources, sources[0].parent / "out", styles=Styles(samples=2, seed=3))
    x, styles = to_float(load_images(sources, 8)), draw_styles(3, range(5), samples=2, seed=3)
    for k in range(2):
        expected = to_uint8(method.translate(x, "A2B", styles[:, k]))
        for stem, output in zip("abcde", expected, strict=True):
            assert outputs[f"{stem}.{k}.png"].equal(output)


def test_equal_images_have_different_outputs(method: Styled, sources: list[Path], tmp_path: Path) -> None:
    outputs = written(method, sources, tmp_path / "out")
    assert len({tuple(output.flatten().tolist()) for output in outputs.values()}) == 5


def test_styles_do_not_depend_on_batches_or_on_the_number_of_samples(
    method: Styled, sources: list[Path], tmp_path: Path
) -> None:
    one_batch = written(method, sources, tmp_path / "one")
    assert same(written(method, sources, tmp_path / "batches", batch_size=2), one_batch)
    several = written(method, sources, tmp_path / "several", batch_size=3, styles=Styles(samples=3))
    assert all(several[f"{stem}.0.png"].equal(one_batch[f"{stem}.png"]) for stem in "abcde")
    assert not several["a.1.png"].equal(several["a.0.png"])


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_an_image_that_cannot_be_read_changes_no_other_style(
    method: Styled, sources: list[Path], tmp_path: Path, batch_size: int
) -> None:
    whole = written(method, sources, tmp_path / "whole")
    sources[1].write_text("no image")
    bad: list[DataError] = []
    outputs = written(method, sources, tmp_path / "out", batch_size=batch_size, on_bad=bad.append)
    assert len(bad) == 1 and same(outputs, {name: whole[name] for name in whole if name != "b.png"})


def test_without_styles_each_image_gets_one_by_its_number(method: Styled, sources: list[Path]) -> None:
    images = load_images(sources, 8)
    drawn = torch.cat(list(translate(method, images, "A2B", batch_size=2)))
    assert drawn.equal(torch.cat(list(translate(method, images, "A2B", styles=draw_styles(3, range(5))))))


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_the_style_of_an_example_is_that_of_the_very_image_at_the_runs_size(
    method: Styled, sources: list[Path], tmp_path: Path, direction: str
) -> None:
    noise = torch.randint(0, 256, (20, 12, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    Image.fromarray(noise.numpy()).save(tmp_path / "example.png")
    styles = choose_styles(method, "styled", direction, example=Image.fromarray(noise.numpy()))
    example = to_float(load_images([tmp_path / "example.png"], 8))
    assert styles.example is not None and styles.example.equal(method.encode_style(example, direction)[0])
    outputs = written(method, sources, tmp_path / "out", batch_size=2, styles=styles)
    (expected,) = to_uint8(method.translate(to_float(load_images(sources[:1], 8)), "A2B", styles.example[None]))
    assert len(outputs) == 5 and all(output.equal(expected) for output in outputs.values())


def test_the_options_are_those_of_the_drawn_styles(method: Styled) -> None:
    assert choose_styles(method, "styled", "A2B") == Styles(1, 0)
    assert choose_styles(method, "styled", "A2B", samples=4, seed=9) == Styles(4, 9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"samples": 2}, r"^--samples 2: toy makes one output for each image; leave it out\.$"),
        ({"seed": 0}, r"^--seed 0: toy makes one output for each image; leave it out\.$"),
        (
            {"example": Image.new("RGB", (8, 8)), "example_name": "x.png"},
            r"^--style x\.png: toy makes one output for each image; leave it out\.$",
        ),
    ],
)
def test_a_method_without_a_style_has_no_such_options(options: dict[str, object], says: str) -> None:
    method = Toy(Toy.make_config("paper"))
    assert choose_styles(method, "toy", "A2B") == Styles()
    with pytest.raises(UsageError, match=says):
        choose_styles(method, "toy", "A2B", **options)


@pytest.mark.parametrize(("options", "named"), [({"samples": 2}, "--samples 2"), ({"seed": 1}, "--seed 1")])
def test_an_example_excludes_drawn_styles(
    method: Styled, sources: list[Path], options: dict[str, int], named: str
) -> None:
    with pytest.raises(UsageError, match=rf"a\.png gives all outputs one style, so {named} has no effect"):
        choose_styles(method, "styled", "A2B", example=read_image(sources[0]), example_name=sources[0], **options)


@pytest.mark.parametrize(
    ("encode", "says"),
    [
        (lambda x, _: x.mean((2, 3))[0], r"munit computed has the shape \(3,\) instead of \(1, 3\); correct its"),
        (lambda x, _: x.mean((2, 3))[:, :, None], r"munit computed has the shape \(1, 3, 1\) instead of \(1, 3\)"),
        (lambda x, _: x.mean((2, 3)).log() * 0, r"munit computed is NaN or infinite; use another image or checkpoint"),
    ],
)
def test_a_style_of_a_wrong_shape_or_value_names_the_method(
    method: Styled,
    sources: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    encode: Callable[[Tensor, str], Tensor],
    says: str,
) -> None:
    monkeypatch.setattr(method, "encode_style", encode)
    with pytest.raises(UsageError, match=rf"^--style {sources[0]}: the style that {says}"):
        choose_styles(method, "munit", "A2B", example=read_image(sources[0]), example_name=sources[0])


def test_a_method_that_takes_no_style_of_an_image_says_so(
    sources: list[Path], monkeypatch: pytest.MonkeyPatch, method: Styled
) -> None:
    monkeypatch.delattr(Styled, "encode_style")
    with pytest.raises(UsageError, match=r"a\.png: Styled cannot take the style of an image; leave it out, and styles"):
        choose_styles(method, "styled", "A2B", example=read_image(sources[0]), example_name=sources[0])
