"""`table --columns maps`: the mass of every kept attention map, beside the scores."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch

from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.tensors import load_images
from ugbench.errors import UnknownName
from ugbench.metrics import cam_mass
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.map_mass import masses
from ugbench.tables.columns.run_columns import add_run_columns
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table

Make = Callable[..., Run]
MakeRecord = Callable[..., ScoreRecord]
StoreMaps = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture
def dial(tmp_path: Path) -> DataSet:
    return resolve("dial:size=16,train=2,test=3,texture=0,shape=1", tmp_path / "data")


def count_nothing(run: Run) -> MethodDescription:
    """Stands where a column of counts would count a run; no test here asks for one."""
    raise AssertionError(f"run {run.id} was counted")


def built(results: Path, make_record: MakeRecord, runs: list[Run], columns: list[str]) -> Table:
    records = [
        make_record("kid", run.config.method, 0.1, run=run.id, seed=run.config.seed, variant=run.config.variant)
        for run in runs
    ]
    return add_run_columns(build_table(records), columns, results, count_nothing)


def test_each_map_has_a_column_with_the_mean_over_seeds_and_a_mark_where_it_is_no_attention(
    make_run: Make, make_record: MakeRecord, store_maps: StoreMaps, dial: DataSet, tmp_path: Path
) -> None:
    where = {"name": dial.name, "root": dial.root}
    runs = [make_run("ugatit", seed=seed, **where) for seed in (0, 1)] + [make_run("cut", **where)]
    images = load_images(dial.split("testA"), 16), load_images(dial.split("testB"), 16)
    values: dict[str, list[float]] = {"generator": [], "local": []}
    for run, names in zip(runs[:2], (("generator", "local"), ("local", "generator")), strict=True):
        for name, heat in store_maps(run, {"generator"}, names=names).items():
            values[name].append(cam_mass.compute(heat, *images).value)
    table = built(tmp_path / "results", make_record, runs, ["maps", "hours"])
    assert [column.title for column in table.extra_columns] == ["hours", "CAM mass, generator", "CAM mass, local"]
    rows = {row["method"]: row for row in to_json(table)["rows"]}
    for name, numbers in values.items():
        assert rows["ugatit"]["maps"][f"cam_mass_{name}"] == pytest.approx(
            {
                "value": fmean(numbers),
                "se": stdev(numbers) / 2**0.5,
                "n_seeds": 2,
                "attention": name == "generator",
            }
        )
    assert rows["cut"]["maps"] == {}
    line = next(line for line in render(table, "md").splitlines() if line.startswith("| ugatit"))
    generator, local = line.split(" | ")[-2:]
    assert "°" not in generator and local.endswith("° |")
    (ugatit,) = [row for row in csv.DictReader(io.StringIO(render(table, "csv"))) if row["method"] == "ugatit"]
    assert float(ugatit["cam_mass_local"]) == pytest.approx(fmean(values["local"]))
    assert float(ugatit["cam_mass_local_se"]) == pytest.approx(stdev(values["local"]) / 2**0.5)


def test_where_no_run_keeps_maps_the_table_says_what_makes_them(
    make_run: Make, make_record: MakeRecord, store_maps: StoreMaps, tmp_path: Path
) -> None:
    run = make_run("ugatit")  # of photographs, where no region is known
    store_maps(run, {"generator"})
    table = built(tmp_path / "results", make_record, [run], ["maps"])
    assert table.extra_columns == ()
    assert table.notes[-1].startswith(
        "No run in this table keeps attention maps of its last step on a dial that changes"
    )


def test_a_cell_of_fewer_runs_than_its_row_says_so_and_a_data_set_that_is_gone_is_named(
    make_run: Make, make_record: MakeRecord, store_maps: StoreMaps, dial: DataSet, tmp_path: Path
) -> None:
    runs = [make_run("ugatit", seed=seed, name=dial.name, root=dial.root) for seed in (0, 1)]
    store_maps(runs[0], {"generator"}, names=("generator",))
    table = built(tmp_path / "results", make_record, runs, ["maps"])
    assert [line for line in render(table, "md").splitlines() if line.endswith("(1 of 2 runs) |")]
    dial.root.rename(dial.root.with_name("elsewhere"))
    table = built(tmp_path / "results", make_record, runs, ["maps"])
    assert table.extra_columns == () and f"{dial.name}, which is gone" in table.notes[-1]


def test_maps_of_another_step_than_the_last_are_not_counted(
    make_run: Make, store_maps: StoreMaps, dial: DataSet
) -> None:
    run = make_run("ugatit", name=dial.name, root=dial.root)
    assert masses(run, "A2B") is None
    store_maps(run, {"generator"})
    assert masses(run, "A2B") is not None
    (dial.root / "testA" / "00000.png").unlink()
    assert masses(run, "A2B") is None, "the maps are of other test images"
    store_maps(run, {"generator"}, step=50)
    assert masses(run, "A2B") is None
    store_maps(run, {"generator"}, names=())
    assert masses(run, "A2B") == {}


def test_a_row_of_scores_of_earlier_images_has_no_masses(
    make_run: Make, make_record: MakeRecord, store_maps: StoreMaps, dial: DataSet, tmp_path: Path
) -> None:
    run = make_run("ugatit", name=dial.name, root=dial.root)
    store_maps(run, {"generator"}, names=("generator",))
    fields = {"run": run.id, "seed": run.config.seed, "sources": "a1"}
    records = [make_record("kid", "ugatit", 0.1, references=references, **fields) for references in ("b1", "b2")]
    table = build_table(records, current={"dial": {"testA": "a1", "testB": "b2"}})
    table = add_run_columns(table, ["maps"], tmp_path / "results", count_nothing)
    rows = [(row["images"]["is_current"], sorted(row["maps"])) for row in to_json(table)["rows"]]
    assert rows == [(True, ["cam_mass_generator"]), (False, [])]


def test_an_unknown_column_is_answered_with_a_near_one(make_run: Make, make_record: MakeRecord, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'maps'"):
        built(tmp_path / "results", make_record, [make_run("cut")], ["map"])
