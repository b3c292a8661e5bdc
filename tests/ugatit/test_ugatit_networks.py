"""The networks: published sizes, refused inputs, and outputs that do not depend on the rest of the batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ugatit.cam import Attention
from ugatit.discriminator import Discriminator, largest_depth
from ugatit.method import UGATIT
from ugbench.method import UsageError


@pytest.fixture(scope="module")
def paper_size():
    """full, light: U-GAT-ITs of the paper's size without weights."""
    with torch.device("meta"):
        return {preset: UGATIT(UGATIT.make_config(preset)) for preset in ("paper", "light")}


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("preset", "network", "count"),
    [
        ("paper", "generator_a2b", 278_959_808),
        ("paper", "generator_b2a", 278_959_808),
        ("light", "generator_a2b", 10_589_888),
        ("light", "generator_b2a", 10_589_888),
        ("paper", "global_a", 53_130_176),
        ("paper", "global_b", 53_130_176),
        ("paper", "local_a", 3_290_560),
        ("paper", "local_b", 3_290_560),
    ],
)
def test_parameter_counts_are_the_published_ones(paper_size, preset, network, count):
    assert parameters(paper_size[preset].get_submodule(network)) == count


def test_a_light_generators_forward_is_94_gflop(paper_size):
    """105.0 in the plainest form: five ninths of the arithmetic of the convolutions of upsampled images are left out,
    and half of that of the convolution of the reweighted features."""
    with FlopCounterMode(display=False) as counter:
        paper_size["light"].generator_a2b(torch.zeros(1, 3, 256, 256, device="meta"))
    assert round(counter.get_total_flops() / 1e9, 1) == 93.9


def test_at_256_px_the_maps_have_the_published_shapes(paper_size):
    images = torch.zeros(2, 3, 256, 256, device="meta")
    translation = paper_size["light"].generator_a2b(images)
    assert [tuple(part.shape) for part in translation] == [(2, 3, 256, 256), (2, 2), (2, 1, 64, 64)]
    assert [tuple(part.shape) for part in paper_size["light"].global_a(images)] == [
        (2, 1, 6, 6),
        (2, 2),
        (2, 1, 7, 7),
    ]
    assert [tuple(part.shape) for part in paper_size["light"].local_a(images)] == [
        (2, 1, 30, 30),
        (2, 2),
        (2, 1, 31, 31),
    ]


def test_a_full_generator_refuses_another_size_and_says_why(tiny, images):
    with pytest.raises(UsageError, match=r"built for 32 px was given 64.*a weight for every pixel"):
        tiny(light=False).translate(images(size=64)[0], "A2B")


def test_a_full_generator_is_built_for_one_rectangle_and_refuses_the_one_that_lies_on_its_side(tiny):
    method = tiny(light=False, size=(32, 48))
    assert method.translate(torch.zeros(1, 3, 48, 32, dtype=torch.float64), "A2B").shape == (1, 3, 48, 32)
    with pytest.raises(UsageError, match=r"built for 32x48 px was given 48x32: .* use 32x48 px, or a light model"):
        method.translate(torch.zeros(1, 3, 32, 48, dtype=torch.float64), "A2B")


def test_a_full_generator_has_a_weight_for_each_pixel_of_a_quarter_of_its_rectangle(paper_size):
    """Its first gamma/beta layer alone depends on the size: 256 features a pixel, 256 outputs, no bias."""
    with torch.device("meta"):
        method = UGATIT(UGATIT.make_config("paper", None, {"size": (128, 256)}))
    of_square = parameters(paper_size["paper"].generator_a2b)
    assert parameters(method.generator_a2b) == of_square - 256 * 256 * (64 * 64 - 32 * 64)
    assert method.generator_a2b.style.fc1.weight.shape == (256, 256 * 32 * 64)
    assert parameters(method.generator_a2b) - 256 * 256 * 32 * 64 == parameters(paper_size["light"].generator_a2b) - (
        256 * 256
    )


def test_a_light_generator_takes_any_multiple_of_4(tiny, images):
    assert tiny(light=True).translate(images(size=44)[0], "A2B").shape == (2, 3, 44, 44)


@pytest.mark.parametrize("variant", [None, *UGATIT.VARIANTS])
def test_an_output_does_not_depend_on_its_neighbours(tiny, images, variant):
    method = tiny(variant, light=True).eval()
    a, b = images(n=3)
    with torch.no_grad():
        for direction, x in (("A2B", a), ("B2A", b)):
            together, alone = method.translate(x, direction), method.translate(x[1:2], direction)
            torch.testing.assert_close(together[1:2], alone, atol=1e-12, rtol=0)
            assert together.abs().max() <= 1
            assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("network", ["generator_a2b", "global_a"])
