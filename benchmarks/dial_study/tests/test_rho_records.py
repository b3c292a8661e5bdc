"""The records of where learnt rhos ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.dial_study import rho_records
from ugbench.data.dataset_names import resolve
from ugbench.errors import RunError
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of a learnt arm on a dial, with a checkpoint at step 20 and rho logged there."""
    data = resolve("dial:shape=0.5,texture=1,size=16,train=2,test=2", tmp_path / "data")
    run = open_run(
        tmp_path / "results" / data.name,
        RunConfig(
            method="ugatit",
            variant="rho-from-05",
            preset="smoke",
            config={"size": 16, "steps": 20},
            dataset=DatasetRecord(name=data.name, root=str(data.root), fingerprint="x", images={}),
            direction=None,
            seed=4,
            precision="fp32",
        ),
    )
    (run.checkpoints / "20").mkdir(parents=True)
    (run.checkpoints / "20" / "manifest.json").write_text("{}")
    log(run, {"step": 10, **logged(0.1)}, {"step": 20, **logged(0.3)})
    return run


def logged(value: float) -> dict[str, float]:
    return {
        "rho/generator_a2b.decoder.0.norm1": value,
        "rho/generator_a2b.decoder.0.norm2": value + 0.2,
        "rho/generator_a2b.up1.norm": 9.0,
        "rho/generator_b2a.decoder.0.norm1": 0.7,
        "generators/cycle_a": 5.0,
    }


def log(run: Run, *rows: dict[str, float]) -> None:
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_runs_rho_is_the_mean_over_the_methods_layers_at_the_last_step(run: Run, tmp_path: Path) -> None:
    a2b, b2a = rho_records.store([run])
    assert (a2b.value, b2a.value) == (pytest.approx(0.4), 0.7)
    assert a2b.layers == {"rho/generator_a2b.decoder.0.norm1": 0.3, "rho/generator_a2b.decoder.0.norm2": 0.5}
    assert (a2b.shape, a2b.texture, a2b.start, a2b.seed, a2b.step) == (0.5, 1, 0.5, 4, 20)
    assert rho_records.read_all(tmp_path / "results") == [a2b, b2a]
    assert rho_records.store([run]) == [a2b, b2a]
    assert rho_records.read_all(tmp_path / "results") == [a2b, b2a]  # and not twice
    log(run, {"step": 10, **logged(0.1)}, {"step": 20, **logged(0.6)})  # trained again, and it ended elsewhere
    retrained, _ = rho_records.store([run])
    assert retrained.value == pytest.approx(0.7)
    assert rho_records.read_all(tmp_path / "results")[2:] == [retrained]


def test_a_run_that_logged_no_rho_at_its_last_step_is_named(run: Run) -> None:
    log(run, {"step": 10, **logged(0.1)})
    with pytest.raises(RunError, match=r"seed4-.*no rho/generator_a2b\.decoder\.… at step 20"):
        rho_records.store([run])


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "rho.jsonl").write_text('{"run": "x"}\n')
    with pytest.raises(RunError, match=r"rho\.jsonl, line 1 is no record"):
        rho_records.read_all(tmp_path)
