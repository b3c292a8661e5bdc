"""Of which runs of a data set the report draws curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from report_pages import page_text

from ugbench.figures._context import label_runs
from ugbench.report import curves
from ugbench.report.contents import collect_report
from ugbench.runs import training_log
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run

Make = Callable[..., Run]


def chosen(runs: list[Run], most: int) -> curves.Curves:
    return curves.collect_curves(dict(zip(label_runs(runs), runs, strict=True)), run_labels(runs), most)


def test_each_method_gives_its_lowest_seed_before_any_gives_a_second(make_run: Make, log: Make) -> None:
    runs = [log(make_run("ugatit", seed=seed), {"g/cycle": [3, 1.5]}) for seed in (2, 0, 1)]
    runs += [log(make_run("cut", seed=seed), {"g/cycle": [3, 1.5]}) for seed in (5, 4)]
    assert set(chosen(runs, 2).logs) == {"ugatit seed 0", "cut seed 4"}
    assert set(chosen(runs, 4).logs) == {"ugatit seed 0", "ugatit seed 1", "cut seed 4", "cut seed 5"}
    all_of_them = chosen(runs, 5)
    assert (len(all_of_them.logs), all_of_them.note) == (5, "")


def test_a_run_without_a_log_takes_no_place_of_another(make_run: Make, log: Make) -> None:
    runs = [make_run("ugatit", seed=0), log(make_run("ugatit", seed=1), {"g/cycle": [3, 1.5]})]
    assert set(chosen(runs, 1).logs) == {"ugatit seed 1"}
    assert not chosen(runs, 1).note


def test_the_page_draws_twenty_runs_says_which_and_reads_no_other_log(
    tmp_path: Path, make_run: Make, log: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(22):
        log(make_run("ugatit", seed=seed), {"g/cycle": [3, 1.5]})
    read: list[Path] = []
    plain = training_log.read_curves
    monkeypatch.setattr(curves, "read_curves", lambda run: read.append(run.path) or plain(run))
    (section,) = collect_report(tmp_path / "results").sections
    assert len(read) == 20
    assert len(section.runs) == 22
    (chart,) = section.losses
    assert "ugatit seed 19" in chart.svg and "ugatit seed 20" not in chart.svg
    assert section.curves_note.startswith("The curves of 20 of 22 runs are drawn: of the lowest seed of each method")
    assert section.curves_note in page_text(tmp_path / "results", tmp_path)
