"""The revision of a checkpoint that leaves images of the target domain as they are is the one that fits."""

from __future__ import annotations

import pytest
import torch
from styled_method import built
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.data.styles import draw_styles
from ugbench.imports.reconstruction import errors_by_revision, warning
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

EARLY = {"decoder_skip": False, "variance": "nested"}
SMALL = {"size": 16, "channels": 4, "discriminator_channels": 2, "blocks": 1, "batch_size": 4, "lr": 3e-3}
IDENTITY = {"adversarial_weight": 0, "cycle_weight": 0, "cam_weight": 0, "weight_decay": 0}


class Adds:
    """Stands for a method: G_A2B adds one number, G_B2A another."""

    style_dim = 0

    def __init__(self, a2b: float, b2a: float) -> None:
        self.amounts = {"A2B": a2b, "B2A": b2a}

    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return x + self.amounts[direction] * torch.arange(1, len(x) + 1).view(-1, 1, 1, 1)


def test_errors_are_means_over_the_images_in_the_direction() -> None:
    methods = {"new": Adds(0.5, 3.0), "old": Adds(0.25, 4.0)}
    images = torch.zeros(3, 3, 2, 2)
    # The amounts are added 1, 2 and 3 times.
    assert errors_by_revision(methods, images, "A2B") == pytest.approx({"new": 0.5 * 2, "old": 0.25 * 2})
    assert errors_by_revision(methods, images, "B2A") == pytest.approx({"new": 6.0, "old": 8.0})


def test_a_method_with_a_style_is_given_the_same_drawn_styles_in_each_revision() -> None:
    images = torch.zeros(3, 3, 8, 8)
    methods = {"new": built(seed=0), "old": built(seed=1)}
    styles = draw_styles(3, range(3))[:, 0]
    expected = {name: float(method.translate(images, "A2B", styles).abs().mean()) for name, method in methods.items()}
    assert errors_by_revision(methods, images, "A2B") == pytest.approx(expected)


def test_a_warning_names_the_better_revision_and_both_errors() -> None:
    text = warning({"new": 0.5, "old": 0.125}, "new")
    assert text is not None
    for part in ("revision new was taken, but old fits better", "by 0.125", "by 0.5", "--revision old"):
        assert part in text


@pytest.mark.parametrize("errors", [{"old": 0.5, "new": 0.125}, {"old": 0.5, "new": 0.5}])
def test_there_is_no_warning_if_the_chosen_revision_fits_best_or_as_well(errors: dict[str, float]) -> None:
    assert warning(errors, "new") is None


@pytest.mark.parametrize("trained_as", ["2019-08", "2019-07"])
def test_a_network_that_learnt_the_identity_in_one_forward_pass_is_told_from_the_other(trained_as: str) -> None:
    torch.manual_seed(0)
    fields = {"2019-08": {}, "2019-07": EARLY}
    methods = {
        name: UGATIT(UGATIT.make_config("smoke", None, {**SMALL, **IDENTITY, **fields[name]})) for name in fields
    }
    images = torch.rand(4, 3, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    phases = Phases(build_optimizers(methods[trained_as]))
    for step in range(40):
        methods[trained_as].step(Batch(images, images, {}, step), phases)
    for method in methods.values():
        method.load_state_dict(methods[trained_as].state_dict())
        method.eval()
    errors = errors_by_revision(methods, images, "A2B")
    assert min(errors, key=errors.__getitem__) == trained_as, errors
    for name in methods:
        assert (warning(errors, name) is None) == (name == trained_as)
