"""MUNIT's perceptual loss: VGG16 is torchvision's without one pooling, and it is built only where it has a weight."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from small_munit import batch_for, stepped, tiny
from torch import Tensor, nn

from baselines._munit_perceptual import perceptual_loss
from baselines._vgg import VGG16_RELU5_3, vgg, vgg_input
from baselines.munit import MUNIT
from ugbench.errors import WeightsError
from ugbench.nn.weight_files import part_for
from ugbench.scoring.networks.sources import source_of
from ugbench.training.frozen import needed_files, read_frozen

pytestmark = pytest.mark.usefixtures("deterministic")
LAST_POOLING_BUT_ONE, LAST_RELU = 23, 29


@pytest.fixture(scope="module")
def theirs() -> nn.Sequential:
    """The features of torchvision's VGG16 with random weights, up to relu5_3."""
    with torch.device("meta"):
        features = torchvision.models.vgg16(weights=None).features
    network = features[: LAST_RELU + 1].to_empty(device="cpu")
    random = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        deviation = 0.1 if name.endswith("bias") else (2 / tensor[0].numel()) ** 0.5
        tensor.copy_(torch.randn(tensor.shape, generator=random) * deviation)
    return network.eval().requires_grad_(False)


def filled(theirs: nn.Sequential) -> nn.Sequential:
    """Our network with the weights of a file as torchvision publishes it, with layers that are not needed."""
    file = {f"features.{key}": tensor for key, tensor in theirs.state_dict().items()}
    network = vgg(VGG16_RELU5_3, last_relu=True)
    network.load_state_dict(part_for(network, {**file, "classifier.6.bias": torch.zeros(1000)}, "--weights vgg=FILE"))
    return network.eval().requires_grad_(False)


def test_features_are_those_of_torchvision_without_the_pooling_before_the_last_block(theirs: nn.Sequential) -> None:
    # In float64, because convolutions may sum in another order, and errors of float32 grow through 13 layers.
    theirs, images = copy.deepcopy(theirs).double(), torch.rand(2, 3, 32, 48, dtype=torch.float64)
    x = torchvision.transforms.functional.normalize(images, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    for place, layer in enumerate(theirs):
        assert isinstance(layer, nn.MaxPool2d) == (place in (4, 9, 16, LAST_POOLING_BUT_ONE))
        x = x if place == LAST_POOLING_BUT_ONE else layer(x)
    features = filled(theirs).double()(vgg_input(images * 2 - 1, "torchvision"))
    assert features.shape == (2, 512, 4, 6)
    torch.testing.assert_close(features, x, rtol=1e-6, atol=1e-6)


class TwoColours(nn.Module):
    """Features that are the first two channels of the images."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2]


def test_the_loss_compares_features_whose_means_and_deviations_are_removed() -> None:
    ramp = torch.linspace(-1, 1, 16, dtype=torch.float64).view(1, 1, 4, 4).expand(1, 3, 4, 4)
    assert perceptual_loss(TwoColours(), 0.25 * ramp + 0.5, ramp) < 1e-6
    # One channel is mirrored: z against -z is 4 z^2, whose mean is 4 where that of z^2 is 1.
    mirrored = ramp * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64).view(3, 1, 1)
    assert float(perceptual_loss(TwoColours(), mirrored, ramp)) == pytest.approx(2.0, rel=1e-4)


def test_the_loss_has_no_gradient_for_the_source() -> None:
    images, sources = torch.rand(2, 1, 3, 8, 8).requires_grad_()
    gradients = torch.autograd.grad(
        perceptual_loss(TwoColours(), images, sources), (images, sources), allow_unused=True
    )
    assert gradients[0].any() and gradients[1] is None


@pytest.fixture
def watched() -> MUNIT:
    """A small method with the loss, whose features are colours."""
    method = tiny(vgg_weight=3)
    method.vgg = TwoColours()
    return method


def test_each_translation_is_compared_with_its_source(watched: MUNIT, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def loss(_vgg: nn.Module, images: Tensor, sources: Tensor) -> Tensor:
        compared.append((images, sources))
        return images.mean()

    monkeypatch.setattr("baselines.munit.perceptual_loss", loss)
    batch = batch_for(watched)
    with torch.no_grad():
        fake_a = watched.translate(batch.b, "B2A", batch.draws["style_a"])
        fake_b = watched.translate(batch.a, "A2B", batch.draws["style_b"])
    losses = stepped(watched, batch)
    (images_a, sources_a), (images_b, sources_b) = compared
    torch.testing.assert_close(images_a, fake_a)
    torch.testing.assert_close(images_b, fake_b)
    assert sources_a.equal(batch.b) and sources_b.equal(batch.a)
    assert losses["generators/perceptual_a"] == pytest.approx(3 * float(fake_a.mean()), rel=1e-4)
    assert losses["generators/perceptual_b"] == pytest.approx(3 * float(fake_b.mean()), rel=1e-4)


def test_the_loss_moves_the_generators_and_leaves_the_features_alone(theirs: nn.Sequential) -> None:
    method = tiny(vgg_weight=1)
    method.vgg = filled(theirs)
    before = {key: tensor.clone() for key, tensor in method.frozen_state().items()}
    losses = stepped(method, batch_for(method))
    assert 0 < losses["generators/perceptual_a"] < 10 and 0 < losses["generators/perceptual_b"] < 10
    assert before and all(tensor.equal(before[key]) for key, tensor in method.frozen_state().items())
    assert not any(key.startswith("vgg") for key in method.state_dict())
    grouped = {p for group in method.groups().values() for p in group.parameters}
    assert not grouped & set(method.vgg.parameters())


def test_no_file_is_needed_without_the_loss_and_torchvisions_with_it() -> None:
    config = MUNIT.make_config("smoke")
    assert needed_files("munit", config) == ()
    assert not tiny().frozen_networks() and "vgg" not in MUNIT(config).inference()
    with_loss = config.model_copy(update={"vgg_weight": 1.0})
    assert needed_files("munit", with_loss) == ("vgg",)
    with pytest.raises(
        WeightsError, match=r"^the weights of 'vgg' were not found, and munit needs them for its frozen"
    ):
        read_frozen("munit", with_loss, {})


def test_the_file_is_the_one_that_weights_get_downloads() -> None:
    assert "vgg16" in str(source_of(MUNIT.frozen["vgg"]))
