"""A style depends on the seed, on the place of its image and on the number of the sample, and on nothing else."""

from __future__ import annotations

import torch

from ugbench.data.seeding import generator_for
from ugbench.data.styles import draw_styles


def test_a_style_is_drawn_from_a_generator_of_its_own() -> None:
    styles = draw_styles(5, range(4), samples=3, seed=7)
    assert styles.shape == (4, 3, 5) and styles.dtype == torch.float32
    assert styles[2, 1].equal(torch.randn(5, generator=generator_for(7, "style", 1, 2)))


def test_other_images_and_samples_do_not_change_a_style() -> None:
    styles = draw_styles(8, range(6), samples=3)
    assert draw_styles(8, range(6), samples=1).equal(styles[:, :1])
    assert draw_styles(8, [4, 1], samples=2).equal(styles[[4, 1], :2])


def test_every_image_sample_and_seed_has_another_style() -> None:
    styles = torch.cat([draw_styles(8, range(6), samples=3, seed=seed).flatten(0, 1) for seed in (0, 1)])
    assert len({tuple(style) for style in styles.tolist()}) == 36


def test_styles_are_standard_normal() -> None:
    styles = draw_styles(8, range(500), samples=2)
    assert abs(float(styles.mean())) < 0.05 and abs(float(styles.std()) - 1) < 0.05
    between = torch.corrcoef(torch.stack([styles[:, 0].flatten(), styles[:, 1].flatten()]))[0, 1]
    assert abs(float(between)) < 0.05
