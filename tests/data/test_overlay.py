import torch

from ugbench.data.overlay import overlay, stretch


def test_each_map_is_stretched_to_its_own_minimum_and_maximum() -> None:
    maps = torch.tensor([[[[-3.0, 1.0]]], [[[10.0, 30.0]]], [[[5.0, 5.0]]]])
    assert stretch(maps, (1, 2)).flatten(1).tolist() == [[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    assert stretch(maps[:1], (1, 4)).flatten().tolist() == [0.0, 0.25, 0.75, 1.0]


def test_an_overlay_is_dark_where_the_map_is_low_and_half_the_image_shows_through() -> None:
    image = torch.full((3, 2, 2), 200, dtype=torch.uint8)
    cold, hot = overlay(image, torch.tensor([[[0.0, 9.0], [0.0, 9.0]]])).float().mean((0, 1)).tolist()
    assert 100 <= cold < 102 < 200 < hot
