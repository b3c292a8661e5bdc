from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats

from ugbench.metrics import _kernel
from ugbench.statistics import permutation
from ugbench.statistics.paired import paired
from ugbench.statistics.permutation import compare, over_family, studentised, swap_test


def outputs(n: int, m: int, seed: int, shift: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    source = torch.rand(n, 8, generator=generator) + 0.3
    first, second = (source + 0.1 * torch.randn(n, 8, generator=generator) for _ in range(2))
    return first, second + shift, torch.rand(m, 8, generator=generator)


def swapped(first: torch.Tensor, second: torch.Tensor, swap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.where(swap[:, None], second, first), torch.where(swap[:, None], first, second)


def test_the_statistic_is_the_difference_over_its_paired_error_after_each_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernel, "BLOCK", 5)
    monkeypatch.setattr(permutation, "_CHUNK", 60)
    first, second, real = outputs(9, 7, 0, 0.05)
    swaps = torch.rand(9, 12, generator=torch.Generator().manual_seed(1)) < 0.5
    found = studentised(first, second, real, swaps)
    for b in range(12):
        difference = paired(*swapped(first, second, swaps[:, b]), real)
        assert float(found[b]) == pytest.approx(difference.value / difference.se, rel=1e-8)


@pytest.mark.parametrize("shift", [0.0, 0.04])
def test_p_is_the_share_of_all_swaps_by_refitting(shift: float) -> None:
    first, second, real = outputs(6, 8, 2, shift)
    values = []
    for bits in product([False, True], repeat=6):
        difference = paired(*swapped(first, second, torch.tensor(bits)), real)
        values.append(abs(difference.value / difference.se))
    share = np.mean(np.array(values) >= values[0] * (1 - 1e-9))
    assert swap_test(first, second, real, permutations=20_000).value == pytest.approx(share, abs=0.012)


def test_which_method_comes_first_changes_the_sign_alone() -> None:
    first, second, real = outputs(60, 60, 0, 0.01)
    claim, reverse = compare(first, second, real, 200), compare(second, first, real, 200)
    assert (claim.swap_p, claim.p_value) == (reverse.swap_p, pytest.approx(reverse.p_value))
    assert claim.difference.value == pytest.approx(-reverse.difference.value)


def test_equal_outputs_have_p_one() -> None:
    first, _, real = outputs(50, 50, 0, 0.0)
    claim = compare(first, first, real, 100)
    assert (claim.p_value, claim.swap_p) == (1.0, 1.0)


def test_a_clear_difference_reaches_the_smallest_p_of_swaps_and_never_zero() -> None:
    assert swap_test(*outputs(40, 40, 0, 0.3), permutations=199).value == 1 / 200


def test_the_claim_is_by_t_of_the_paired_difference() -> None:
    first, second, real = outputs(60, 50, 0, 0.01)
    claim, difference = compare(first, second, real, 100), paired(first, second, real)
    assert claim.p_value == pytest.approx(2 * stats.t.sf(abs(difference.value / difference.se), 49))


@pytest.mark.parametrize(("n", "m", "tested"), [(49, 60, False), (60, 49, False), (50, 50, True)])
def test_fewer_than_fifty_images_are_not_tested(n: int, m: int, tested: bool) -> None:
    claim = compare(*outputs(n, m, 0, 0.3), permutations=19)
    assert ((claim.p_value is not None), (claim.swap_p is not None)) == (tested, tested)
    assert claim.is_shown == tested
    assert claim.text("a", "b").startswith(
        "these checkpoints differ"
        if tested
        else "these checkpoints are not tested, because that takes 50 images per set"
    )


def test_under_exchangeable_outputs_small_ps_of_swaps_are_as_rare_as_they_say() -> None:
    p_values = np.array([swap_test(*outputs(15, 20, seed, 0.0), permutations=99).value for seed in range(300)])
    # Exact: 0.05 and 0.2, with standard errors of 0.013 and 0.023.
    assert np.mean(p_values <= 0.05) == pytest.approx(0.05, abs=0.038)
    assert np.mean(p_values <= 0.2) == pytest.approx(0.2, abs=0.07)


def test_a_family_takes_more_permutations_where_a_step_of_holms_adjustment_is_near() -> None:
    """The p of these outputs is near 0.05 / 5, far from 0.05."""
    images = outputs(60, 60, 10, 0.012)
    alone, of_five = swap_test(*images), swap_test(*images, comparisons=5)
    assert alone.value == pytest.approx(0.018, abs=0.008)
    assert alone.permutations < of_five.permutations


def test_the_text_claims_checkpoints_and_no_methods() -> None:
    clear, none = compare(*outputs(50, 50, 0, 0.3), permutations=99), compare(*outputs(50, 50, 0, 0.0), permutations=99)
    text = clear.text("cut", "unit")
    assert text.startswith("these checkpoints differ: KID x100 of cut minus that of unit is -")
    assert f"p = {clear.p_value:.3g}, 50 sources, 50 references" in text and "nothing of other training runs" in text
    assert none.text("cut", "unit").startswith("these checkpoints are not shown to differ")


def test_a_family_of_claims_is_adjusted_and_its_text_says_so() -> None:
    claim = replace(compare(*outputs(50, 50, 0, 0.3), permutations=59), p_value=0.02)
    assert claim.swap_p == pytest.approx(1 / 60)
    family = over_family([claim] * 4)
    assert [member.adjusted_p for member in family] == pytest.approx([0.08] * 4)
    assert [member.adjusted_swap_p for member in family] == pytest.approx([4 / 60] * 4)
    assert "differ" in claim.text("a", "b") and "not shown" in family[0].text("a", "b")
    assert "Holm p = 0.08" in family[0].text("a", "b")
