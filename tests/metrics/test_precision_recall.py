import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from ugbench.errors import UsageError
from ugbench.metrics import precision, recall


def sets(n: int = 60, m: int = 45) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return 0.7 * torch.randn(n, 6, generator=generator) + 0.4, torch.randn(m, 6, generator=generator)


def covered(points: Tensor, centres: Tensor, neighbours: int) -> float:
    """Share of points inside the ball of some centre, the paper's eq. 1 read literally."""
    own = torch.linalg.vector_norm(centres[:, None] - centres[None], dim=2).sort(1).values[:, neighbours]
    apart = torch.linalg.vector_norm(points[:, None] - centres[None], dim=2)
    return float((apart <= own).any(1).double().mean())


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_precision_and_recall_are_the_papers_definition_and_torch_fidelitys(neighbours: int) -> None:
    fake, real = sets()
    found = prc_features_to_metric(fake, real, prc_neighborhood=neighbours, verbose=False)
    of_fakes = precision.compute(fake, real, neighbours=neighbours).value
    of_reals = recall.compute(fake, real, neighbours=neighbours).value
    assert of_fakes == found[KEY_METRIC_PRECISION] == pytest.approx(covered(fake, real, neighbours), abs=1e-6)
    assert of_reals == found[KEY_METRIC_RECALL] == pytest.approx(covered(real, fake, neighbours), abs=1e-6)
    assert of_fakes != of_reals


def test_collapsed_outputs_are_precise_and_reach_little() -> None:
    real = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    fake = real[:1] + 1e-3 * torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    assert precision.compute(fake, real).value == 1.0
    assert recall.compute(fake, real).value <= 0.01


def test_three_neighbours_are_the_default_and_part_of_the_protocol() -> None:
    fake, real = sets()
    assert precision.METRIC.settings == recall.METRIC.settings == {"neighbours": 3}
    assert precision.compute(fake, real) == precision.compute(fake, real, neighbours=3)


def test_few_images_bring_a_warning_and_too_few_an_error() -> None:
    fake, real = sets()
    assert "60 against 45" in str(precision.compute(fake, real).warning)
    assert "60 against 45" in str(recall.compute(fake, real).warning)
    with pytest.raises(UsageError, match="at least 4 per set"):
        recall.compute(fake[:3], real)
    with pytest.raises(UsageError, match="neighbours=0"):
        precision.compute(fake, real, neighbours=0)
