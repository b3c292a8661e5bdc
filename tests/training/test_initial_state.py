"""What a run takes over from another one, what it does not, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ugbench import registry
from ugbench.errors import RunError
from ugbench.runs import checkpoint
from ugbench.runs.config_fields import LATER
from ugbench.runs.origin import Origin
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.initial_state import initial_tensors
from ugbench.training.start import Start
from ugbench.training.state import new_state

CPU = torch.device("cpu")
GENERATORS = {"generator_a2b", "generator_b2a"}
DISCRIMINATORS = {"discriminator_a", "discriminator_b"}


@pytest.fixture
def make_config() -> Callable[..., RunConfig]:
    """make_config(method, variant, init_only, **fields): of a run with small networks for images of 32 px."""

    def make(
        method: str = "cyclegan", variant: str | None = None, init_only: Any = None, seed: int = 0, **fields: Any
    ) -> RunConfig:
        small = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "steps": 4, "batch_size": 2}
        config = registry.load_method(method).make_config("smoke", variant, {**small, **fields})
        return RunConfig(
            method=method,
            variant=variant,
            preset="smoke",
            config=config.resolved(5, 5).model_dump(),
            dataset=DatasetRecord(name="d", root="/d", fingerprint="f", images={"trainA": 5, "trainB": 5}),
            direction=None,
            seed=seed,
            precision="fp32",
            init_only=init_only,
        )

    return make


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., StartingPoint]:
    """saved(config, without=(), **values): a run with a checkpoint of its initial weights at step 2.

    Pools hold images, networks in `without` are left out, and `values` replace tensors.
    """

    def save(config: RunConfig, without: set[str] | frozenset[str] = frozenset(), **values: float) -> StartingPoint:
        run = open_run(tmp_path / "earlier", config)
        seeded = Run(run.path, config.model_copy(update={"seed": config.seed or 0, "origin": None}))
        state = dict(new_state(seeded, CPU, Start()).method.state_dict())
        for name, tensor in state.items():
            if name.startswith("pool"):
                state[name] = torch.ones_like(tensor)
            if name in values:
                state[name] = torch.full_like(tensor, values[name])
        kept = {name: tensor for name, tensor in state.items() if name.split(".")[0] not in without}
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(2, {"method": kept}, {}))
        return StartingPoint(run, 2)

    return save


def taken(start: StartingPoint, config: RunConfig) -> tuple[set[str], str]:
    """The networks that are taken, and what is said about it. The tensors are those that were saved."""
    said: list[str] = []
    tensors = initial_tensors(start, config, said.append)
    stored = checkpoint.load(start.run.checkpoint(start.step)).parts["method"]
    assert all(tensor.equal(stored[name]) for name, tensor in tensors.items())
    return {name.split(".")[0] for name in tensors}, "\n".join(said)


def test_networks_are_taken_whole_and_the_image_pools_begin_empty(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start, config = saved(make_config()), make_config(seed=1)
    networks, said = taken(start, config)
    assert networks == GENERATORS | DISCRIMINATORS
    assert said.splitlines() == [
        f"--init-from {start.name}: taken: generator_a2b (16 tensors), generator_b2a (16 tensors), "
        "discriminator_a (10 tensors), discriminator_b (10 tensors).",
        f"--init-from {start.name}: not taken, begun anew: pool_a, pool_b.",
    ]
    state = new_state(Run(start.run.path, config), CPU, Start(initial_tensors(start, config, lambda _text: None)))
    assert state.method.pool_a.filled == 0
    assert not state.method.pool_a.images.any()


@pytest.mark.parametrize("fields", [{"size": 64}, {"pool_size": 3}, {"steps": 40, "batch_size": 1, "lr": 0.5}])
def test_what_is_no_parameter_of_a_network_may_differ(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint], fields: dict[str, Any]
) -> None:
    networks, said = taken(saved(make_config()), make_config(**fields))
    assert networks == GENERATORS | DISCRIMINATORS
    differing = [name for name in fields if name not in ("steps", "batch_size")]
    assert all(f"{name} (" in said.splitlines()[-1] for name in differing)
    assert "steps (" not in said


def test_a_run_from_before_a_field_existed_has_the_value_that_such_runs_had(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    config = make_config()
    old = {name: value for name, value in config.config.items() if name not in LATER}
    start = saved(config.model_copy(update={"config": old}))
    assert "its config differs" not in taken(start, config)[1]
    assert taken(start, make_config(fit="crop"))[1].endswith("its config differs in fit (squash there, crop here).")


def test_buffers_of_a_network_come_with_its_parameters(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start = saved(make_config("ugatit", "bin"))
    tensors = initial_tensors(start, make_config("ugatit", "bin", seed=1), lambda _text: None)
    assert {name.rpartition(".")[2] for name in tensors} > {"u", "v", "running_mean", "running_variance"}


def test_a_variant_without_those_buffers_can_still_start_from_it(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    networks, said = taken(saved(make_config("ugatit", "bin")), make_config("ugatit", style=False))
    assert networks >= GENERATORS
    assert "norm (batch there, layer here)" in said


def test_generators_alone_leave_the_discriminators_new(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start = saved(make_config())
    config = make_config(init_only="generators", seed=1, discriminator_channels=6)
    networks, said = taken(start, config)
    assert networks == GENERATORS
    assert "not taken, begun anew: discriminator_a, discriminator_b, pool_a, pool_b." in said
    tensors = initial_tensors(start, config, lambda _text: None)
    started, fresh = (new_state(Run(start.run.path, config), CPU, Start(initial)) for initial in (tensors, None))
    for name in ("discriminator_a.0.weight", "discriminator_b.0.weight"):
        assert started.method.get_parameter(name).equal(fresh.method.get_parameter(name))
    assert not started.method.generator_a2b[1].weight.equal(fresh.method.generator_a2b[1].weight)


def test_networks_that_the_new_run_lacks_are_left_behind_and_named(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    _, said = taken(saved(make_config("ugatit")), make_config("ugatit", "no-local"))
    assert "left behind, because this run has none: local_a, local_b" in said


def imported(config: RunConfig) -> RunConfig:
    changes = {"seed": None, "preset": None, "origin": Origin(name="published", files={"latest_net_G.pth": "ab"})}
    return config.model_copy(update=changes)


def test_an_imported_checkpoint_gives_its_generators_and_needs_to_be_asked_so(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start = saved(imported(make_config()), without=DISCRIMINATORS)
    assert taken(start, make_config(init_only="generators"))[0] == GENERATORS
    with pytest.raises(RunError, match=r"has no discriminator_a, discriminator_b; add --init-only generators to take "):
        initial_tensors(start, make_config(), print)


def test_of_a_checkpoint_with_one_generator_that_one_is_taken(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start = saved(imported(make_config()), without=DISCRIMINATORS | {"generator_b2a"})
    networks, said = taken(start, make_config(init_only="generators"))
    assert networks == {"generator_a2b"}
    assert "begun anew: generator_b2a, discriminator_a" in said


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"channels": 8},
            r"its generator_a2b\.1\.bias is \(4,\) where this run's is \(8,\), .* channels \(4 there, 8 here\)",
        ),
        (
            {"blocks": 2},
            r"its generator_a2b\.11\.bias is \(8,\) where this run's is missing, .* blocks \(1 there, 2 here\)",
        ),
        (
            {"discriminator_channels": 8},
            r"its discriminator_a\.0\.bias is .*; to fix this, add --init-only generators\.",
        ),
    ],
)
def test_a_parameter_of_another_shape_is_refused_by_name(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint], fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(RunError, match=says):
        initial_tensors(saved(make_config()), make_config(**fields), print)


def test_a_full_ugatit_keeps_its_size(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint]
) -> None:
    start = saved(make_config("ugatit", light=False))
    with pytest.raises(
        RunError, match=r"style\.fc1\.weight is \(16, 1024\) where this run's is \(16, 4096\), .*size \(32"
    ):
        initial_tensors(start, make_config("ugatit", light=False, size=64, init_only="generators"), print)


@pytest.mark.parametrize("init_only", [None, "generators"])
def test_a_run_of_another_method_is_refused(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint], init_only: str | None
) -> None:
    with pytest.raises(RunError, match=r"\(cyclegan\) has no encoder_a, .*; start from a run of unit\."):
        initial_tensors(saved(make_config()), make_config("unit", init_only=init_only), print)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(
    make_config: Callable[..., RunConfig], saved: Callable[..., StartingPoint], value: float
) -> None:
    start = saved(make_config(), **{"generator_b2a.1.bias": value})
    with pytest.raises(RunError, match=r"generator_b2a\.1\.bias has 4 of 4 values that are NaN or infinite"):
        initial_tensors(start, make_config(), print)
