"""AGGAN learns: after a short training its error is below that of the untouched input."""

from __future__ import annotations

import json
from pathlib import Path

from commands import call_in


def test_a_short_training_on_a_dial_leaves_less_error_than_doing_nothing(tmp_path: Path) -> None:
    dial = "dial:size=32,shape=0,texture=1,train=60,test=20"
    smaller = "channels=8,attention_channels=8,discriminator_channels=8,blocks=1"
    words = ["--dataset", dial, "--preset", "smoke", "--size", "32", "--steps", "70", "--set", smaller]
    run = json.loads(call_in(tmp_path, "train", "aggan", *words, "--json").stdout)["id"]
    scores = json.loads(call_in(tmp_path, "eval", run, "--metric", "changed", "--json").stdout)
    changed = {score["direction"]: score["value"] for score in scores if score["run"] == run}
    assert set(changed) == {"A2B", "B2A"}
    assert max(changed.values()) < 0.8, "1 is the untouched input's error"
