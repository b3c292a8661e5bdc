"""The fast step gives the same parameters, buffers and losses as the plain reference step."""

from __future__ import annotations

import pytest
import torch

from ugatit.method import UGATIT

TOLERANCE = 1e-9


def train_both(method, engine, oracle, images, steps, size=32):
    """Train `method` and an oracle from its state; the largest difference of tensors and losses."""
    trained = {name for name, _ in method.named_parameters()}
    plain = oracle(method.config, method.state_dict(), trained)
    fast = engine(method)
    loss_difference = 0.0
    for step in range(steps):
        a, b = images(step, method.config.batch_size, size)
        losses, expected = fast.step(a, b, step), plain.step(a, b, step)
        # The name of a phase also contains the names of extra groups.
        losses = {
            f"{name.split('/')[0].split('+')[0].split('_')[0]}/{name.split('/')[1]}": v for name, v in losses.items()
        }
        assert losses.keys() == expected.keys()
        relative = (abs(losses[name] - expected[name]) / (1 + abs(expected[name])) for name in expected)
        loss_difference = max(loss_difference, *relative)
    state = method.state_dict()
    assert state.keys() == plain.tensors.keys()
    differences = {name: float((state[name] - plain.tensors[name].detach()).abs().max()) for name in state}
    worst = max(differences, key=differences.__getitem__)
    return differences[worst], worst, loss_difference


@pytest.mark.parametrize("light", [True, False])
def test_six_steps_equal_the_plain_step(light, tiny, engine, oracle, images):
    difference, where, losses = train_both(tiny(light=light), engine, oracle, images, 6)
    assert difference < TOLERANCE, where
    assert losses < TOLERANCE


@pytest.mark.parametrize("variant", sorted(UGATIT.VARIANTS))
def test_two_steps_of_every_variant_equal_the_plain_step(variant, tiny, engine, oracle, images):
    difference, where, losses = train_both(tiny(variant, light=True), engine, oracle, images, 2)
    assert difference < TOLERANCE, where
    assert losses < TOLERANCE


@pytest.mark.parametrize(
    "options",
    [
        {"spectral_iterations": "forward"},
        {"discriminator_cam_weight": "normalised"},
        {"variance": "biased"},
        {"variance": "nested"},
        {"decoder_skip": False},
        # A smaller rate: Adam turns the rounding of tiny gradients before these norms into moves of up to lr.
        {"encoder_affine": True, "lr": 1e-4},
        {"decoder_biases": True},
        {"decay_scope": "kernels", "weight_decay": 0.1},
        {"rho_lr_factor": 10.0},
        {"rho_decay": False, "weight_decay": 0.1},
        {"rho_lr_factor": 10.0, "decay_scope": "kernels", "weight_decay": 0.1},
        {"adversarial_weight": 2.0, "cycle_weight": 3.0, "identity_weight": 4.0, "cam_weight": 5.0},
        {"batch_size": 1},
        {"batch_size": 3},
        {"blocks": 1},
        {"global_depth": 2, "local_depth": 1},
    ],
    ids=lambda options: ",".join(options),
)
def test_two_steps_under_every_option_equal_the_plain_step(options, tiny, engine, oracle, images):
    difference, where, losses = train_both(tiny(light=True, **options), engine, oracle, images, 2)
    assert difference < TOLERANCE, where
    assert losses < TOLERANCE


def test_the_papers_depths_at_96_px_equal_the_plain_step(tiny, engine, oracle, images):
    method = tiny(light=True, size=96, discriminator_channels=2, blocks=1)
    assert (method.config.global_depth, method.config.local_depth) == (5, 3)
    difference, where, losses = train_both(method, engine, oracle, images, 2, size=96)
    assert difference < TOLERANCE, where
    assert losses < TOLERANCE


def test_a_step_that_does_not_clip_rho_differs_from_the_plain_step(tiny, engine, oracle, images, monkeypatch):
    monkeypatch.setattr(UGATIT, "_learnt_rhos", lambda self: {})  # rho is left where the update put it
    difference, where, _ = train_both(tiny(light=True), engine, oracle, images, 1)
    assert difference > 1e-4
    assert where.endswith(".rho")


def test_power_iterations_are_one_a_phase_or_one_a_forward(tiny, engine, images):
    weights = {}
    for counting in ("phase", "forward"):
        method = tiny(light=True, spectral_iterations=counting, lr=1e-12)
        layer = method.local_a.layers[0]
        before = layer.u.clone()
        engine(method).step(*images(), 0)
        matrix, count = layer.weight.detach().flatten(1), 0
        u = before
        while not torch.allclose(u, layer.u, atol=1e-8, rtol=0):
            v = torch.nn.functional.normalize(matrix.T @ u, dim=0)
            u = torch.nn.functional.normalize(matrix @ v, dim=0)
            count += 1
            assert count < 9
        weights[counting] = count
    assert weights == {"phase": 2, "forward": 3}
