"""What tables read (metrics' titles, records, protocols, stored differences) must not wait seconds for torch."""

from __future__ import annotations

import subprocess
import sys

from ugbench import registry

HEAVY = ("torch", "scipy.stats", "torch_fidelity", "lpips", "torchvision")
LIGHT = (
    "ugbench.metric",
    "ugbench.scoring.record",
    "ugbench.scoring.protocols",
    "ugbench.scoring.inputs",
    "ugbench.scoring.request",
    "ugbench.analysis.differences",
    "ugbench.statistics.seeds",
    "ugbench.statistics.ranking",
    "ugbench.statistics.equivalence",
    "ugbench.statistics.preferences",
    *registry.modules("metrics").values(),
)


def test_metrics_records_protocols_and_statistics_of_seeds_load_no_torch() -> None:
    assert loaded(LIGHT) == []


def loaded(modules: tuple[str, ...]) -> list[str]:
    code = f"import {', '.join(modules)}, sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
