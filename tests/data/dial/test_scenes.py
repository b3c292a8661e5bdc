import time

import numpy as np
import pytest
import torch

from ugbench.data.dial.dataset import object_mask
from ugbench.data.dial.scenes import CHROMA, GROUND, RADII, Scene, draw_scene, outline, render

SETTINGS = [(0, 0), (1, 0), (0, 1), (0.5, 0.5), (1, 1)]
SCENES = [draw_scene(0, "test", i) for i in range(12)]
SHAPE_ALONE: list[tuple[float, float]] = [(0.25, 0), (0.5, 0), (0.75, 0), (1, 0)]
TEXTURE_ALONE: list[tuple[float, float]] = [(0, 0.25), (0, 0.5), (0, 0.75), (0, 1)]
CENTRED = Scene(0.5, 0.5, 0.25, 0.1)


def mask(image: np.ndarray) -> np.ndarray:
    return object_mask(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_scene_depends_on_seed_stream_and_index_alone() -> None:
    assert draw_scene(3, "test", 5) == draw_scene(3, "test", 5)
    keys = [(3, "test", 5), (4, "test", 5), (3, "trainA", 5), (3, "trainB", 5), (3, "test", 6)]
    assert len({draw_scene(*key) for key in keys}) == len(keys)


def test_the_first_scene_never_changes() -> None:
    scene = draw_scene(0, "test", 0)
    assert (scene.x, scene.y, scene.radius, scene.hue) == pytest.approx(
        (0.4485814022, 0.5041259030, 0.2892830530, 0.0090647884), abs=1e-9
    )


def test_hues_and_radii_are_skewed_so_that_no_other_map_of_them_fits() -> None:
    scenes = [draw_scene(0, "trainA", i) for i in range(1000)]
    for values in (np.array([s.hue for s in scenes]) / 0.72, np.array([s.radius for s in scenes])):
        spread = values - values.mean()
        assert abs((spread**3).mean() / spread.std() ** 3) > 0.3
    assert min(s.radius for s in scenes) >= RADII[0]
    assert max(s.radius for s in scenes) <= RADII[1]


def test_the_largest_star_stays_inside_the_image() -> None:
    for scene in (draw_scene(1, "trainB", i) for i in range(200)):
        mask_of_star = outline(scene, 1, 64)
        assert mask_of_star.any()
        assert not (
            mask_of_star[0].any() or mask_of_star[-1].any() or mask_of_star[:, 0].any() or mask_of_star[:, -1].any()
        )


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_the_mask_read_off_an_image_is_the_true_outline(size: int) -> None:
    for scene in SCENES:
        for shape, texture in SETTINGS:
            assert iou(mask(render(scene, shape, texture, size)), outline(scene, shape, size)) > 0.95


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_an_untouched_disc_overlaps_its_star_by_little_more_than_half(size: int) -> None:
    overlaps = [iou(mask(render(s, 0, 0, size)), mask(render(s, 1, 1, size))) for s in SCENES]
    assert np.mean(overlaps) == pytest.approx(0.54, abs=0.02)


def test_texture_does_not_move_the_mask() -> None:
    for scene in SCENES:
        assert np.array_equal(mask(render(scene, 1, 0, 64)), mask(render(scene, 1, 1, 64)))


def test_each_setting_goes_up_without_a_jump() -> None:
    start = render(CENTRED, 0, 0, 64).astype(int)
    for settings in (SHAPE_ALONE, TEXTURE_ALONE):
        moved = [np.abs(render(CENTRED, *setting, 64) - start).mean() for setting in settings]
        assert moved == sorted(moved)
        assert moved[0] == pytest.approx(moved[3] / 4, rel=0.1)


def test_the_star_has_a_lobe_on_top_and_a_notch_below() -> None:
    star = outline(CENTRED, 1, 100)
    assert star[14, 50]  # 1.44 radii above the centre
    assert not star[64, 50]  # 0.58 radii below it, inside the disc
    assert star[59, 50]
    assert outline(CENTRED, 0, 100)[64, 50]


def test_ground_is_plain_grey_in_a_and_lighter_and_hatched_at_full_texture() -> None:
    corner_a = render(CENTRED, 1, 0, 64)[:8].astype(int)
    assert np.unique(corner_a).tolist() == [round(255 * GROUND)]
    corner_b = render(CENTRED, 1, 1, 64)[:8].astype(int)
    assert (np.ptp(corner_b, axis=2) == 0).all()  # grey
    assert corner_b.mean() > corner_a.mean() + 25
    assert np.ptp(corner_b[0, :, 0]) > 40  # hatched across
    assert (corner_b == corner_b[:1]).all()  # and the same all the way down


def test_the_object_is_shaded_smoothly_in_a_and_striped_at_full_texture() -> None:
    inside = slice(20, 44)
    shaded, striped = (render(CENTRED, 0, texture, 64)[inside, 32, 2].astype(int) for texture in (0, 1))
    assert np.abs(np.diff(shaded)).max() <= 8
    assert np.abs(np.diff(striped)).max() >= 25
    assert len(np.flatnonzero(np.diff(np.sign(striped - striped.mean())))) >= 3


def test_chroma_is_the_same_all_over_the_object() -> None:
    for texture in (0, 1):
        image = render(CENTRED, 0, texture, 64).astype(int)[24:40, 24:40]
        chroma = image.max(2) - image.min(2)
        assert np.abs(chroma - 255 * CHROMA).max() <= 1


def test_the_image_shows_the_hue_of_the_scene() -> None:
    for hue, order in ((0.0, (0, 1, 2)), (1 / 3, (1, 0, 2)), (0.6, (2, 1, 0))):
        for texture in (0, 1):
            red_green_blue = render(Scene(0.5, 0.5, 0.25, hue), 0, texture, 64)[32, 32].astype(int)
            assert red_green_blue.argmax() == order[0]


def test_a_mirrored_scene_is_the_mirror_image() -> None:
    for scene in SCENES:
        mirrored = Scene(1 - scene.x, scene.y, scene.radius, scene.hue)
        difference = render(scene, 1, 1, 64)[:, ::-1].astype(int) - render(mirrored, 1, 1, 64)
        assert np.abs(difference).max() <= 1


def test_a_moved_scene_is_the_moved_image_so_that_nothing_depends_on_the_frame() -> None:
    here, there = Scene(0.4, 0.4, 0.22, 0.2), Scene(0.4 + 4 / 64, 0.4 + 6 / 64, 0.22, 0.2)
    moved = render(here, 1, 1, 64)[: 64 - 6, : 64 - 4].astype(int)
    assert np.abs(moved - render(there, 1, 1, 64)[6:, 4:]).max() <= 1


def test_a_scene_looks_the_same_at_every_size() -> None:
    for scene in SCENES[:4]:
        small, large = render(scene, 1, 1, 64).astype(float), render(scene, 1, 1, 128).astype(float)
        assert np.abs(large.reshape(64, 2, 64, 2, 3).mean((1, 3)) - small).mean() < 1


def test_edges_are_antialiased() -> None:
    image = render(CENTRED, 0, 0, 64).astype(int)
    chroma = image.max(2) - image.min(2)
    assert len(np.unique(chroma[(chroma > 8) & (chroma < 120)])) >= 8


def test_rendering_twice_gives_the_same_bits() -> None:
    for size in (33, 64):
        assert np.array_equal(render(SCENES[0], 0.7, 0.3, size), render(SCENES[0], 0.7, 0.3, size))


def test_an_image_takes_milliseconds() -> None:
    def seconds() -> float:
        start = time.process_time()
        render(SCENES[0], 1, 1, 64)
        return time.process_time() - start

    assert min(seconds() for _ in range(20)) < 0.02  # about 2 ms on one core; a slow machine may take more
