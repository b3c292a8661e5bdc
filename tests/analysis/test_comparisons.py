"""Which rows `ugbench differences` compares where a method has several configurations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scipy import stats

from ugbench.analysis import comparisons
from ugbench.analysis.comparison import Comparison
from ugbench.errors import UnknownName, UsageError
from ugbench.runs.json_file import write_json
from ugbench.runs.run import Run
from ugbench.scoring.evaluate import Evaluation
from ugbench.statistics import seeds
from ugbench.statistics.paired import Difference
from ugbench.statistics.permutation import CheckpointClaim

MakeRun = Callable[..., Run]


@pytest.fixture
def runs(make_run: MakeRun) -> list[Run]:
    """Finished runs: ugatit with 30 steps (two seeds) and 120 steps, and cyclegan."""
    made = [make_run("ugatit", seed=seed, steps=30) for seed in (0, 1)]
    made += [make_run("ugatit", steps=120), make_run("cyclegan", steps=30)]
    for run in made:
        run.checkpoint(run.steps).mkdir(parents=True)
    return made


@pytest.fixture
def evaluation() -> Evaluation:
    """An evaluation that nothing is asked of."""
    return cast(Evaluation, SimpleNamespace(results=None, log=print))


def test_the_name_of_several_configurations_is_refused_with_their_labels(
    runs: list[Run], evaluation: Evaluation
) -> None:
    message = r"--to ugatit: it has several configurations; give one of 'ugatit \(steps 120\)', 'ugatit \(steps 30\)'"
    with pytest.raises(UsageError, match=message):
        comparisons.compare_methods(evaluation, "ugatit", runs=runs)
    with pytest.raises(UnknownName, match="ugatitt"):
        comparisons.compare_methods(evaluation, "ugatitt", runs=runs)


def test_seeds_of_one_configuration_are_compared_together(
    runs: list[Run], evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[set[str], set[str]]] = []

    def compare(_evaluation: Any, group: Any, other: list[Run], *_: Any) -> Any:
        asked.append(({run.id for run in other}, {run.id for run in group.base}))
        raise StopIteration

    monkeypatch.setattr(comparisons, "_compare", compare)
    monkeypatch.setattr(comparisons, "_with_equal_format", lambda _evaluation, family: family)
    with pytest.raises(StopIteration):
        comparisons.compare_methods(evaluation, "cyclegan", runs=runs)
    with pytest.raises(StopIteration):
        comparisons.compare_methods(evaluation, "ugatit (steps 120)", runs=runs)
    assert asked == [
        ({runs[0].id, runs[1].id}, {runs[3].id}),
        ({runs[0].id, runs[1].id}, {runs[2].id}),
    ]


@pytest.mark.parametrize(("permutations", "said"), [(78, True), (79, False)])
def test_permutations_that_can_show_nothing_after_adjustment_are_pointed_out(
    runs: list[Run],
    evaluation: Evaluation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    permutations: int,
    said: bool,
) -> None:
    """Two others in two directions are four comparisons; the smallest p is 1 / (permutations + 1), times four."""

    def compare(*_: Any) -> Any:
        raise StopIteration

    monkeypatch.setattr(comparisons, "_compare", compare)
    monkeypatch.setattr(comparisons, "_with_equal_format", lambda _evaluation, group: group)
    with pytest.raises(StopIteration):
        comparisons.compare_methods(evaluation, "cyclegan", permutations=permutations, runs=runs)
    sentence = f"with {permutations} permutations no p of swaps can be 0.05 or less"
    assert (sentence in capsys.readouterr().out) == said


def comparison_of(first: list[float], second: list[float]) -> Comparison:
    claim = CheckpointClaim(Difference(0.0, 0.1, None, None), 0.5, 60, 60, 0.5)
    method = seeds.compare(first, second)
    return Comparison("dial", "A2B", "cut", "unit", ("a", "b"), (0, 0), claim, 0.1, method, None, (0.0, 0.0), 60)


def test_each_seeds_value_is_printed_with_welchs_p_beside_the_claim() -> None:
    comparison = comparison_of([0.3, 0.1, 0.2], [0.4, 0.6, 0.5])
    welch = stats.ttest_ind([0.1, 0.2, 0.3], [0.4, 0.5, 0.6], equal_var=False).pvalue
    assert comparison.seeds_text() == (
        f"KID x100 of each seed, sorted: cut 10, 20, 30; unit 40, 50, 60; Welch's t-test would give p = {welch:.3g}."
    )
    assert comparison_of([0.3], [0.4]).seeds_text() is None


def test_a_run_that_stopped_at_nan_is_a_failed_seed_of_its_own_configuration_alone(
    runs: list[Run], make_run: MakeRun
) -> None:
    stopped = [make_run("ugatit", seed=2, steps=30), make_run("ugatit", seed=1, steps=120)]
    killed = make_run("ugatit", seed=3, steps=30)
    for run in stopped:
        write_json(run.failure_file, {"error": "NonFiniteLoss", "reason": "the loss is NaN"})
    write_json(killed.failure_file, {"error": "DiskError", "reason": "the disk is full"})
    group = comparisons._Group(runs[0].dataset_folder.name, "A2B", [runs[3]], {"ugatit": runs[:2]})
    pair = cast(Any, SimpleNamespace(values=([0.2, 0.9], [0.1])))
    (compared,) = comparisons._with_failures(
        [comparison_of([0.2, 0.9], [0.1])], [(group, "ugatit", pair)], [*runs, *stopped, killed], 0.5
    )
    assert compared.failures is not None
    first, second = compared.failures.first, compared.failures.second
    assert (first.failed, first.stopped, first.seeds) == (2, 1, 3)
    assert (second.failed, second.stopped, second.seeds) == (0, 0, 1)
    text = compared.failures_text()
    assert text is not None and text.startswith(
        "with KID x100 above 50 as failed, 2 of 3 seeds of cut failed, 1 of them"
    )
    assert compared.to_json()["text"]["failures"] == text
    assert "failures" not in comparison_of([0.2], [0.1]).to_json()["text"]


def test_two_checkpoints_with_too_few_images_are_named_as_not_tested() -> None:
    comparison = comparison_of([0.3], [0.4])
    assert comparison.untested_text() is None
    few = replace(comparison, checkpoints=CheckpointClaim(Difference(0.05, 0.1), None, 30, 60))
    assert few.untested_text() == (
        "these checkpoints are not tested, because that takes 50 images per set: KID x100 of cut minus that of unit is "
        "5 (standard error 10, 30 sources, 60 references)."
    )
