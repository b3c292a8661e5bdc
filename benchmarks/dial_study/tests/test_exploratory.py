"""The analyses that the plan makes no claim from, in their smallest form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.dial_study.__main__ import main
from ugbench.runs.run import RunConfig, open_run


def test_a_pull_on_rho_shows_from_either_start_and_channel_by_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pulls", "--channels", "400", "--steps", "200", "--pulls", "0,0.3"]) == 0
    none, strong = json.loads(capsys.readouterr().out)["rows"]
    assert none["mean_from_0"] < 0.6 < 0.9 < strong["mean_from_0"] <= strong["mean_from_1"] <= 1
    assert abs(none["correlation_if_channels_differ"]) < 0.3 < 0.9 < strong["correlation_if_channels_differ"]


def test_starts_of_a_seed_are_compared_channel_by_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channels = {"rho-from-0": [0.0, 0.2, 0.4, 0.9], "rho-from-05": [0.1, 0.3, 0.5, 1.0], "rho0": [0.0] * 4}
    for seed, order in ((0, 1), (1, -1)):  # the channels of the second seed are in the reverse order
        for variant, rho in channels.items():
            config = RunConfig(
                method="ugatit",
                variant=variant,
                preset="smoke",
                config={"size": 16, "steps": 1},
                dataset=None,
                direction=None,
                seed=seed,
                precision="fp32",
            )
            run = open_run(tmp_path / "dial", config)
            (run.checkpoints / "1").mkdir(parents=True)
            (run.checkpoints / "1" / "manifest.json").write_text("{}")
            layer = torch.tensor(rho[::order]).view(1, 4, 1, 1)
            others = {"generator_b2a.decoder.0.norm1.rho": torch.rand(1, 4, 1, 1)}
            save_file({"generator_a2b.decoder.0.norm1.rho": layer.contiguous(), **others}, run.generators_file)
    assert main(["channels", "--results", str(tmp_path)]) == 0
    (agreement,) = json.loads(capsys.readouterr().out).values()
    assert (agreement["runs"], agreement["same_seed_pairs"], agreement["other_seed_pairs"]) == (4, 2, 4)
    assert agreement["same_seed"] == pytest.approx(1.0)
    assert agreement["other_seed"] < -0.8
    assert agreement["at_0_or_1"] == 0.25


def test_without_a_finished_run_of_a_learnt_arm_there_is_nothing_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["channels", "--results", str(tmp_path)]) == 2
    assert "no finished run of a learnt arm; `python -m benchmarks.dial_study run`" in capsys.readouterr().err
