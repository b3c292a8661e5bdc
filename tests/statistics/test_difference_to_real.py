"""The difference of the KID of outputs to that of other real images, with shared references."""

import math

import numpy as np
import pytest
import torch

from ugbench.errors import UsageError
from ugbench.metrics import _kernel, kid
from ugbench.metrics._kid_interval import kid_interval
from ugbench.statistics.difference_to_real import difference_to_real


def sets(n: int, k: int, m: int, shift: float = 0.2, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.rand(n, 16, generator=generator) + shift
    return outputs, torch.rand(k, 16, generator=generator), torch.rand(m, 16, generator=generator)


def left(x: torch.Tensor, i: int) -> torch.Tensor:
    return torch.cat([x[:i], x[i + 1 :]])


def part(without: list[float]) -> float:
    values = np.array(without)
    return float((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())


def test_its_error_is_the_jackknife_by_refitting_with_a_reference_left_out_of_both() -> None:
    outputs, real, references = sets(11, 8, 9)

    def difference(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> float:
        return kid.compute(a, c).value - kid.compute(b, c).value

    measured = difference_to_real(outputs, real, references)
    parts = [
        part([difference(left(outputs, i), real, references) for i in range(11)]),
        part([difference(outputs, left(real, i), references) for i in range(8)]),
        part([difference(outputs, real, left(references, i)) for i in range(9)]),
    ]
    assert measured.value == pytest.approx(difference(outputs, real, references), abs=1e-12)
    assert measured.se == pytest.approx(math.sqrt(sum(parts)), rel=1e-9)
    assert (measured.low, measured.high) == (None, None)


def test_the_ends_of_both_intervals_are_combined_like_standard_errors() -> None:
    outputs, real, references = sets(60, 45, 50)
    measured = difference_to_real(outputs, real, references)

    def offsets(x: torch.Tensor) -> tuple[float, float, float]:
        sums = _kernel.row_sums(x, references)
        own = (_kernel.self_kernels(x), _kernel.self_kernels(references))
        distance, se = map(float, _kernel.squared_distance(sums, *own))
        value = kid.compute(x, references).value
        low, high = kid_interval(value, distance, se, min(len(x), 50), 0.9)
        error = kid.compute(x, references).se
        assert error is not None
        return value - low, high - value, error

    (below, above, first_se), (second_below, second_above, second_se) = offsets(outputs), offsets(real)
    correlation = (first_se**2 + second_se**2 - measured.se**2) / (2 * first_se * second_se)
    assert 0.01 < abs(correlation) < 1
    assert measured.low_90 is not None and measured.high_90 is not None
    assert measured.value - measured.low_90 == pytest.approx(
        math.sqrt(below**2 + second_above**2 - 2 * correlation * below * second_above), rel=1e-6
    )
    assert measured.high_90 - measured.value == pytest.approx(
        math.sqrt(above**2 + second_below**2 - 2 * correlation * above * second_below), rel=1e-6
    )


@pytest.mark.parametrize(("n", "k", "m", "has"), [(40, 40, 40, True), (39, 60, 60, False), (60, 39, 60, False)])
def test_there_is_an_interval_from_forty_images_per_set(n: int, k: int, m: int, has: bool) -> None:
    measured = difference_to_real(*sets(n, k, m))
    assert (measured.low is not None, measured.high is not None) == (has, has)


def test_two_images_are_too_few() -> None:
    with pytest.raises(UsageError, match="at least 3 per set"):
        difference_to_real(*sets(2, 9, 9))
