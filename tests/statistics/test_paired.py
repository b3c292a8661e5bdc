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
    found = paired(*outputs(70, 80))
    assert found.low is not None and found.high is not None
    # Student's 0.975 quantile with 69 degrees.
    assert found.high - found.low == pytest.approx(2 * 1.99495 * found.se, rel=1e-5)
    assert paired(*outputs(70, 69)).low is None


def test_equal_outputs_differ_by_nothing() -> None:
    first, _, real = outputs(10, 10)
    found = paired(first, first, real)
    assert (found.value, found.se) == (0.0, 0.0)


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
