"""`ugbench check-method` and `check-metric` on packages of others: one line per rule, and an exit code."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import call, call_json
from third_party import third_party_site, visible

from ugbench.contract.methods import METHOD_CHECKS
from ugbench.contract.metrics import METRIC_CHECKS

__all__ = ["third_party_site"]

METRIC = """
from ugbench.metric import Metric, Score

def compute(output):
    print("working")
    return Score(float(output[0].float().mean()))

METRIC = Metric("First", compute, ("output_tensor",), True)
"""


def put_package(site: Path, group: str, name: str, source: str) -> None:
    """Lay out a package whose entry point names one module, as pip would install it."""
    info = site / f"{name}-0.1.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(source, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[ugbench.{group}]\n{name} = {name}\n")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of installed packages, which this process finds."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    before = set(sys.modules)
    with visible(folder):
        yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()


def test_a_method_of_another_package_keeps_every_rule(third_party_site: Path) -> None:
    with visible(third_party_site):
        result = call("check-method", "content_first")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "skipped" if check.name in ("scalars", "attention", "imported-attention", "feature-maps") else "ok"
        for check in METHOD_CHECKS
    ]
    assert lines[0] == "ok       the module can be imported and has one complete Method class"
    assert "skipped  logged scalars are scalars: the method logs no scalars." in lines
    assert result.stderr == "the method content_first keeps all rules that apply to it.\n"


def test_a_broken_method_ends_with_exit_code_1_and_the_line_of_its_module(site: Path, third_party_site: Path) -> None:
    source = (third_party_site / "slow_mover.py").read_text(encoding="utf-8")
    broken = source.replace("self.critic(fake.detach()).square().mean()", "self.critic(fake.detach()).square()")
    assert broken != source
    put_package(site, "methods", "their_mover", broken)
    line = broken[: broken.index('loss["fake"]')].count("\n") + 1
    result = call("check-method", "their_mover", code=1)
    failed = [text for text in result.stdout.splitlines() if text.startswith("failed")]
    assert len(failed) == 1
    assert f"{site / 'their_mover.py'}:{line}: the loss term 'fake' of the phase 'critic' has the shape" in failed[0]
    assert result.stderr.startswith(f"error: the method their_mover breaks 1 of {len(METHOD_CHECKS)} rules (shapes);")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\nraise RuntimeError('no licence')\n", "their_method.py:2: RuntimeError: no licence."),
        ("def f(:\n", "their_method.py, line 1: invalid syntax"),
        ("", "their_method defines 0 Method classes"),
    ],
)
def test_a_module_that_cannot_be_loaded_fails_the_first_rule(site: Path, source: str, reason: str) -> None:
    put_package(site, "methods", "their_method", source)
    result = call("check-method", "their_method", code=1)
    first, *others = result.stdout.splitlines()
    assert first.startswith("failed   the module can be imported") and reason in first
    assert all(line.startswith("skipped") for line in others)


def test_the_outcomes_of_some_variants_are_json() -> None:
    outcomes = call_json("check-method", "cyclegan", "--variant", "full")
    assert [outcome["check"] for outcome in outcomes] == [check.name for check in METHOD_CHECKS]
    assert set(outcomes[0]) == {"check", "title", "status", "reason", "variants"}
    assert {outcome["status"] for outcome in outcomes} == {"ok", "skipped"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check-method", "cyclegn"], "error: no method is called 'cyclegn'; did you mean 'cyclegan'?"),
        (["check-method", "ugatit", "--variant", "no-can"], "error: no variant is called 'no-can'; did you mean 'no-c"),
        (["check-metric", "kidd"], "error: no metric is called 'kidd'; did you mean 'kid'?"),
    ],
)
def test_an_unknown_name_ends_with_exit_code_2(words: list[str], sentence: str) -> None:
    result = call(*words, code=2)
    assert result.stderr.startswith(sentence)
    assert result.stdout == ""


def test_a_metric_of_this_project_keeps_every_rule() -> None:
    result = call("check-metric", "kid")
    assert len(result.stdout.splitlines()) == len(METRIC_CHECKS)
    assert result.stderr == "the metric kid keeps all rules that apply to it.\n"


def test_a_broken_metric_fails_with_its_line_and_what_it_prints_stays_out_of_the_json(site: Path) -> None:
    put_package(site, "metrics", "first_image", METRIC)
    result = call("check-metric", "first_image", "--json", code=1)
    outcomes = {outcome["check"]: outcome for outcome in json.loads(result.stdout)}
    assert [name for name, outcome in outcomes.items() if outcome["status"] == "failed"] == ["order"]
    assert outcomes["order"]["reason"].startswith(f"{site / 'first_image.py'}:4: the value is")
    assert "working" in result.stderr


def test_a_module_without_a_metric_is_no_metric(site: Path) -> None:
    put_package(site, "metrics", "no_metric", "METRIC = 3\n")
    result = call("check-metric", "no_metric", code=1)
    assert "the metric no_metric cannot be loaded (no_metric has no METRIC that is a" in result.stdout.splitlines()[0]
