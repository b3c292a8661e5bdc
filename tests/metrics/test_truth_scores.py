import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import changed, iou, unchanged


def flat(level: int, n: int = 2) -> Tensor:
    return torch.full((n, 3, 4, 4), level, dtype=torch.uint8)


def half(level: int, other: int, n: int = 2) -> Tensor:
    """Left half `level`, right half `other`."""
    images = flat(level, n)
    images[..., 2:] = other
    return images


SOURCE, TRUTH = flat(100), half(100, 200)


def test_doing_nothing_scores_one_and_the_truth_scores_zero() -> None:
    assert changed.compute(SOURCE, SOURCE, TRUTH).value == 1.0
    assert changed.compute(SOURCE, TRUTH, TRUTH).value == 0.0
    assert unchanged.compute(SOURCE, SOURCE, TRUTH).value == 0.0
    assert unchanged.compute(SOURCE, TRUTH, TRUTH).value == 0.0


def test_changed_looks_only_where_change_is_due_and_unchanged_only_elsewhere() -> None:
    output = half(151, 180)  # off by 51 of 255 where it should stay, by 20 of 100 where it should change
    assert changed.compute(SOURCE, output, TRUTH).value == pytest.approx(0.2)
    assert unchanged.compute(SOURCE, output, TRUTH).value == pytest.approx(0.2)
    assert changed.compute(SOURCE, half(0, 0), TRUTH).value == pytest.approx(2.0)
    assert unchanged.compute(SOURCE, half(0, 0), TRUTH).value == pytest.approx(100 / 255)


def test_bytes_do_not_wrap_around() -> None:
    assert changed.compute(flat(255), flat(255), half(255, 0)).value == 1.0
    assert changed.compute(flat(0), flat(255), half(0, 5)).value == pytest.approx(50.0)


def test_one_channel_over_the_threshold_makes_a_pixel_change() -> None:
    truth = SOURCE.clone()
    truth[:, 1, :, 0] += 3  # a pixel in four: one channel by 3
    truth[:, :, :, 1] += 2  # not over the threshold
    output = SOURCE.clone()
    output[:, 2, :, 0] += 6
    assert changed.compute(SOURCE, output, truth).value == pytest.approx((3 + 6) / 3)
    # 12 of 16 pixels stay, 4 of them off by 2.
    assert unchanged.compute(SOURCE, output, truth).value == pytest.approx(2 * 4 / 12 / 255)
    assert changed.compute(SOURCE, output, truth, threshold=1).value == pytest.approx((3 + 6 + 6) / (3 + 6))


def test_images_weigh_by_how_much_should_change_in_them() -> None:
    truth = torch.cat([half(100, 200, 1), SOURCE[:1].clone()])
    truth[1, :, 0, 0] = 104
    output = torch.cat([truth[:1], SOURCE[:1]])
    # The first is perfect, the second does nothing: 3 channels of 4 levels are missing of 3 * (8 * 100 + 4).
    assert changed.compute(SOURCE, output, truth).value == pytest.approx(4 / 804)


def test_errors_come_over_images_with_an_interval_from_fifty_on() -> None:
    output = torch.cat([half(100, 200, 25), half(100, 150, 25)])
    score = changed.compute(flat(100, 50), output, half(100, 200, 50))
    assert score.value == pytest.approx(0.25)
    assert score.se == pytest.approx(0.25 / 49**0.5)
    assert score.low == pytest.approx(0.25 - 2.00958 * 0.25 / 49**0.5, abs=1e-5)


def test_more_images_than_a_chunk_are_all_counted() -> None:
    output = torch.cat([half(100, 200, 70), half(100, 100, 30)])
    assert changed.compute(flat(100, 100), output, half(100, 200, 100)).value == pytest.approx(0.3)


def test_a_score_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="leave this metric out"):
        changed.compute(SOURCE, TRUTH, SOURCE)
    with pytest.raises(UsageError, match="leave this metric out"):
        unchanged.compute(SOURCE, TRUTH, flat(200))


@pytest.mark.parametrize("metric", [changed, unchanged])
def test_images_that_do_not_match_their_truth_are_refused(metric: object) -> None:
    compute = metric.compute  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="do not match"):
        compute(SOURCE, TRUTH[:1], TRUTH)
    with pytest.raises(UsageError, match="do not match"):
        compute(SOURCE[:0], TRUTH[:0], TRUTH[:0])
    with pytest.raises(UsageError, match="threshold=256"):
        compute(SOURCE, SOURCE, TRUTH, threshold=256)


def test_iou_of_images_that_do_not_match_their_truth_is_refused() -> None:
    with pytest.raises(UsageError, match="do not match"):
        iou.compute(TRUTH[:1], TRUTH)
    with pytest.raises(UsageError, match="do not match"):
        iou.compute(TRUTH[:0], TRUTH[:0])


def scene(*columns: int) -> Tensor:
    """Grey ground with a saturated object in these of 8 columns, (1, 3, 8, 8)."""
    image = torch.full((1, 3, 8, 8), 120, dtype=torch.uint8)
    for column in columns:
        image[:, :, :, column] = torch.tensor([230, 30, 30], dtype=torch.uint8).view(1, 3, 1)
    return image


def test_iou_is_of_the_objects_in_output_and_truth() -> None:
    truth = torch.cat([scene(2, 3, 4, 5)] * 3)
    output = torch.cat([scene(2, 3, 4, 5), scene(4, 5, 6, 7), scene(0, 1)])
    score = iou.compute(output, truth)
    assert score.value == pytest.approx((1 + 2 / 6 + 0) / 3)
    assert score.se == pytest.approx(float(torch.tensor([1, 1 / 3, 0]).std()) / 3**0.5, rel=1e-5)


def test_iou_of_two_scenes_without_objects_is_one_and_of_one_missing_is_zero() -> None:
    assert iou.compute(scene(), scene()).value == 1.0
    assert iou.compute(scene(), scene(3)).value == 0.0
    assert iou.compute(scene(3), scene()).value == 0.0