def test_a_compiled_network_is_one_graph_and_gives_the_same(tiny, images, network):
    module = tiny(light=True, blocks=1).get_submodule(network)
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    results = []
    for forward in (module, torch.compile(module, backend="aot_eager", fullgraph=True)):
        module.load_state_dict(state)
        image, logits, _ = forward(images()[0])
        loss = image.square().sum() + logits.sum()
        results.append([loss, *torch.autograd.grad(loss, list(module.parameters())), *module.buffers()])
    torch.testing.assert_close(*results, atol=1e-9, rtol=0)


def test_attention_weights_the_channels_by_the_classifiers(images):
    attention = Attention(2, nn.Identity(), cam=True)
    attention.average.weight.data = torch.tensor([[2.0, 3.0]])
    attention.maximum.weight.data = torch.tensor([[5.0, 7.0]])
    nn.init.ones_(attention.mix.weight)
    nn.init.zeros_(attention.mix.bias)
    x = torch.tensor([[[[0.0, 4.0]], [[1.0, 2.0]]]])
    features, logits, attention_map = attention(x)
    # Averages 2 and 1.5, maxima 4 and 2; each pixel's sum is of both channels times both weights.
    assert logits.tolist() == [[2 * 2 + 3 * 1.5, 5 * 4 + 7 * 2]]
    assert features[0, 0].tolist() == [[1 * (3 + 7), 4 * (2 + 5) + 2 * (3 + 7)]]
    assert attention_map.tolist() == [[[[2 * 10.0, 2 * 48.0]]]]


def test_of_pixels_that_share_the_maximum_one_gets_the_gradient():
    features = torch.tensor([[[[1.0, 3.0], [3.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]]], requires_grad=True)
    attention = Attention(2, nn.Identity(), cam=True)
    nn.init.ones_(attention.maximum.weight)
    (gradient,) = torch.autograd.grad(attention(features).logits[0, 1], features)
    assert gradient.tolist() == [[[[0, 1], [0, 0]], [[1, 0], [0, 0]]]]


@pytest.mark.parametrize(("width", "multiplied"), [(4, 6 * 6 * 8), (3, 2 * 6 * 6 * 6)])
def test_the_weights_are_multiplied_into_the_kernel_where_there_are_more_pixels_than_channels(width, multiplied):
    torch.manual_seed(0)
    attention = Attention(6, nn.Identity(), cam=True).double()
    x = torch.randn(2, 6, 2, width, dtype=torch.float64, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        features, _, _ = attention(x)
    weights = [layer.weight.view(1, -1, 1, 1) for layer in (attention.average, attention.maximum)]
    expected = attention.mix(torch.cat([x * weight for weight in weights], 1))
    inputs = [x, *attention.parameters()]
    gradient = torch.randn_like(expected)
    torch.testing.assert_close(features, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        torch.autograd.grad(features, inputs, gradient),
        torch.autograd.grad(expected, inputs, gradient),
        atol=1e-12,
        rtol=0,
    )
    convolution = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    assert convolution == 2 * 2 * multiplied  # an addition for each multiplication, and two images


@pytest.mark.parametrize(("weighting", "scale"), [("unnormalised", 1.0), ("normalised", 5.0)])
def test_a_discriminators_map_is_multiplied_by_the_weight_as_the_option_says(weighting, scale):
    attention = Attention(2, nn.Identity(), cam=True, spectral=True, weighting=weighting)
    for classifier in (attention.average, attention.maximum):
        classifier.weight.data = torch.tensor([[3.0, 4.0]])  # of spectral norm 5
    nn.init.ones_(attention.mix.weight)
    nn.init.zeros_(attention.mix.bias)
    x = torch.tensor([[[[1.0]], [[2.0]]]])
    features, logits, _ = attention(x)
    torch.testing.assert_close(features[0, 0, 0, 0], torch.tensor(2 * (3.0 + 8.0)) / scale)
    torch.testing.assert_close(logits.abs(), torch.full((1, 2), 11.0 / 5))


@pytest.mark.parametrize(
    ("size", "depth"), [(256, 6), (96, 5), (95, 4), (64, 4), (48, 4), (47, 3), (32, 3), (24, 3), (8, 1)]
)
def test_the_largest_depth_is_where_reflection_still_has_two_pixels(size, depth):
    assert largest_depth(size) == depth
    images = torch.zeros(1, 3, size, size)
    for layers, works in ((depth, True), (depth + 1, False)):
        discriminator = Discriminator(channels=1, depth=layers, cam=True, weighting="unnormalised")
        if works:
            assert discriminator(images).logits.shape[2] >= 1
        else:
            with pytest.raises(RuntimeError, match=r"[Pp]adding"):
                discriminator(images)
