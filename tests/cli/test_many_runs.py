"""Commands on a results folder of thousands of runs read each file of a run once, and compute nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench.cli.runs_list import describe_runs
from ugbench.report.contents import collect_report
from ugbench.runs import config_fields, files, folder
from ugbench.runs.configurations import configurations
from ugbench.runs.run import Run, RunConfig, list_runs
from ugbench.scoring import record as score_record
from ugbench.scoring.record import ScoreRecord
from ugbench.tables import marks
from ugbench.tables.build import build_table
from ugbench.tables.of_results import TableContents, table_of_results

Make = Callable[..., Run]
MakeRecord = Callable[..., ScoreRecord]
SEEDS = 3


@pytest.fixture
def many(make_run: Make, log: Make, make_record: MakeRecord, tmp_path: Path) -> Path:
    """A results folder with three seeds of two methods, each with a log and a score."""
    for method, value in (("ugatit", 0.1), ("cut", 0.2)):
        for seed in range(SEEDS):
            run = log(make_run(method, seed=seed), {"g/cycle": [3, 1.5]})
            fields = {"dataset": "photos", "run": run.id, "seed": seed, "step": 100}
            score_record.append(run.scores_file, [make_record("kid", method, value + seed / 100, 0.01, **fields)])
    return tmp_path / "results"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file under results was opened, by its path."""
    counts: Counter[str] = Counter()
    plain = files.open_file

    def counted(file: Path, largest: int | None = None) -> object:
        counts[str(file)] += 1
        return plain(file, largest)

    monkeypatch.setattr(files, "open_file", counted)
    return counts


def times(opened: Counter[str], name: str) -> list[int]:
    return [count for file, count in opened.items() if Path(file).name == name]


def test_the_list_reads_the_config_and_lists_the_checkpoints_of_each_run_once(
    many: Path, opened: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: Counter[Path] = Counter()
    plain = folder.checkpoint_steps
    monkeypatch.setattr(folder, "checkpoint_steps", lambda path: listed.update([path]) or plain(path))
    assert len(describe_runs(many)) == 2 * SEEDS
    assert times(opened, "config.json") == [1] * 2 * SEEDS
    assert list(listed.values()) == [1] * 2 * SEEDS


def test_the_id_of_a_run_is_hashed_once(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    plain = config_fields.for_id
    monkeypatch.setattr(config_fields, "for_id", lambda config: hashed.append(config) or plain(config))
    run = list_runs(many)[0]
    assert run.id == run.id == run.config.id
    assert len(hashed) == 2  # once for the run, once for the config, which does not remember it


def test_a_table_reads_each_config_and_each_file_of_scores_once_and_no_log(many: Path, opened: Counter[str]) -> None:
    table = table_of_results(many, TableContents(), lambda run: pytest.fail(f"{run.id} was counted"))
    assert [row.label for row in table.rows] == ["CUT", "U-GAT-IT"]
    assert times(opened, "config.json") == times(opened, "scores.jsonl") == [1] * 2 * SEEDS
    assert not times(opened, "metrics.jsonl")


def test_the_report_reads_each_config_each_file_of_scores_and_each_log_once(many: Path, opened: Counter[str]) -> None:
    (section,) = collect_report(many).sections
    assert len(section.runs) == 2 * SEEDS
    for name in ("config.json", "scores.jsonl", "metrics.jsonl"):
        assert times(opened, name) == [1] * 2 * SEEDS


def test_scores_are_not_looked_for_among_the_outputs_and_weights_of_a_run(
    many: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list_runs(many)[0]
    beside = make_record("kid", "tool", 0.3, 0.01, run="files")
    for place in ("outputs", "checkpoints", "samples", "tensorboard", "elsewhere"):
        score_record.append(run.path / place / "more.jsonl", [beside.model_copy(update={"dataset": place})])
    score_record.append(run.path.parent / "outputs" / "more.jsonl", [beside])  # no folder of a run
    found = [record.dataset for record in score_record.read_all(many) if record.run == "files"]
    assert sorted(found) == sorted([beside.dataset, "elsewhere"])


def test_files_of_records_are_read_in_the_order_of_their_paths(tmp_path: Path, make_record: MakeRecord) -> None:
    places = ["b/scores.jsonl", "a/scores.jsonl", "a-b/scores.jsonl", "a/c/scores.jsonl"]
    for number, place in enumerate(places):
        score_record.append(tmp_path / place, [make_record("kid", "ugatit", float(number))])
    paths = sorted(tmp_path.rglob("*.jsonl"))
    order = [float(places.index(path.relative_to(tmp_path).as_posix())) for path in paths]
    assert [record.value for record in score_record.read_all(tmp_path)] == order


def test_the_pairs_of_rows_of_a_column_share_one_pass_over_the_relabellings(
    make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        make_record("kid", method, value + seed / 100, 0.01, seed=seed, run=f"{method}{seed}")
        for method, value in (("ugatit", 0.1), ("cut", 0.105), ("unit", 0.5))
        for seed in range(5)
    ]
    apart = [cell.tied_with_best for cell in (row.cells["kid"] for row in build_table(records).rows)]
    passes = []
    plain = marks.exact_p_values
    monkeypatch.setattr(marks, "exact_p_values", lambda *groups: passes.append(len(groups[0])) or plain(*groups))
    build_table(records)
    assert passes == [3]
    assert apart == [True, False, False]


def test_the_configuration_of_each_run_is_hashed_once_and_that_of_the_run_it_began_from_once(
    make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make_run("ugatit", seed=seed) for seed in range(4)]
    for seed, begun in enumerate(runs[:4]):
        config = begun.config.model_copy(update={"init_from": f"{begun.id}@100"})
        runs.append(Run(begun.path.with_name(f"later{seed}"), config))
    hashed = []
    plain = RunConfig.id.fget
    assert plain is not None
    for run in runs:
        assert run.id
    monkeypatch.setattr(RunConfig, "id", property(lambda config: hashed.append(config) or plain(config)))
    by_run = configurations(runs)
    assert len({by_run[run.id].id for run in runs[:4]}) == len({by_run[run.id].id for run in runs[4:]}) == 1
    assert len(hashed) == len(runs) + 4  # one for each run, and one for the run that each later one began from
