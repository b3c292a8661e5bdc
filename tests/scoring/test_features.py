from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from ranks_in_threads import served
from torch import Tensor, nn

from ugbench.data.tensors import load_images
from ugbench.errors import DataError, UsageError
from ugbench.scoring import features as module
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.networks import extractor_copies
from ugbench.scoring.networks.extractor_copies import FEATURES, Extract, ExtractorsOfRank, copies_on
from ugbench.scoring.networks.extractors import LoadedExtractor, extract, load_extractor
from ugbench.scoring.protocols import Resize

SQUASHED = (Resize(32),)


class Counting(nn.Module):
    """A network that remembers the shape of each batch it saw."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        features: Tensor = self.network(images)
        return features

    def seen(self) -> int:
        """Images since the last time this was asked."""
        count = sum(shape[0] for shape in self.shapes)
        self.shapes.clear()
        return count


@pytest.fixture
def counting() -> Counting:
    return Counting(load_extractor("random", {}).network)


@pytest.fixture
def extractor(counting: Counting) -> LoadedExtractor:
    return replace(load_extractor("random", {}), network=counting)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    def say(text: str) -> None:
        raise AssertionError(f"nothing was to be said: {text}")

    return Cache(tmp_path / "cache", say)


def draw(folder: Path, count: int, size: tuple[int, int] = (40, 40), seed: int = 0) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    files = []
    for number in range(count):
        pixels = random.integers(0, 256, (size[1], size[0], 3)) * random.random(3)
        files.append(folder / f"{seed}-{number:03}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(files[-1])
    return files


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [24, 40])
def test_features_are_those_of_the_squashed_images_in_the_order_of_the_files(
    size: int, tmp_path: Path, extractor: LoadedExtractor
) -> None:
    files = draw(tmp_path / "a", 70, (50, 40))[::-1]
    found = features_of(files, (Resize(size),), extractor)
    assert found.dtype == torch.float32 and found.shape == (70, extractor.dim)
    assert found.std(0).max() > 1e-2
    close(found, extract(extractor, load_images(files, size)))


def test_without_a_size_files_are_taken_as_they_are_whatever_their_shapes(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting
) -> None:
    wide, tall = draw(tmp_path / "a", 3, (50, 30), 1), draw(tmp_path / "a", 3, (30, 50), 2)
    mixed = [file for pair in zip(wide, tall, strict=True) for file in pair]
    found = features_of(mixed, (), extractor)
    assert sorted(counting.shapes) == [(3, 3, 30, 50), (3, 3, 50, 30)]
    for place, file in enumerate(mixed):
        close(found[place : place + 1], features_of([file], (), extractor))
    assert not torch.allclose(found, features_of(mixed, (Resize(30),), extractor))


def test_a_renamed_folder_and_renamed_files_hit_and_give_the_same_bits(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache
) -> None:
    files = draw(tmp_path / "a", 40)
    computed = features_of(files, SQUASHED, extractor, cache=cache)
    assert counting.seen() == 40
    (tmp_path / "a").rename(tmp_path / "b")
    moved = [file.rename(tmp_path / "b" / f"{99 - n}.png") for n, file in enumerate((tmp_path / "b").iterdir())]
    order = {file.read_bytes(): n for n, file in enumerate(sorted((tmp_path / "b").iterdir()))}
    again = features_of(moved, SQUASHED, extractor, cache=cache)
    assert counting.seen() == 0
    files_again = draw(tmp_path / "a", 40)
    places = [[file.read_bytes() for file in moved].index(file.read_bytes()) for file in files_again]
    assert len(order) == 40 and torch.equal(again[places], computed)


def test_a_changed_image_misses_and_the_others_hit(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache
) -> None:
    files = draw(tmp_path / "a", 5)
    before = features_of(files, SQUASHED, extractor, cache=cache)
    counting.seen()
    pixels = np.array(Image.open(files[2]))
    pixels[:20] = 255 - pixels[:20]
    Image.fromarray(pixels).save(files[2])
    after = features_of(files, SQUASHED, extractor, cache=cache)
    assert counting.seen() == 1
    changed = (before != after).any(1)
    assert changed.tolist() == [False, False, True, False, False]


def test_other_weights_another_size_and_another_transform_miss(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache
) -> None:
    files = draw(tmp_path / "a", 3)
    features_of(files, SQUASHED, extractor, cache=cache)
    counting.seen()
    for stages, other in (
        ((Resize(33),), extractor),
        ((Resize(32, "bicubic"),), extractor),
        ((*SQUASHED, Resize(64)), extractor),
        ((), extractor),
        (SQUASHED, replace(extractor, sha256="0" * 64)),
        (SQUASHED, replace(extractor, transform="none")),
        (SQUASHED, replace(extractor, name="other")),
    ):
        features_of(files, stages, other, cache=cache)
        assert counting.seen() == 3
    features_of(files, SQUASHED, extractor, cache=cache)
    assert counting.seen() == 0


def test_equal_contents_are_computed_once_even_without_a_cache(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting
) -> None:
    files = draw(tmp_path / "a", 3)
    (tmp_path / "a/copy.png").write_bytes(files[1].read_bytes())
    found = features_of([*files, tmp_path / "a/copy.png", files[1]], SQUASHED, extractor)
    assert counting.seen() == 3
    assert torch.equal(found[3], found[1]) and torch.equal(found[4], found[1])
    assert not torch.equal(found[3], found[0])


def test_hits_beside_misses_change_no_feature(tmp_path: Path, extractor: LoadedExtractor, cache: Cache) -> None:
    files = draw(tmp_path / "a", 50)
    wanted = features_of(files, SQUASHED, extractor)
    features_of(files[::3], SQUASHED, extractor, cache=cache)
    close(features_of(files, SQUASHED, extractor, cache=cache), wanted)
    close(features_of(files, SQUASHED, extractor, cache=cache), wanted)


def test_no_more_images_wait_for_the_network_than_a_batch_has(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    held: list[int] = []
    batches = module._batches

    def watched(images: Iterable[module._Image]) -> Iterator[list[module._Image]]:
        def counted() -> Iterator[module._Image]:
            for number, image in enumerate(images, 1):
                held.append(number - sum(shape[0] for shape in counting.shapes))
                yield image

        return batches(counted())

    monkeypatch.setattr(module, "_batches", watched)
    files = [file for n in range(11) for file in draw(tmp_path / "a", 1, (20 + n, 20), n)]
    features_of(files, (), extractor)
    assert max(held) == 4
    assert counting.seen() == 11


@pytest.mark.parametrize("cached", [False, True])
def test_several_devices_give_the_bits_of_one_and_each_takes_its_share(
    tmp_path: Path, extractor: LoadedExtractor, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    files = [file for n in range(3) for file in draw(tmp_path / "a", 5, (30 + 4 * n, 30), n)] * 2  # each one twice
    files = files[::2] + files[1::2]
    wanted = features_of(files, (), extractor)
    counts: list[int] = []
    copies = copies_on(extractor, [torch.device("cpu")] * 2, {})

    def counted(extract: Extract, images: Tensor) -> Tensor:
        counts.append(len(images))
        return extract(images)

    cache = Cache(tmp_path / "cache") if cached else None
    found = features_of(files, (), extractor, cache=cache, copies=[partial(counted, copy) for copy in copies])
    assert torch.equal(found, wanted)
    assert len(counts) >= 2 and sum(counts) < 15, "the first device has its share too"
    if cached:
        assert torch.equal(features_of(files, (), extractor, cache=cache, copies=[pytest.fail]), wanted)


def test_another_process_gives_the_bits_of_this_one_and_loads_the_extractor_once(
    tmp_path: Path, extractor: LoadedExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    files = draw(tmp_path / "a", 9)
    wanted = features_of(files, (), extractor)
    loaded: list[tuple[str, dict[str, Path]]] = []

    def load(name: str, weights: dict[str, Path]) -> LoadedExtractor:
        loaded.append((name, weights))
        return load_extractor(name, {})

    monkeypatch.setattr(extractor_copies, "load_extractor", load)
    file = tmp_path / "caf\udce9.pth"
    with served({FEATURES: ExtractorsOfRank(torch.device("cpu"))}) as other:
        found = features_of(files, (), extractor, copies=copies_on(extractor, [other], {"random": file}))
        assert torch.equal(found, wanted)
        assert loaded == [("random", {"random": file})]
        changed = copies_on(replace(extractor, sha256="0" * 64), [other], {})
        with pytest.raises(UsageError, match="random: its weights changed while they were used"):
            features_of(files, (), extractor, copies=changed)


def test_with_several_devices_a_bad_file_is_named_and_what_came_before_it_is_kept(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    files = draw(tmp_path / "a", 9)
    files[8].write_text("no image")
    with pytest.raises(DataError, match=r"0-008\.png: not a readable image"):
        copies = copies_on(extractor, [torch.device("cpu")], {})
        features_of(files, SQUASHED, extractor, cache=cache, copies=copies)
    counting.seen()
    features_of(files[:8], SQUASHED, extractor, cache=cache)
    assert counting.seen() == 0


def test_a_cache_deleted_while_it_is_read_costs_time_alone(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache
) -> None:
    files = draw(tmp_path / "a", 6)
    wanted = features_of(files, SQUASHED, extractor, cache=cache)
    counting.seen()

    def delete(done: int, total: int) -> None:
        if done == total:
            for shard in cache.folder.rglob("*.safetensors"):
                shard.unlink()

    close(features_of(files, SQUASHED, extractor, cache=cache, progress=delete), wanted)
    assert counting.seen() == 6
    assert torch.equal(
        features_of(files, SQUASHED, extractor, cache=cache), features_of(files, SQUASHED, extractor, cache=cache)
    )
    assert counting.seen() == 0


def test_a_damaged_shard_is_said_and_its_images_are_computed_again(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting
) -> None:
    said: list[str] = []
    cache = Cache(tmp_path / "cache", said.append)
    files = draw(tmp_path / "a", 6)
    wanted = features_of(files, SQUASHED, extractor, cache=cache)
    counting.seen()
    shard = next(cache.folder.rglob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    close(features_of(files, SQUASHED, extractor, cache=cache), wanted)
    assert counting.seen() == 6 and len(said) == 1 and str(shard) in said[0]
    features_of(files, SQUASHED, extractor, cache=cache)
    assert counting.seen() == 0 and len(said) == 1


def test_features_go_to_the_cache_a_shard_at_a_time(
    tmp_path: Path, extractor: LoadedExtractor, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "SHARD", 4)
    stored: list[int] = []
    files = draw(tmp_path / "a", 9)
    features_of(
        files,
        SQUASHED,
        extractor,
        cache=cache,
        progress=lambda *_: stored.append(len([*cache.folder.rglob("*.safetensors")])),
    )
    assert stored == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert len([*cache.folder.rglob("*.safetensors")]) == 3


def test_a_bad_file_is_named_and_what_came_before_it_is_kept(
    tmp_path: Path, extractor: LoadedExtractor, counting: Counting, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    files = draw(tmp_path / "a", 9)
    files[8].write_text("no image")
    with pytest.raises(DataError, match=r"0-008\.png: not a readable image"):
        features_of(files, SQUASHED, extractor, cache=cache)
    with pytest.raises(DataError, match=r"missing\.png: not a readable image"):
        features_of([tmp_path / "missing.png"], SQUASHED, extractor, cache=cache)
    counting.seen()
    features_of(files[:8], SQUASHED, extractor, cache=cache)
    assert counting.seen() == 0


def test_progress_is_told_after_every_file_hit_or_miss(
    tmp_path: Path, extractor: LoadedExtractor, cache: Cache
) -> None:
    files = draw(tmp_path / "a", 3)
    for _ in range(2):
        told: list[tuple[int, int]] = []
        features_of(
            files, SQUASHED, extractor, cache=cache, progress=lambda done, total, told=told: told.append((done, total))
        )  # type: ignore[misc]
        assert told == [(1, 3), (2, 3), (3, 3)]


def test_no_files_give_no_features(extractor: LoadedExtractor, cache: Cache) -> None:
    assert features_of([], SQUASHED, extractor, cache=cache).shape == (0, extractor.dim)
