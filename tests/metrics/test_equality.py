from itertools import combinations

import numpy as np
import pytest
import torch

from ugbench.metrics import _equality_test, _kernel, kid
from ugbench.metrics._equality_test import equality_p_value


def sets(n: int, m: int, shift: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 8, generator=generator) + shift, torch.rand(m, 8, generator=generator)


def p_value(fake: torch.Tensor, real: torch.Tensor, permutations: int | None = 1000) -> float:
    p = equality_p_value(fake, real, _kernel.row_sums(fake, real), permutations)
    assert p is not None
    return p


@pytest.mark.parametrize("shift", [0.0, 0.15])
def test_p_is_the_share_of_all_relabellings_found_by_refitting(shift: float) -> None:
    fake, real = sets(5, 4, shift, 3)
    pooled, observed = torch.cat([fake, real]), kid.compute(fake, real).value
    values = []
    for chosen in combinations(range(9), 5):
        others = [i for i in range(9) if i not in chosen]
        values.append(kid.compute(pooled[list(chosen)], pooled[others]).value)
    share = np.mean(np.array(values) >= observed - 1e-12)
    assert p_value(fake, real, 20_000) == pytest.approx(share, abs=0.012)


def test_blocks_of_the_kernel_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = sets(23, 31, 0.03, 0)
    whole = p_value(fake, real)
    monkeypatch.setattr(_kernel, "BLOCK", 7)
    assert 0.01 < p_value(fake, real) == whole < 0.99


def test_the_same_sets_give_the_same_p() -> None:
    fake, real = sets(20, 25, 0.02, 1)
    assert p_value(fake, real) == p_value(fake, real)


def test_a_clear_difference_reaches_the_smallest_p_and_never_zero() -> None:
    assert p_value(*sets(30, 30, 1.0, 0), permutations=199) == 1 / 200


def test_identical_images_are_no_evidence() -> None:
    same = torch.ones(12, 8)
    assert p_value(same[:7], same[7:]) == 1.0


def test_under_equality_small_ps_are_as_rare_as_they_say() -> None:
    found = np.array([p_value(*sets(12, 18, 0.0, seed), permutations=99) for seed in range(500)])
    # Exact: P(p <= 0.05) is 0.05 and P(p <= 0.2) is 0.2, with standard errors of 0.01 and 0.018.
    assert np.mean(found <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(found <= 0.2) == pytest.approx(0.2, abs=0.055)


def test_each_relabelling_keeps_the_sizes_and_the_first_is_the_labels_as_given() -> None:
    labels = _equality_test._relabellings(3, 8, 50, torch.Generator().manual_seed(0))
    assert labels[:, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert (labels.sum(0) == 3).all() and len(torch.unique(labels, dim=1).T) > 20


@pytest.mark.parametrize(("n", "m"), [(3, 20), (20, 3)])
def test_three_images_are_not_tested(n: int, m: int) -> None:
    fake, real = sets(n, m, 1.0, 0)
    assert equality_p_value(fake, real, _kernel.row_sums(fake, real)) is None
    assert p_value(*sets(4, 4, 1.0, 0)) <= 0.05


def test_a_p_far_from_the_level_comes_from_a_thousand_relabellings_and_one_near_it_from_more() -> None:
    clear, near = sets(20, 25, 0.02, 1), sets(23, 31, 0.08, 3)
    assert p_value(*clear, None) == p_value(*clear, 1000)
    # A thousand relabellings put this one on the other side of 0.05 than a hundred thousand.
    assert p_value(*near, 1000) < 0.05 < p_value(*near, None)
    assert p_value(*near, 100_000) > 0.05
