"""Score records and runs made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.data.splits import TEST
from ugbench.direction import Direction
from ugbench.figures._context import FigureContext
from ugbench.runs.folder import SCORES
from ugbench.runs.origin import Origin
from ugbench.runs.run import EXTERNAL, DatasetRecord, Run, RunConfig, dataset_of, open_run
from ugbench.runs.stored_maps import AttentionMaps, write_maps
from ugbench.scoring import record as score_record
from ugbench.scoring.record import ScoreRecord

METHODS = ("ugatit", "cyclegan")
SIZE = 16  # px, of every image
BETTER_HIGH = {"kid": False, "fid": False, "lpips": None, "precision": True}


Make = Callable[..., Run]
MakePhotos = Callable[[Path, Sequence[str]], Path]
Shade = Callable[..., None]


@pytest.fixture
def make_record() -> Callable[..., ScoreRecord]:
    """A record of a metric and a method; every other field has a default that keywords replace."""

    def make(metric: str, method: str, value: float, se: float | None = None, **changes: Any) -> ScoreRecord:
        aside = method in ("identity", "real")
        extractor = changes.pop("extractor", "alexnet")
        fields: dict[str, Any] = {
            "run": f"{method}-{changes.get('variant')}-{changes.get('seed', 0)}",
            "dataset": "dial",
            "direction": "A2B",
            "method": method,
            "variant": None,
            "seed": None if aside else 0,
            "step": None if aside else 1000,
            "metric": metric,
            "value": value,
            "se": se,
            "low": None,
            "high": None,
            "n_fake": 100,
            "n_real": 100,
            "higher_is_better": BETTER_HIGH.get(metric),
            "comparable": extractor != "random",
            "protocol": {
                "name": "target",
                "metric": metric,
                "settings": {"estimator": "unbiased"} if metric == "kid" else {},
                "size": 64,
                "reference": "test",
                "extractor": {
                    "name": extractor,
                    "sha256": "7be5be79" + "0" * 56,
                    "transform": "224 bilinear",
                },
            },
            "protocol_id": f"{metric}-{extractor}"[:12],
        }
        return ScoreRecord(**{**fields, **changes})

    return make


@pytest.fixture
def shade() -> Shade:
    """shade(file, level, size=SIZE): an image of one grey."""

    def make(file: Path, level: int, size: int = SIZE) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (size, size), (level, level, level)).save(file)

    return make


@pytest.fixture
def make_photos(shade: Shade) -> MakePhotos:
    """make_photos(root, stems): test images in pairs of one stem, the k-th of A at grey level k, of B at 100 + k."""

    def make(root: Path, stems: Sequence[str]) -> Path:
        for place, stem in enumerate(stems):
            shade(root / "testA" / f"{stem}.png", place)
            shade(root / "testB" / f"{stem}.png", 100 + place)
        return root

    return make


@pytest.fixture
def dataset(tmp_path: Path, make_photos: MakePhotos) -> Path:
    """Photographs 00 to 04."""
    return make_photos(tmp_path / "data" / "photos", [f"{k:02d}" for k in range(5)])


@pytest.fixture
def make_run(tmp_path: Path, dataset: Path) -> Make:
    """make_run(method, variant): the folder and config of a run on `dataset`; nothing is trained.

    A run with an `origin` is imported; method `external` then names the data set as it is now.
    """

    def make(
        method: str,
        variant: str | None = None,
        seed: int = 0,
        name: str = "photos",
        root: Path = dataset,
        origin: Origin | None = None,
        **config: Any,
    ) -> Run:
        images = open_dataset(root)
        fingerprint = images.fingerprint(images.splits()) if method == EXTERNAL else name
        record = DatasetRecord(name=name, root=str(root), fingerprint=fingerprint, images={})
        fields = RunConfig(
            method=method,
            variant=variant,
            preset=None if origin else "smoke",
            config={} if method == EXTERNAL else {"size": SIZE, "steps": 100, **config},
            dataset=record,
            direction=None,
            seed=None if origin else seed,
            precision="fp32",
            origin=origin,
        )
        return open_run(tmp_path / "results" / name, fields)

    return make


@pytest.fixture
def translate(shade: Shade, note: Callable[..., None]) -> Make:
    """translate(run, level, direction, folder): outputs of a run; the k-th one has grey level `level` + k.

    Outputs of a trained run get a note that they were made from the test images as they are now.

    `folder` is a folder beside the outputs: attention for overlays.
    """

    def make(run: Run, level: int, direction: str = "A2B", folder: str = "") -> Run:
        assert run.config.dataset is not None
        sources = sorted((Path(run.config.dataset.root) / f"test{direction[0]}").iterdir())
        for place, source in enumerate(sources):
            shade(run.outputs(direction) / folder / f"{source.stem}.png", level + place)
        if not folder and run.config.origin is None:
            note(run, direction)
        return run

    return make


@pytest.fixture
def note() -> Callable[..., None]:
    """note(run, direction): write beside the outputs that they were made from the test images as they are now."""

    def write(run: Run, direction: Direction = "A2B") -> None:
        fields = {"step": 100, "sources": dataset_of(run).fingerprint((TEST[direction[0]],))}
        run.outputs_note(direction).write_text(json.dumps(fields), encoding="utf-8")

    return write


@pytest.fixture
def store_maps() -> Callable[..., dict[str, torch.Tensor]]:
    """store_maps(run, attended, direction): store attention maps of random values."""

    def store(
        run: Run,
        attended: set[str],
        direction: str = "A2B",
        n: int = 3,
        step: int = 0,
        names: Sequence[str] = ("generator", "local"),
    ) -> dict[str, torch.Tensor]:
        attention_maps = {
            name: torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(place))
            for place, name in enumerate(names)
        }
        sources = dataset_of(run).fingerprint((TEST[direction[0]],))
        write_maps(run, direction, AttentionMaps(attention_maps, frozenset(attended), step, sources))
        return attention_maps

    return store


@pytest.fixture
def log() -> Make:
    """log(run, {key: values}): metrics.jsonl with these at steps 10, 20 …; of key=values `__` stands for a slash."""

    def write(run: Run, terms: Mapping[str, Sequence[float]] | None = None, **more: Sequence[float]) -> Run:
        curves = {**(terms or {}), **{key.replace("__", "/"): values for key, values in more.items()}}
        rows = [dict(zip(curves, row, strict=True)) for row in zip(*curves.values(), strict=True)]
        lines = [json.dumps({"step": 10 * (place + 1), **row}) + "\n" for place, row in enumerate(rows)]
        run.metrics_file.write_text("".join(lines), encoding="utf-8")
        return run

    return write


@pytest.fixture
def context(tmp_path: Path) -> FigureContext:
    """All of the runs of `make_run`."""
    return FigureContext(tmp_path / "results")


@pytest.fixture
def results(dataset: Path, make_run: Make, translate: Make, log: Make, make_record: Callable[..., ScoreRecord]) -> Path:
    """A results folder with runs of two methods on `dataset`. Both have overlays B2A, and ugatit also A2B.

    Each has logged two steps. Outputs are ten grey levels over their sources, overlays thirty; ugatit was scored at two
    steps, cyclegan at one.
    """
    ugatit, cyclegan = (log(make_run(name), {"g/cycle": [3, 1.5], "rho/a.up.0": [0.5, 0.25]}) for name in METHODS)
    for run in (ugatit, cyclegan):
        translate(translate(run, 10), 110, "B2A")
        translate(run, 130, "B2A", "attention")
    translate(ugatit, 30, folder="attention")
    where = {"dataset": "photos"}
    records = [
        make_record("kid", "ugatit", 0.3, 0.01, run=ugatit.id, step=50, **where),
        make_record("kid", "ugatit", 0.1, 0.01, run=ugatit.id, step=100, low=0.08, high=0.12, **where),
        make_record("kid", "cyclegan", 0.2, 0.01, run=cyclegan.id, step=100, **where),
        make_record("kid", "identity", 0.05, 0.01, run="identity", **where),
        make_record("fid", "cyclegan", 90.0, run=cyclegan.id, step=100, **where),
    ]
    folder = ugatit.results
    score_record.append(folder / "photos" / SCORES, records)
    return folder
