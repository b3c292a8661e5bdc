from typing import Any

import torch

from ugbench.data.seeding import generator_for


def test_generators_of_different_keys_differ_and_of_equal_keys_agree() -> None:
    keys: list[tuple[int, Any, Any]] = [(0, 1, "a"), (0, 1, "b"), (0, 2, "a"), (1, 1, "a"), (0, 11, ""), (0, 1, 1)]
    numbers = [torch.rand(4, generator=generator_for(*key)).tolist() for key in keys]
    assert len({tuple(row) for row in numbers}) == len(keys)
    assert torch.rand(4, generator=generator_for(*keys[0])).tolist() == numbers[0]
