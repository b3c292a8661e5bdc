"""From images to a table through the commands, on a dial small enough for seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import call_in
from PIL import Image

DIAL = "dial:size=32,train=6,test=3"
SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "2", "--set", "channels=4"]
SCORE_FIELDS = [
    *("schema", "run", "dataset", "direction", "method", "variant", "seed", "step", "metric", "value"),
    *("se", "low", "high", "n_fake", "n_real", "higher_is_better", "comparable", "protocol", "protocol_id"),
    *("name", "p_value", "order_sd", "sources", "references", "outputs", "n_missing"),
    "codes_per_image",
    "copies",
]


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


class Home:
    """A folder to work in: calls the command line there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, *words: str, code: int = 0) -> Any:
        return call_in(self.folder, *words, code=code)

    def json(self, *words: str) -> Any:
        return json.loads(self.call(*words, "--json").stdout)

    def error(self, *words: str, code: int = 2) -> str:
        return str(self.call(*words, code=code).stderr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two trained runs: a U-GAT-IT and its variant without CAM."""
    home = Home(tmp_path_factory.mktemp("home"))
    for variant in ([], ["--variant", "no-cam"]):
        home.call("train", "ugatit", "--dataset", DIAL, *SMALL, *variant)
    return home


@pytest.fixture(scope="module")
def run(home: Home) -> dict[str, Any]:
    return home.json("train", "ugatit", "--dataset", DIAL, *SMALL)


def test_train_again_says_that_it_is_done(run: dict[str, Any]) -> None:
    assert list(run) == ["run", "id", "step", "status", "resumed_from"]
    assert (run["step"], run["status"], run["resumed_from"]) == (2, "done", 2)
    assert Path(run["run"]).name == f"seed0-{run['id']}"
    assert Path(run["run"]).parent.name == "ugatit"


def test_a_run_holds_what_the_contract_says(run: dict[str, Any]) -> None:
    path = Path(run["run"])
    for name in (
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "timing.jsonl",
        "generators.safetensors",
    ):
        assert (path / name).is_file(), name
    for name in ("tensorboard", "samples", "checkpoints/2"):
        assert any((path / name).iterdir()), name
    config = json.loads((path / "config.json").read_text())
    assert config["id"] == run["id"]
    assert config["config"]["cycle_weight"] == 10
    assert config["config"]["steps"] == 2


def test_the_variant_full_is_the_base(home: Home, run: dict[str, Any]) -> None:
    assert home.json("train", "ugatit", "--dataset", DIAL, *SMALL, "--variant", "full")["id"] == run["id"]


def test_a_changed_option_is_another_run(home: Home, run: dict[str, Any]) -> None:
    other = home.json("train", "ugatit", "--dataset", DIAL, *SMALL, "--seed", "1")
    assert other["id"] != run["id"]
    assert other["resumed_from"] is None


def test_translate_writes_one_image_an_input_and_its_heat_map(home: Home, run: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    Image.new("RGB", (50, 40), (200, 30, 30)).save(source / "wide.jpg")
    Image.new("RGB", (32, 32), (30, 30, 200)).save(source / "square.png")
    out = tmp_path / "out"
    home.call("translate", run["id"][:6], "--input", str(source), "--output", str(out), "--attention")
    assert {file.name for file in out.glob("*.png")} == {"wide.png", "square.png"}
    assert {file.name for file in (out / "attention").glob("*.png")} == {"wide.png", "square.png"}
    assert size_of(out / "wide.png") == (32, 32)
    home.call("translate", run["id"], "--input", str(source), "--output", str(out), "--keep-size")
    assert size_of(out / "wide.png") == (50, 40)


def test_eval_prints_a_whole_record_a_metric_and_direction(home: Home, run: dict[str, Any]) -> None:
    records = home.json("eval", run["id"], "--metric", "kid,changed", "--extractor", "random")
    assert [(r["metric"], r["direction"]) for r in records] == [
        ("kid", "A2B"),
        ("changed", "A2B"),
        ("kid", "B2A"),
        ("changed", "B2A"),
    ]
    for record in records:
        assert list(record) == SCORE_FIELDS
        assert (record["run"], record["step"], record["n_fake"]) == (run["id"], 2, 3)
    assert [r["comparable"] for r in records] == [False, True, False, True]
    again = home.json("eval", run["id"], "--metric", "kid,changed", "--extractor", "random")
    assert again == records
    lines = (Path(run["run"]) / "scores.jsonl").read_text().splitlines()
    assert len(lines) == 4, "a score that is there is not computed again"


def test_identity_and_real_are_kept_up_to_date(home: Home, run: dict[str, Any]) -> None:
    home.call("eval", run["id"], "--metric", "kid,changed", "--extractor", "random")
    folder = Path(run["run"]).parents[1]
    identity = [json.loads(line) for line in (folder / "identity" / "scores.jsonl").read_text().splitlines()]
    changed = [r["value"] for r in identity if r["metric"] == "changed"]
    assert changed == [pytest.approx(1.0)] * 2
    assert all((r["method"], r["variant"], r["seed"], r["step"]) == ("identity", None, None, None) for r in identity)
    real = [json.loads(line) for line in (folder / "real" / "scores.jsonl").read_text().splitlines()]
    assert {(r["metric"], r["direction"]) for r in real} == {("kid", "A2B"), ("kid", "B2A")}


def test_a_table_has_a_row_a_method_between_identity_and_real(home: Home) -> None:
    home.call("eval", "--metric", "kid,changed", "--extractor", "random")
    table = json.loads(home.call("table", "--format", "json").stdout)
    a2b = [(row["method"], row["variant"]) for row in table["rows"] if row["direction"] == "A2B"]
    assert a2b == [("identity", None), ("ugatit", None), ("ugatit", "no-cam"), ("real", None)]
    cell = table["rows"][1]["cells"]["changed"]
    assert set(cell) >= {"value", "se", "low", "high", "n_seeds", "best", "tied_with_best", "protocol_id"}
    assert not any(row["cells"]["changed"]["best"] for row in table["rows"] if row["method"] == "identity")
    for format_ in ("terminal", "md", "latex", "csv", "html"):
        name = "ugatit" if format_ == "csv" else "U-GAT-IT"
        assert name in home.call("table", "--format", format_).stdout


def test_figures_are_drawn(home: Home, tmp_path: Path) -> None:
    home.call("eval", "--metric", "changed")
    for name in ("comparison", "losses", "rho"):
        file = tmp_path / f"{name}.png"
        home.call("figure", name, "--output", str(file))
        assert min(size_of(file)) > 300


def test_any_two_folders_can_be_scored(home: Home, run: dict[str, Any], tmp_path: Path) -> None:
    data = next((home.folder / "datasets").iterdir())
    records = home.json(
        *("eval", "--real", str(data / "testB"), "--fake", str(data / "testA"), "--metric", "kid"),
        *("--extractor", "random", "--output", str(tmp_path / "scores.jsonl")),
    )
    assert [(r["metric"], r["n_fake"], r["n_real"]) for r in records] == [("kid", 3, 3)]
    assert json.loads((tmp_path / "scores.jsonl").read_text()) == records[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "ugatti", "--dataset", DIAL], "did you mean 'ugatit'"),
        (["train", "ugatit", "--dataset", DIAL, "--variant", "nocam"], "did you mean 'no-cam'"),
        (["train", "ugatit", "--dataset", "dail"], "dail"),
        (["train", "ugatit", "--dataset", DIAL, "--set", "chanels=4"], "did you mean 'channels'"),
        (["train", "ugatit", "--dataset", DIAL, "--set", "channels=many"], "channels"),
        (["train", "ugatit", "--dataset", DIAL, "--direction", "A2B"], "--direction A2B"),
        (["train", "ugatit", "--dataset", DIAL, "--size", "50"], "size: 50 was given; a size is a multiple of 4"),
        (["train", "ugatit", "--dataset", DIAL, "--keep", "none"], "--keep none"),
        (["translate", "zzz", "--input", "x", "--output", "y"], "starts with 'zzz'"),
        (["eval", "--metric", "kdi"], "did you mean 'kid'"),
        (["eval", "--metric", "kid"], "--weights inception=FILE"),
        (["eval", "--metric", "kid", "--extractor", "alexnet"], "--weights alexnet=FILE"),
        (["eval", "--protocol", "target", "--reference", "train"], "train-reference"),
        (["eval", "--real", "x"], "--fake"),
        (["figure", "comparsion"], "did you mean 'comparison'"),
        (["bench", "cyclgan"], "did you mean 'cyclegan'"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_2(home: Home, words: list[str], says: str) -> None:
    text = home.error(*words)
    assert says in text
    assert text.strip().startswith("error: ") or "\nerror: " in text


def test_attention_of_a_method_that_has_none_is_refused(home: Home, tmp_path: Path) -> None:
    run = home.json("train", "cyclegan", "--dataset", DIAL, *SMALL)
    sources = next((home.folder / "datasets").iterdir()) / "testA"
    text = home.error("translate", run["id"], "--input", str(sources), "--output", str(tmp_path), "--attention")
    assert "cyclegan has no attention maps" in text
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_not_finite_is_one_sentence_and_exit_1(home: Home) -> None:
    words = ["train", "cyclegan", "--dataset", DIAL, *SMALL, "--set", "lr=1e30", "--log-every", "1"]
    text = home.error(*words, code=1)
    assert "step 2: generators/" in text
    assert "became NaN or Inf; the state of step 1 is kept in" in text


def test_capture_without_a_gpu_is_refused_before_a_run_is_made(home: Home) -> None:
    words, runs = [*SMALL, "--device", "cpu", "--capture", "on"], home.json("runs")
    for text in (
        home.error("train", "cyclegan", "--dataset", DIAL, *words, code=2),
        home.error("train", "cyclegan", "--dataset", DIAL, *words, "--dry-run", code=2),
        home.error("bench", "cyclegan", "--device", "cpu", "--capture", "on", code=2),
    ):
        assert "capture on: only GPUs of NVIDIA replay steps, and the device is cpu; leave it out." in text
    assert home.json("runs") == runs


def test_bench_prints_one_object(home: Home) -> None:
    figures = home.json("bench", "ugatit", "--preset", "smoke", "--size", "32", "--set", "channels=4", "--steps", "1")
    assert list(figures) == [
        *(
            "method",
            "variant",
            "size",
            "batch_size",
            "device",
            "precision",
            "compiled",
            "captured",
            "warmup_steps",
            "steps",
        ),
        *(
            "seconds_per_step",
            "seconds_per_batch",
            "images_per_second",
            "parameters",
            "flops_per_step",
            "peak_memory_bytes",
        ),
        *("torch", "threads", "device_name"),
    ]
    assert figures["flops_per_step"] > 1e6
    assert set(figures["parameters"]) >= {"generator_a2b", "generator_b2a"}
