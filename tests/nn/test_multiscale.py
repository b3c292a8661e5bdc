"""The multi-scale discriminator: the input of each scale, and the sum of their losses."""

from __future__ import annotations

import pytest
import torch

from ugbench.nn.multiscale import MultiScaleDiscriminator, largest_scale_count, summed_least_squares


def test_logits_have_a_sixteenth_of_the_size_of_each_scale():
    network = MultiScaleDiscriminator(2, 3)
    shapes = [tuple(logits.shape) for logits in network(torch.zeros(2, 3, 256, 192))]
    assert shapes == [(2, 1, 16, 12), (2, 1, 8, 6), (2, 1, 4, 3)]


def test_the_image_is_halved_by_means_of_three_pixels_that_leave_the_padding_out():
    network = MultiScaleDiscriminator(2, 2)
    seen = []
    network.scales[1].register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    row = torch.arange(32.0)
    network(row.expand(1, 3, 32, 32))
    # Means of columns (0, 1), (1, 2, 3), (3, 4, 5), …; rows are alike.
    expected = torch.tensor([0.5, *range(2, 32, 2)]).expand(1, 3, 16, 16)
    torch.testing.assert_close(seen[0], expected)


def test_scales_have_weights_of_their_own_and_the_first_sees_the_image_itself():
    torch.manual_seed(0)
    network = MultiScaleDiscriminator(2, 2)
    x = torch.rand(1, 3, 32, 32)
    first, second = network(x)
    assert first.equal(network.scales[0](x))
    with torch.no_grad():
        for parameter in network.scales[1].parameters():
            parameter.add_(1)
    again = network(x)
    assert again[0].equal(first)
    assert not again[1].equal(second)


@pytest.mark.parametrize("size", range(12, 72))
def test_the_largest_scale_count_is_the_number_of_scales_that_run(size):
    fitting = largest_scale_count(size)
    if fitting:
        scale_logits = MultiScaleDiscriminator(1, fitting)(torch.zeros(1, 3, size, size))
        assert all(logits.numel() for logits in scale_logits)
    if fitting < 3:
        with pytest.raises(RuntimeError, match=r"[Pp]adding"):
            MultiScaleDiscriminator(1, fitting + 1)(torch.zeros(1, 3, size, size))
    assert largest_scale_count(size, 1) == min(1, fitting)


def test_three_scales_need_61_px():
    assert [largest_scale_count(size) for size in (15, 16, 30, 31, 60, 61, 512)] == [0, 1, 1, 2, 2, 3, 3]


def test_least_squares_of_scales_are_added_each_a_mean_over_its_own_map():
    scores = [torch.full((2, 1, 4, 4), 3.0), torch.tensor([[[[0.0, 2.0]]]])]
    assert float(summed_least_squares(scores, 1.0)) == 4 + 1
    assert float(summed_least_squares(scores, 0.0)) == 9 + 2
