import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _density_coverage, coverage, density


def line(*places: float) -> Tensor:
    return torch.tensor(places)[:, None]


# Balls of one neighbour around references at 0, 1, 3 and 10 have radii 1, 1, 2 and 7.
REAL = line(0.0, 1.0, 3.0, 10.0)


def test_an_output_counts_in_every_ball_that_holds_it() -> None:
    # 0.5 lies in the balls of 0 and 1; 4 in those of 3 and 10; -5 in none. No ball is empty.
    fake = line(0.5, 4.0, -5.0)
    assert density.compute(fake, REAL, neighbours=1).value == pytest.approx(4 / 3)
    assert coverage.compute(fake, REAL, neighbours=1).value == 1.0


def test_more_neighbours_make_larger_balls_and_divide_the_density() -> None:
    # Radii of two neighbours are 3, 2, 3 and 9: 0.5 lies in the balls of 0, 1 and 3.
    assert density.compute(line(0.5), REAL, neighbours=2).value == pytest.approx(3 / 2)
    assert coverage.compute(line(0.5), REAL, neighbours=2).value == 3 / 4


def test_what_lies_on_a_balls_surface_is_outside() -> None:
    assert density.compute(line(-1.0), REAL, neighbours=1).value == 0.0
    assert density.compute(line(-0.999), REAL, neighbours=1).value == 1.0


def test_outputs_that_crowd_at_one_reference_are_dense_and_cover_little() -> None:
    real = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    centre = real[real.norm(dim=1).argmin()]
    fake = centre + 1e-3 * torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    assert density.compute(fake, real).value > 1
    assert coverage.compute(fake, real).value < 0.25


def test_an_outlying_reference_adds_its_one_ball_to_density_where_precision_takes_all() -> None:
    real = torch.cat([torch.randn(99, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([[100.0, 0.0]])])
    fake = torch.tensor([[60.0, 0.0]]).expand(20, 2)
    assert density.compute(fake, real).value == pytest.approx(1 / 5)
    assert coverage.compute(fake, real).value == pytest.approx(1 / 100)


def test_blocks_of_references_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    fake, real = torch.randn(30, 5, generator=generator), torch.randn(40, 5, generator=generator)
    whole = _density_coverage.density_and_coverage("density", fake, real, 5)
    monkeypatch.setattr(_density_coverage, "ROWS", 7)
    assert _density_coverage.density_and_coverage("density", fake, real, 5) == whole
    assert 0 < whole[1].value < 1


def test_five_neighbours_are_the_default_and_part_of_the_protocol() -> None:
    generator = torch.Generator().manual_seed(3)
    fake, real = torch.randn(30, 5, generator=generator), torch.randn(40, 5, generator=generator)
    assert density.METRIC.settings == coverage.METRIC.settings == {"neighbours": 5}
    assert density.compute(fake, real) == density.compute(fake, real, neighbours=5)
    assert density.compute(fake, real) != density.compute(fake, real, neighbours=4)


def test_few_images_bring_a_warning_and_too_few_an_error() -> None:
    assert "1 against 7" in str(density.compute(line(0.5), torch.rand(7, 1)).warning)
    assert "1 against 7" in str(coverage.compute(line(0.5), torch.rand(7, 1)).warning)
    with pytest.raises(UsageError, match=r"5 real image.* at least 6"):
        coverage.compute(torch.rand(9, 1), torch.rand(5, 1))
    with pytest.raises(UsageError, match="neighbours=0"):
        density.compute(line(0.5), REAL, neighbours=0)
