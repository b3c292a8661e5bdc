"""The contract of each registered method and variant. A new method is tested here without any change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from method_cases import CPU, METHODS, STEPS, VARIANTS, build, each_case, each_method
from styled_method import styled_is_installed
from torch import Tensor

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import ConfigError, UsageError
from ugbench.method import Batch, Method
from ugbench.runs import checkpoint
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers
from ugbench.training.shapes import on_shapes, train_on_shapes
from ugbench.training.step import Phases, train_step

pytestmark = pytest.mark.usefixtures("deterministic")


def random_batch(method: Method, n: int = 2, dtype: torch.dtype = torch.float32, step: int = 0) -> Batch:
    size = method.config.size
    a, b = (torch.rand(n, 3, size, size, dtype=dtype) * 2 - 1 for _ in "ab")
    draws = {}
    for name, draw in method.draws().items():
        draws[name] = (torch.rand if draw.kind == "uniform" else torch.randn)(draw.shape_for(n), dtype=dtype)
    extra = {split: torch.rand(n, 3, size, size, dtype=dtype) * 2 - 1 for split in method.splits}
    return Batch(a, b, draws, step, extra)


def phases_of(method: Method) -> Phases:
    return Phases(build_optimizers(method), method.period)


def train_period(method: Method, phases: Phases, n: int = 2, dtype: torch.dtype = torch.float32) -> list[Batch]:
    """Train the steps of one period; returns their batches."""
    batches = [random_batch(method, n, dtype, step) for step in range(method.period)]
    for batch in batches:
        train_step(method, phases, batch)
    return batches


def style_for(method: Method, n: int, dtype: torch.dtype = torch.float32) -> Tensor | None:
    return torch.randn(n, method.style_dim, dtype=dtype) if method.style_dim else None


@each_method
def test_presets_and_variants_give_complete_configs_that_survive_storing(name: str) -> None:
    cls = registry.load_method(name)
    assert {"paper", "smoke"} <= cls.PRESETS.keys()
    assert "full" not in cls.VARIANTS
    for preset in cls.PRESETS:
        for variant in (None, *cls.VARIANTS):
            try:
                config = cls.make_config(preset, variant)
            except ConfigError as refused:  # a variant that needs a batch, in a preset with batches of one image
                assert "batch_size" in str(refused)
                continue
            resolved = config.resolved(100, 120)
            assert resolved.steps is not None
            assert cls.Config(**resolved.model_dump(mode="json")) == resolved


@each_method
def test_a_method_says_which_variants_it_has(name: str) -> None:
    assert tuple(registry.load_method(name).VARIANTS) == VARIANTS[name]


def test_methods_have_the_names_of_their_papers() -> None:
    titles = {name: registry.load_method(name).title for name in METHODS}
    assert all(titles.values())
    papers = {"cut": "CUT", "cyclegan": "CycleGAN", "ugatit": "U-GAT-IT", "unit": "UNIT"}
    assert {name: titles[name] for name in papers} == papers


@each_method
def test_paper_trains_at_256_px(name: str) -> None:
    assert registry.load_method(name).make_config("paper").size == 256


@each_method
@pytest.mark.parametrize("size", [32, 64, 128])
def test_smoke_takes_small_images_and_at_most_16_channels(name: str, size: int) -> None:
    cls = registry.load_method(name)
    for variant in cls.VARIANTS:
        cls.make_config("smoke", variant, {"size": size})
    config = cls.make_config("smoke", None, {"size": size})
    for field, value in config.model_dump().items():
        assert not field.endswith("channels") or value <= 16, field
    with on_shapes(name, config) as (method, _):
        for direction in method.directions:
            x = torch.rand(2, 3, size, size)
            assert method.translate(x, direction, style_for(method, 2)).shape == x.shape


@each_case
def test_groups_are_disjoint_and_cover_every_parameter(name: str, variant: str | None) -> None:
    method = build(name, variant)
    owned = [parameter for group in method.groups().values() for parameter in group.parameters]
    assert len(owned) == len(set(owned))
    assert set(owned) == {parameter for parameter in method.parameters() if parameter.requires_grad}


@each_case
def test_what_no_group_trains_changes_only_as_the_step_says_and_keeps_no_graph(name: str, variant: str | None) -> None:
    method = build(name, variant)
    frozen = {key: tensor.clone() for key, tensor in method.frozen_state().items()}
    phases = phases_of(method)
    method.train()
    train_period(method, phases)
    assert all(tensor.equal(frozen[key]) for key, tensor in method.frozen_state().items())
    assert not any(module.training for network in method.frozen_networks().values() for module in network.modules())
    owned = {parameter for group in method.groups().values() for parameter in group.parameters}
    assert all(tensor.grad_fn is None for tensor in (*method.parameters(), *method.buffers()))
    assert not any(parameter.requires_grad for parameter in set(method.parameters()) - owned)
    assert not frozen.keys() & method.state_dict().keys()


@each_case
def test_every_group_is_updated_in_the_first_or_in_the_last_period(name: str, variant: str | None) -> None:
    method = build(name, variant)
    phases = phases_of(method)
    updated = set()
    for first in (0, max(0, method.config.known_steps - method.period)):
        for step in range(first, first + method.period):
            train_step(method, phases, random_batch(method, step=step))
            updated |= {group for term in phases.losses for group in term.split("/")[0].split("+")}
    assert updated == set(method.groups())


@each_case
def test_the_rates_schedule_starts_at_one_and_never_goes_above(name: str, variant: str | None) -> None:
    for group in build(name, variant).groups().values():
        factors = [group.schedule(step) for step in range(STEPS)]
        assert factors[0] == 1
        assert all(0 <= factor <= 1 for factor in factors)


@each_case
def test_a_phase_moves_its_own_groups_and_no_other_parameter(name: str, variant: str | None) -> None:
    method = build(name, variant)
    phases = phases_of(method)
    names = {parameter: key for key, parameter in method.named_parameters()}
    members = {key: {names[p] for p in group.parameters} for key, group in method.groups().items()}

    @contextmanager
    def watched(*groups: str) -> Iterator[dict[str, Tensor]]:
        before = {key: parameter.detach().clone() for key, parameter in method.named_parameters()}
        with phases(*groups) as loss:
            yield loss
        moved = {key for key, parameter in method.named_parameters() if not parameter.equal(before[key])}
        assert moved <= set().union(*(members[group] for group in groups))
        assert all(moved & members[group] for group in groups)

    for step in range(method.period):
        method.step(random_batch(method, step=step), watched)


@each_case
@pytest.mark.parametrize("n", [1, 3])
def test_a_step_takes_any_batch_size_and_gives_finite_scalar_losses(name: str, variant: str | None, n: int) -> None:
    try:
        method = build(name, variant, batch_size=n)
    except ConfigError as refused:
        assert n == 1
        assert "batch_size" in str(refused)
        return
    phases = phases_of(method)
    for _ in range(2):
        train_period(method, phases, n)
    assert phases.losses
    for term, value in phases.losses.items():
        assert value.shape == (), term
        assert torch.isfinite(value), term
    assert not phases.found_inf


@each_case
def test_a_step_is_finite_under_bfloat16_with_losses_in_float32(name: str, variant: str | None) -> None:
    method = build(name, variant)
    run_networks_in(method, "bf16", CPU)
    phases = phases_of(method)
    train_period(method, phases)
    assert not phases.found_inf
    assert {term for term, value in phases.losses.items() if value.dtype != torch.float32} == set()
    state = method.state_dict()
    assert {key for key, value in state.items() if value.dtype == torch.bfloat16} == set()


@each_case
def test_losses_are_means_over_samples(name: str, variant: str | None) -> None:
    """A batch that holds every sample twice has the losses of the batch that holds it once."""
    losses = []
    for repeats in (1, 2):
        torch.manual_seed(0)
        method = build(name, variant).double()
        phases = phases_of(method)
        for step in range(method.period):
            once = random_batch(method, 2, torch.float64, step)
            kinds = method.draws()
            draws = {
                key: draw.repeat(repeats, *[1] * (draw.ndim - 1)) if kinds[key].per == "sample" else draw
                for key, draw in once.draws.items()
            }
            a, b = (x.repeat(repeats, 1, 1, 1) for x in (once.a, once.b))
            extra = {split: x.repeat(repeats, 1, 1, 1) for split, x in once.extra.items()}
            method.step(Batch(a, b, draws, step, extra), phases)
        losses.append({term: float(value) for term, value in phases.losses.items()})
    # Not closer: later phases see updated networks, and Adam turns rounding errors of gradients into moves.
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@each_case
def test_a_step_and_its_scalars_need_no_value_on_the_host(name: str, variant: str | None) -> None:
    config = build(name, variant).config
    with on_shapes(name, config) as (method, optimizers):
        train_on_shapes(method, optimizers)
        assert all(value.shape == () for value in method.scalars().values())


@each_case
def test_each_direction_translates_to_images_of_the_same_shape(name: str, variant: str | None) -> None:
    method = build(name, variant).eval()
    assert method.directions
    assert set(method.directions) <= {"A2B", "B2A"}
    x = random_batch(method, 3).a
    for direction in method.directions:
        with torch.no_grad():
            y = method.translate(x, direction, style_for(method, 3))
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        assert y.abs().max() <= 1
        assert y.std() > 0


def separately_and_together(method: Method, direction: Direction) -> tuple[Tensor, Tensor]:
    x, style = random_batch(method, 3, torch.float64).a, style_for(method, 3, torch.float64)
    with torch.no_grad():
        together = method.translate(x, direction, style)
        separately = [
            method.translate(x[i : i + 1], direction, None if style is None else style[i : i + 1]) for i in range(3)
        ]
    return torch.cat(separately), together


@pytest.mark.parametrize("name", [*METHODS, "styled"])
def test_the_style_of_an_image_is_its_own_and_has_the_length_of_a_style_or_is_refused(name: str) -> None:
    with styled_is_installed():
        method = build(name, None).double().eval()
    x = random_batch(method, 3, torch.float64).a
    for direction in method.directions:
        try:
            with torch.no_grad():
                together = method.encode_style(x, direction)
                separately = torch.cat([method.encode_style(image[None], direction) for image in x])
        except UsageError:
            assert name != "styled"
            continue
        assert together.shape == (3, method.style_dim) and torch.isfinite(together).all()
        torch.testing.assert_close(together, separately, rtol=0, atol=1e-10)
        assert not together[0].equal(together[1])


@each_case
def test_an_output_does_not_depend_on_its_neighbours_in_the_batch(name: str, variant: str | None) -> None:
    method = build(name, variant).double()
    train_period(method, phases_of(method), 2, torch.float64)
    method.eval()
    for direction in method.directions:
        separately, together = separately_and_together(method, direction)
        torch.testing.assert_close(together, separately, rtol=0, atol=1e-10)


@each_case
def test_translation_needs_no_more_than_the_networks_of_inference(name: str, variant: str | None) -> None:
    whole = build(name, variant).eval()
    kept = whole.inference()
    assert kept.items() <= dict(whole.named_children()).items()
    x, style = random_batch(whole).a, style_for(whole, 2)
    torch.manual_seed(1)
    other = build(name, variant).eval()
    for child, network in kept.items():
        other.get_submodule(child).load_state_dict(network.state_dict())
    for child in [child for child, _ in other.named_children() if child not in kept]:
        delattr(other, child)
    with torch.no_grad():
        for direction in whole.directions:
            assert other.translate(x, direction, style).equal(whole.translate(x, direction, style))


@each_case
def test_the_state_dict_is_all_that_a_step_depends_on(name: str, variant: str | None) -> None:
    first = build(name, variant)
    train_period(first, phases_of(first))
    torch.manual_seed(1)
    second = build(name, variant)
    assert checkpoint.digest(second.state_dict()) != checkpoint.digest(first.state_dict())
    second.load_state_dict(first.state_dict())
    batches = [random_batch(first, step=step) for step in range(first.period)]
    for method in (first, second):
        phases = phases_of(method)
        for batch in batches:
            method.step(batch, phases)
    assert checkpoint.digest(second.state_dict()) == checkpoint.digest(first.state_dict())


@each_case
def test_attention_gives_one_finite_map_per_image(name: str, variant: str | None) -> None:
    method = build(name, variant).eval()
    x = random_batch(method, 3).a
    for direction in method.directions:
        with torch.no_grad():
            maps = method.attention(x, direction)
        for attention_map in maps.values():
            assert attention_map.shape[:2] == (3, 1)
            assert attention_map.ndim == 4
            assert torch.isfinite(attention_map).all()


@each_case
def test_attention_leaves_out_the_networks_that_an_imported_run_lacks(name: str, variant: str | None) -> None:
    method = build(name, variant).eval()
    x = random_batch(method).a
    with torch.no_grad():
        whole = {direction: method.attention(x, direction) for direction in method.directions}
        for child, network in method.named_children():
            if child not in method.inference():
                network.to("meta")
        for direction, maps in whole.items():
            rest = method.attention(x, direction)
            assert list(rest) == [map_name for map_name in maps if map_name not in method.output_maps]
            assert all(attention_map.equal(maps[map_name]) for map_name, attention_map in rest.items())
            assert set(rest) <= set(method.feature_maps(x, direction))


@each_case
def test_feature_maps_are_those_of_attention_and_those_of_networks_without_it(name: str, variant: str | None) -> None:
    method = build(name, variant).eval()
    x = random_batch(method, 3).a
    for direction in method.directions:
        with torch.no_grad():
            maps, attention = method.feature_maps(x, direction), method.attention(x, direction)
        assert [map_name for map_name in maps if map_name in attention] == list(attention)
        for map_name, attention_map in attention.items():
            assert torch.equal(attention_map, maps[map_name])
        for attention_map in maps.values():
            assert attention_map.shape[:2] == (3, 1)
            assert torch.isfinite(attention_map).all()
