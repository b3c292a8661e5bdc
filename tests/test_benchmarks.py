"""Every benchmark runs, in its smallest form and in one process: what measures the code drifts from it unseen."""

import contextlib
import io
import json
import logging
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from made_emoji import package
from PIL import Image, ImageOps
from safetensors.torch import save_file

import ugbench
from ugbench.data.acquire.emoji import carry_out, plan_emoji

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PARTS = {"convolutions", "feature_pools", "measuring", "plain_ugatit"}  # imported by the others
PARTS |= {"gpu_checks", "gpu_runs", "gpu_speed", "gpu_training", "gpu_ways"}
REAL_RUN = subprocess.run


def run_here(command: Sequence[object], **_: object) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of a Python command in this process, which has torch loaded already."""
    _, program, *rest = map(str, command)
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        if program == "-c":
            code, *rest = rest
            patch.setattr(sys, "argv", [program, *rest])
            with pytest.raises(SystemExit) as stopped:
                exec(code, {})
            assert not stopped.value.code
        else:
            patch.setattr(sys, "argv", [program, *rest])
            runpy.run_path(program, run_name="__main__")
    return subprocess.CompletedProcess(list(command), 0, printed.getvalue(), "")


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(subprocess, "run", run_here)


def figures_of(name: str, *options: object) -> Any:
    return json.loads(run_here([sys.executable, BENCHMARKS / f"{name}.py", *options]).stdout)


def test_kid_over_subsets_agrees_with_torch_fidelity() -> None:
    sizes = ["--images", 40, "--dim", 8, "--subsets", 30, "--subset-size", 10, "--runs", 1]
    assert figures_of("kid", *sizes)["values_differ_by"] < 1e-6


@pytest.mark.parametrize(
    ("options", "dim"), [(["--dim", 8], 16), (["--dim", 8, "--metric", "fid"], 16), (["--files"], 128)]
)
def test_memory_measures_each_size(options: list[object], dim: int) -> None:
    rows = figures_of("memory", "--sizes", "8,12", *options)["sizes"]
    assert [(row["images"], row["features_bytes"]) for row in rows] == [(n, 4 * n * dim) for n in (8, 12)]


# torch-fidelity starts two readers a core, of which torch warns.
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_evaluation_gives_torch_fidelitys_values() -> None:
    figures = figures_of("evaluation", "--images", 3, "--runs", 1)
    assert figures["values_differ_by_at_most"]["kid"] < 1e-5
    assert set(figures["share_of_torch_fidelitys_time"]) == {"computed", "cached"}


def test_a_step_is_measured_against_the_plain_one() -> None:
    steps = figures_of("step", "--size", 96, "--channels", 2, "--runs", 1, "--device", "cpu")["steps"]
    assert steps["public"]["times_faster_than_public"] == 1
    assert steps["fp32"]["seconds_median"] > 0 and steps["detached"]["peak_memory_bytes"] > 0


def test_full_steps_are_measured_beside_the_light_one() -> None:
    sides = figures_of("full_step", "--size", 32, "--channels", 2, "--runs", 1, "--device", "cpu")["sides"]
    assert list(sides) == ["factored", "whole", "checkpointed", "light"]
    assert sides["factored"]["times_the_seconds_of_factored"] == 1
    assert all(side["seconds_median"] > 0 and side["peak_memory_bytes"] > 0 for side in sides.values())
    assert sides["checkpointed"]["kept_bytes_fp32"] < sides["factored"]["kept_bytes_fp32"]
    assert sides["light"]["state_bytes"] < sides["factored"]["state_bytes"]


def pool_files(folder: Path) -> list[object]:
    """The options of a simulation that draws from small pools in this folder, and writes figures.json there."""
    generator = torch.Generator().manual_seed(0)
    pools = {"real": 60, "other": 50, "full": 40, "rho0": 40}
    features = {name: torch.rand(n, 4, generator=generator) + n / 100 for name, n in pools.items()}
    save_file(features, folder / "cat2dog.safetensors")
    save_file({"trainA": features["other"], "trainB": features["real"]}, folder / "dial.safetensors")
    return ["--data", folder, "--features", folder, "--output", folder / "figures.json"]


def test_coverage_simulates_every_row(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    pools = {"real": 60, "other": 50, "first": 40, "second": 40}
    features = {name: torch.rand(n, 4, generator=generator) + n / 100 for name, n in pools.items()}
    save_file(features, tmp_path / "pools.safetensors")
    files = ["--data", tmp_path, "--weights", tmp_path, "--features", tmp_path / "pools.safetensors"]
    few = ["--draws", 4, "--tests", 3, "--permutations", 9]
    run_here([sys.executable, BENCHMARKS / "coverage.py", *files, *few, "--output", tmp_path / "figures.json"])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 4
    assert {len(figures[part]) > 2 for part in ("kid", "paired", "blocks")} == {True}
    assert all(0 <= row["coverage"] <= 1 for row in figures["paired"])


@pytest.mark.parametrize("name", ["kid_interval", "kid_differences"])
def test_the_simulations_of_intervals_simulate_every_row(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS / "simulations")
    files = pool_files(tmp_path)
    run_here([sys.executable, BENCHMARKS / "simulations" / f"{name}.py", *files, "--draws", 3])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 3
    assert {row["pool"] for row in figures["rows"]} == {"dial", "cat2dog", "clusters"}
    assert all(0 <= row["coverage"] <= 1 for row in figures["rows"])


@pytest.mark.parametrize(("name", "parts"), [("crossed_errors", ["rows"]), ("marks", ["seeds", "images"])])
def test_the_simulations_of_seeds_and_marks_simulate_every_row(name: str, parts: list[str], tmp_path: Path) -> None:
    files = pool_files(tmp_path)
    run_here([sys.executable, BENCHMARKS / "simulations" / f"{name}.py", *files, "--draws", 2])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 2
    shares = [row[name] for part in parts for row in figures[part] for name in ("difference", "false") if name in row]
    assert len(shares) > 7 and all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize(("name", "rows"), [("seed_tests", 20), ("detectable", 9)])
def test_the_tests_over_seeds_are_simulated_for_every_case(name: str, rows: int, tmp_path: Path) -> None:
    script = BENCHMARKS / "simulations" / f"{name}.py"
    run_here([sys.executable, script, "--draws", 3, "--output", tmp_path / "figures.json"])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 3 and len(figures["rows"]) > rows


@pytest.mark.parametrize(("name", "parts"), [("paired_tests", ["rows"]), ("permutations", ["equality", "batches"])])
def test_the_simulations_of_tests_over_images_simulate_every_row(name: str, parts: list[str], tmp_path: Path) -> None:
    files = pool_files(tmp_path)
    run_here([sys.executable, BENCHMARKS / "simulations" / f"{name}.py", *files, "--draws", 1])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    rows = [row for part in parts for row in figures[part]]
    assert len(rows) > 15 and {row[key] for row in rows for key in ("t 0.05", "size") if key in row} <= {0, 1}


def test_failure_rates_are_computed_for_every_number_of_seeds(tmp_path: Path) -> None:
    script = BENCHMARKS / "simulations" / "failures.py"
    run_here([sys.executable, script, "--most", 4, "--output", tmp_path / "figures.json"])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [len(figures[part]) for part in ("coverage", "tests")] == [2, 2]


def test_the_intervals_of_means_are_simulated_for_every_kind_of_values(tmp_path: Path) -> None:
    pool = torch.rand(20, dtype=torch.float64)
    ratios = {"changed": torch.stack([pool, pool + 1], 1), "untouched/changed": torch.stack([pool + 1, pool + 1], 1)}
    save_file({"LPIPS": pool, **ratios}, tmp_path / "means.safetensors")
    options = ["--data", tmp_path, "--features", tmp_path, "--draws", 3, "--output", tmp_path / "figures.json"]
    run_here([sys.executable, BENCHMARKS / "simulations" / "skewed_means.py", *options])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert {"LPIPS", "changed, 10% untouched", "normal"} <= {row["values"] for row in figures["rows"]}
    assert all(0 <= row["interval"] <= 1 for row in figures["rows"])


def test_no_simulation_is_left_out() -> None:
    tested = {"crossed_errors", "kid_differences", "kid_interval", "marks", "preferences", "ranking", "seed_tests"}
    tested |= {"detectable", "failures", "near_duplicates", "paired_tests", "permutations", "skewed_means"}
    assert {file.stem for file in (BENCHMARKS / "simulations").glob("[!_]*.py")} == tested


def test_the_intervals_and_tests_of_preferences_are_simulated_for_every_case(tmp_path: Path) -> None:
    script = BENCHMARKS / "simulations" / "preferences.py"
    run_here([sys.executable, script, "--draws", 2, "--output", tmp_path / "figures.json"])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 2 and len(figures["intervals"]) > 30 and len(figures["tests"]) > 5
    assert all(0 <= share <= 1 for row in figures["intervals"] for share in (*row["coverage"], *row["truth"]))
    assert all(0 <= row["stopped"] <= 1 for row in figures["stopping"])


def test_ranks_and_regrets_are_simulated_for_every_case(tmp_path: Path) -> None:
    script = BENCHMARKS / "simulations" / "ranking.py"
    run_here([sys.executable, script, "--draws", 2, "--output", tmp_path / "figures.json"])
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] == 2 and len(figures["rows"]) > 5
    assert all(0 <= row[name] <= 1 for row in figures["rows"] for name in ("ranks", "regrets"))


def test_a_report_is_opened_as_often_as_asked() -> None:
    # A process of its own: Playwright may be running in this one already.
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--methods", "2", "--images", "2", "--runs", "2"]
    figures = json.loads(REAL_RUN(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert (figures["methods"], figures["images"]) == (2, 2)
    assert len(figures["seconds_to_load"]) == len(figures["seconds_to_pictures"]) == 2


def test_startup_times_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: timed.append(command[1:]))
    namespace = runpy.run_path(str(BENCHMARKS / "startup.py"))
    monkeypatch.setattr(sys, "argv", ["startup.py", "--runs", "2"])
    namespace["main"]()
    assert timed == 2 * [command.split() for command in namespace["COMMANDS"]]


def test_a_training_that_reads_ahead_is_measured_from_outside(tmp_path: Path) -> None:
    small = ["--images", 6, "--size", 32, "--steps", 8, "--folder", tmp_path / "many"]
    figures = figures_of("many_images", *small, "--place", "disk")
    assert sorted(figures["first"]) == ["processor", "seconds"] and figures["first"]["processor"] > 0
    cached = figures["hashes_cached"]
    assert cached["readers"] >= 1 and all(size > 10**8 for size in cached["memory_bytes"].values())
    assert [len(list((tmp_path / "many" / split).iterdir())) for split in ("trainA", "trainB")] == [3, 3]


def test_a_first_image_is_timed_beside_the_import_of_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> None:
        started.append(command[1:])
        if "train" in command:
            data, results = (Path(command[command.index(option) + 1]) for option in ("--data-root", "--results"))
            for file in (results / "run" / "generators.safetensors", data / "dial" / "testA" / "0.png"):
                file.parent.mkdir(parents=True)
                file.touch()

    namespace = runpy.run_path(str(BENCHMARKS / "first_image.py"))
    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(sys, "argv", ["first_image.py", "--rounds", "2", "--output", str(tmp_path / "figures.json")])
    namespace["main"]()
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [words[2] for words in started if words[0] == "-m"] == ["train", "translate", "translate"]
    assert [words for words in started if words[0] == "-c"] == 2 * [["-c", "import torch"]]
    assert figures["beyond_import_torch"].keys() == {"wall", "processor"}


def test_batches_are_timed_when_asked_for_and_ahead() -> None:
    figures = figures_of("batches", "--method", "cut", "--size", 32, "--steps", 1, "--device", "cpu")
    assert list(figures["kinds"]) == ["when asked", "ahead"]
    kinds = figures["kinds"].values()
    assert all(kind["processor_seconds"] > 0 and kind["seconds_waiting"] < kind["seconds_per_step"] for kind in kinds)
    asked, ahead = (kind["seconds_per_step"] for kind in kinds)
    assert figures["share_of_the_time"] == pytest.approx(ahead / asked)


def test_translation_is_timed_beside_its_network_and_a_plain_loop() -> None:
    figures = figures_of("translation", "--method", "cut", "--images", 6, "--batch-size", 4, "--rounds", 2)
    rates = {row["what"]: row["images_per_second"] for row in figures["rows"]}
    assert list(rates) == ["network alone", "plain loop", "ugbench translate"]
    assert figures["share_of_the_network"] == pytest.approx(rates["ugbench translate"] / rates["network alone"])
    assert figures["times_the_plain_loop"] == pytest.approx(rates["ugbench translate"] / rates["plain loop"])


def test_a_replayed_step_launches_its_graph_and_little_else() -> None:
    command = [sys.executable, BENCHMARKS / "launches.py", "--methods", "cyclegan", "--size", 32]
    (row,) = [line for line in run_here(command).stdout.splitlines() if "cyclegan" in line]
    computed, replayed = (int(cell.replace(",", "")) for cell in row.split("|")[2:4])
    assert computed > 1000
    assert replayed < 20


# PyTorch looks at the gradient of inputs while it compiles.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_compiled_steps_take_turns_with_eager_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where this log has a handler, as pytest gives each log one, all that is compiled is written to it as text.
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "handlers", [])
    model = ["--method", "cyclegan", "--preset", "smoke", "--size", 32, "--backend", "aot_eager", "--rounds", 1]
    figures = figures_of("compile", *model)
    ((eager, compiled),) = figures["rounds"]
    assert figures["seconds_per_step"] == {"eager": eager, "compiled": compiled}
    assert figures["eager_over_compiled"] == pytest.approx(eager / compiled)
    assert figures["compile_seconds"] > 0, "the first compiled step makes the graphs"
    assert figures["fault"] is None


def test_many_files_have_the_same_scores_from_the_cache() -> None:
    figures = figures_of("many_scores", "--images", 3, "--metric", "fid")
    computed, cached = figures["computed"], figures["cached"]
    assert computed["scores"].keys() == {"fid"}
    assert computed["scores"] == cached["scores"]
    assert computed["peak_bytes"] > 100e6 and computed["processor"] > 0


def test_drawings_of_training_ideas_are_scored_against_those_of_the_other_family(
    tmp_path: Path, backbone: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = package(tmp_path, "google", 0), package(tmp_path, "twitter", 100)
    carry_out(plan_emoji(packages, "noto2twemoji", 4), tmp_path)
    words = ["--packages", ",".join(map(str, packages)), "--dataset", tmp_path / "noto2twemoji", "--test", 4]
    words += ["--every", 2, "--weights", f"alexnet={backbone('alexnet')}"]
    rows = figures_of("emoji_ideas", *words)["scores"]
    assert [(row["direction"], row["ideas"]) for row in rows] == [("A2B", 2), ("B2A", 2)]
    assert all(row["lpips_to_truth"] > 0 and row["kid_x100"] is not None for row in rows)

    def translate(drawings: list[Image.Image], *_: object, **__: object) -> list[Image.Image]:
        return [ImageOps.invert(drawing.convert("RGB")) for drawing in drawings]

    monkeypatch.setattr(ugbench, "load_run", lambda *_, **__: SimpleNamespace(translate=translate))
    inverted = figures_of("emoji_ideas", *words, "--run", "3f2a")["scores"]
    for row, untouched in zip(inverted, rows, strict=True):
        beyond = row["lpips_to_truth"] - untouched["lpips_to_truth"]
        assert row["lpips_beyond_untouched"] == pytest.approx(beyond, abs=1e-6) and abs(beyond) > 1e-3
        assert row["lpips_beyond_untouched_se"] > 0


def test_no_benchmark_is_left_out() -> None:
    tested = {"coverage", "evaluation", "full_step", "kid", "many_images", "memory", "report", "startup", "step"}
    tested |= {"batches", "compile", "first_image", "gpu", "launches", "many_scores", "scale", "translation"}
    tested |= {"bytes_between_ranks", "emoji_ideas", "study_cost"}
    assert {file.stem for file in BENCHMARKS.glob("[!_]*.py")} == tested | PARTS


def test_a_profile_has_the_times_of_the_step_and_of_its_convolutions_alone() -> None:
    figures = figures_of("step", "--size", 96, "--channels", 2, "--runs", 1, "--device", "cpu", "--profile")["fp32"]
    assert figures["wall_times_of_now"]["now"] == 1
    assert figures["processor_seconds"].keys() == {"now", "plain", "convolutions"}
    shares = figures["percent"]
    assert sum(shares["now"].values()) == pytest.approx(100)
    # Upsampling is a part of the convolution now.
    assert shares["now"]["upsampling"] == 0 < shares["plain"]["upsampling"]
    assert all(share > 0 for share in shares["plain"].values())


def test_a_checkpoint_has_the_networks_and_two_numbers_of_adam_for_each_parameter() -> None:
    command = [sys.executable, str(BENCHMARKS / "study_cost.py"), "cut", "--preset", "smoke", "--size", "32"]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert figures["checkpoint"] == figures["networks_and_pools"] + figures["adam"]
    assert figures["adam"] == 2 * figures["networks_and_pools"] > 2 * figures["generators"] > 0
    assert figures["adam"] == 2 * 4 * figures["parameters"]
    assert figures["flops_per_step"] > 3 * figures["flops_per_translation"] > 0


def test_the_bytes_between_ranks_are_those_of_the_gradients() -> None:
    options = ["--preset", "smoke", "--size", "32"]
    command = [sys.executable, str(BENCHMARKS / "bytes_between_ranks.py"), "cut", *options]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert figures["whole"] > 0 == figures["factors"] == figures["whole_in_place_of_factors"]


def test_the_commands_over_many_runs_are_timed() -> None:
    figures = figures_of("scale", "--runs", 8, "--lines", 5, "--commands", "runs,table")
    assert figures["runs"]["printed_bytes"] > 0 and figures["table"]["printed_bytes"] > 0
    assert figures["files"] == 8 * 4
