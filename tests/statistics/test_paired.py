import math

import numpy as np
import pytest
import torch

from ugbench.errors import UsageError
from ugbench.metrics import kid
from ugbench.statistics.paired import paired, unpaired


def outputs(n: int, m: int, seed: int = 0, own: float = 0.03, shift: float = 0.2) -> tuple[torch.Tensor, ...]:
    """Two outputs of each of n sources, alike but for `own` noise and a shift of the second; and m references."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.rand(n, 16, generator=generator) + 0.3
    first = source + own * torch.randn(n, 16, generator=generator)
    second = source + own * torch.randn(n, 16, generator=generator) + shift
    return first, second, torch.rand(m, 16, generator=generator)


def left(x: torch.Tensor, i: int) -> torch.Tensor:
    return torch.cat([x[:i], x[i + 1 :]])


def part(without: list[float]) -> float:
    values = np.array(without)
    return float((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())


def test_the_paired_error_is_the_jackknife_by_refitting_with_a_source_left_out_of_both() -> None:
    first, second, real = outputs(12, 9)

    def difference(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> float:
        return kid.compute(a, c).value - kid.compute(b, c).value

    found = paired(first, second, real)
    no_source = [difference(left(first, i), left(second, i), real) for i in range(12)]
    no_reference = [difference(first, second, left(real, j)) for j in range(9)]
    assert found.value == pytest.approx(difference(first, second, real), abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(part(no_source) + part(no_reference)), rel=1e-9)
    assert (found.low, found.high) == (None, None)


def test_the_unpaired_error_adds_the_two_variances() -> None:
    first, second, real = outputs(12, 9)
    one, other = kid.compute(first, real), kid.compute(second, real)
    assert one.se is not None and other.se is not None
    found = unpaired(first, second, real)
    assert found.se == pytest.approx(math.hypot(one.se, other.se))
    assert found.value == pytest.approx(one.value - other.value)


def test_pairing_sees_what_two_methods_share() -> None:
    first, second, real = outputs(60, 50)
    assert paired(first, second, real).se < unpaired(first, second, real).se / 1.5


def test_the_order_of_one_methods_outputs_matters() -> None:
    first, second, real = outputs(40, 40)
    shuffled = second[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert paired(first, shuffled, real).se > 1.5 * paired(first, second, real).se
    assert paired(first, shuffled, real).value == pytest.approx(paired(first, second, real).value, abs=1e-9)


def test_an_interval_needs_seventy_images_a_side() -> None:
    assert paired(*outputs(70, 70)).low is not None
    for too_few in (outputs(70, 69), outputs(69, 70)):
        measured = paired(*too_few)
        assert (measured.low, measured.high, measured.low_90, measured.high_90) == (None, None, None, None)


def test_the_ends_of_both_kids_intervals_are_combined_like_correlated_errors() -> None:
    first, second, real = outputs(80, 70, own=0.2)
    measured, scores = paired(first, second, real), [kid.compute(features, real) for features in (first, second)]
    ses = [score.se for score in scores]
    assert ses[0] is not None and ses[1] is not None
    correlation = (ses[0] ** 2 + ses[1] ** 2 - measured.se**2) / (2 * ses[0] * ses[1])
    assert 0.2 < correlation < 1
    (first_below, first_above), (second_below, second_above) = (
        (score.value - score.low, score.high - score.value)
        for score in scores
        if score.low is not None and score.high is not None
    )
    low = math.sqrt(first_below**2 + second_above**2 - 2 * correlation * first_below * second_above)
    high = math.sqrt(first_above**2 + second_below**2 - 2 * correlation * first_above * second_below)
    assert (measured.low, measured.high) == pytest.approx((measured.value - low, measured.value + high), rel=1e-6)
    assert measured.low is not None and measured.low_90 is not None
    assert measured.high is not None and measured.high_90 is not None
    assert measured.low < measured.low_90 < measured.value < measured.high_90 < measured.high


def test_far_from_zero_the_interval_is_nearly_students() -> None:
    measured = paired(*outputs(200, 200, own=0.2, shift=0.4))
    assert measured.low is not None and measured.high is not None
    # Student's 0.975 quantile with 199 degrees.
    assert measured.high - measured.low == pytest.approx(2 * 1.97196 * measured.se, rel=0.1)


def test_equal_outputs_differ_by_nothing() -> None:
    first, _, real = outputs(10, 10)
    found = paired(first, first, real)
    assert (found.value, found.se) == (0.0, 0.0)
    first, _, real = outputs(80, 80)
    same = paired(first, first, real)
    assert (same.value, same.se) == (0.0, 0.0)
    assert same.low is not None and same.high is not None and same.low <= 0 <= same.high


def test_outputs_that_are_no_pairs_are_refused() -> None:
    first, second, real = outputs(10, 10)
    with pytest.raises(UsageError, match="10 and 9 outputs were given"):
        paired(first, second[:9], real)
    with pytest.raises(UsageError, match="at least 3 per set"):
        paired(first, second, real[:2])


def test_doubles_are_not_rounded_to_floats() -> None:
    first, second, real = outputs(10, 10)
    near = second.double() + 1e-12
    assert paired(first, near, real).value != paired(first, second, real).value
