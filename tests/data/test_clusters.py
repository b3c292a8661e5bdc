from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches
from PIL import ImageOps

from ugbench.data import duplicates
from ugbench.data.clusters import clusters
from ugbench.data.duplicates import BITS, MAX_DISTANCE, Hash, perceptual_hashes
from ugbench.data.images import list_images, read_image

FAR = np.arange(BITS) % 2 == 0  # the hash of a mirror image that is near to none of the others


def with_bits(count: int) -> tuple[Hash, Hash]:
    """Hashes of an image of which the first bits are set, and the rest are not."""
    return np.arange(BITS) < count, FAR


def test_no_images_have_no_clusters_and_different_images_are_clusters_of_their_own() -> None:
    assert clusters([]) == []
    assert clusters([perceptual_hashes(patches(seed)) for seed in range(4)]) == [0, 1, 2, 3]


def test_clusters_are_numbered_by_their_first_image() -> None:
    images = [patches(0), patches(1), patches(0).resize((40, 40)), patches(2), patches(1)]
    assert clusters([perceptual_hashes(image) for image in images]) == [0, 1, 0, 2, 1]


def test_images_are_joined_by_a_chain_of_near_pairs_though_its_ends_are_far_apart() -> None:
    assert clusters([with_bits(0), with_bits(MAX_DISTANCE)]) == [0, 0]
    assert clusters([with_bits(0), with_bits(MAX_DISTANCE + 1)]) == [0, 1]
    chain = [with_bits(0), with_bits(2 * MAX_DISTANCE), with_bits(MAX_DISTANCE)]
    assert clusters(chain[:2]) == [0, 1]
    assert clusters(chain) == [0, 0, 0]


def test_a_mirror_image_is_in_the_cluster_of_its_image_in_either_order() -> None:
    pair = [perceptual_hashes(patches(0)), perceptual_hashes(ImageOps.mirror(patches(0)))]
    assert clusters(pair) == clusters(pair[::-1]) == [0, 0]
    # A hash that only the mirrored hash of the other image is near to: which of the two comes first must not count.
    near_to_mirrored = [(np.zeros(BITS, dtype=bool), FAR), (np.arange(BITS) < BITS // 2, np.zeros(BITS, dtype=bool))]
    assert clusters(near_to_mirrored) == clusters(near_to_mirrored[::-1]) == [0, 0]


def test_clusters_do_not_depend_on_how_many_rows_of_the_table_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [with_bits(bits) for bits in (0, 200, 55, 110, 256, 165)]
    two = [with_bits(bits) for bits in (0, 200, 200, 0, 256)]
    whole = clusters(chain), clusters(two)
    monkeypatch.setattr(duplicates, "_ROWS", 2)
    assert (clusters(chain), clusters(two)) == whole == ([0] * 6, [0, 1, 1, 0, 1])


def test_of_real_photographs_two_crops_of_one_are_the_only_cluster_of_several(test_data: Path) -> None:
    paths = list_images(test_data / "data" / "cat2dog_ablation" / "testB")
    numbers = clusters([perceptual_hashes(read_image(path)) for path in paths])
    several = [path.stem for path, number in zip(paths, numbers, strict=True) if numbers.count(number) > 1]
    assert several == ["B2A_60", "B2A_76"]
