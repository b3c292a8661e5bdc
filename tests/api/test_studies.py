"""`ugbench.compare` and `ugbench.ablate` plan, train and score what the commands do, and return the table."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from commands import call_in

import ugbench
from ugbench.errors import MissingWeights, Stopped, UgbenchError, UnknownName, UsageError
from ugbench.study import runner

DIAL = "dial:size=32,train=4,test=4"
SMALL = {"preset": "smoke", "size": 32, "batch_size": 1, "steps": 1, "seeds": 1, "device": "cpu", "progress": False}
SCORED = {"metrics": ["kid", "changed"], "extractor": "random"}
WORDS = ["--dataset", DIAL, "--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1", "--seeds", "1"]
SCORED_WORDS = ["--metric", "kid,changed", "--extractor", "random", "--json"]


@pytest.fixture(scope="module")
def compared(home: Path) -> pandas.DataFrame:
    return ugbench.compare(["cyclegan"], DIAL, set={"cyclegan": {"init": "normal"}}, **SMALL, **SCORED)


def test_the_table_is_that_of_the_command_which_finds_nothing_to_train(home: Path, compared: pandas.DataFrame) -> None:
    words = ["compare", "--methods", "cyclegan", "--set", "cyclegan.init=normal", *WORDS, *SCORED_WORDS]
    printed = call_in(home, *words)
    assert "1 done, 0 half done, 0 missing; nothing to train" in printed.stderr
    rows = json.loads(printed.stdout)["table"]["rows"]
    assert compared["method"].tolist() == [row["method"] for row in rows]
    values = [row["cells"].get("changed", {}).get("value") for row in rows]
    assert compared["changed"].dropna().tolist() == [value for value in values if value is not None] != []
    assert any("kid" in note for note in compared.notes)


def test_a_plan_has_a_row_for_each_run_and_trains_nothing(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ugbench")
    plan = ugbench.compare("cyclegan,ugatit", [DIAL], **{**SMALL, "seeds": [4, 7]}, **SCORED, dry_run=True)
    assert plan[["method", "seed", "status", "step", "steps"]].values.tolist() == [
        ["cyclegan", 4, "missing", 0, 1], ["ugatit", 4, "missing", 0, 1],
        ["cyclegan", 7, "missing", 0, 1], ["ugatit", 7, "missing", 0, 1],
    ]  # fmt: skip
    assert not any(Path(run).exists() for run in plan["run"])
    assert "4 runs: 0 done, 0 half done, 4 missing" in caplog.text
    assert "need 5 seeds per method, so 2 are too few to show any" in caplog.text


def test_a_plan_needs_no_weights_and_a_study_does(home: Path) -> None:
    assert len(ugbench.compare("cyclegan", DIAL, **SMALL, dry_run=True)) == 1
    with pytest.raises(MissingWeights, match=r'weights=\{"inception": FILE\}'):
        ugbench.compare("cyclegan", DIAL, metrics="kid", **SMALL)


def test_a_study_file_gives_what_the_call_does_not(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(f'methods = ["cyclegan"]\ndatasets = ["{DIAL}"]\nseeds = 3\nsteps = 9\npreset = "smoke"\n')
    plan = ugbench.compare(study=file, steps=2, device="cpu", dry_run=True, progress=False)
    assert plan["seed"].tolist() == [0, 1, 2] and set(plan["steps"]) == {2}
    two = ugbench.compare(study=file, seeds=2, device="cpu", dry_run=True, progress=False)
    assert two["seed"].tolist() == [0, 1] and set(two["steps"]) == {9}


def test_an_ablation_says_how_a_variant_differs_from_full(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ugbench")
    table = ugbench.ablate("ugatit", DIAL, variants=["in"], set={"light": True}, **SMALL, **SCORED)
    assert table[table["direction"] == "A2B"]["method"].tolist() == ["identity", "ugatit", "ugatit", "real"]
    differences = table.attrs["differences"]
    assert [(each["label"], each["to"], each["direction"]) for each in differences] == [
        ("ugatit-in", "ugatit", "A2B"), ("ugatit-in", "ugatit", "B2A"),
    ]  # fmt: skip
    printed = call_in(home, "ablate", "--variants", "in", "--set", "light=true", *WORDS, *SCORED_WORDS)
    assert json.loads(json.dumps(differences)) == json.loads(printed.stdout)["differences"]
    assert "A2B: not testable with 1 seed" in caplog.text


def test_all_variants_are_those_of_the_papers_ablation(home: Path) -> None:
    plan = ugbench.ablate(dataset=DIAL, dry_run=True, **SMALL)
    assert plan["variant"].fillna("full").tolist() == [
        "full",
        "in",
        "ln",
        "adain",
        "gn",
        "no-cam",
        "no-gcam",
        "no-dcam",
    ]


def test_a_run_that_fails_is_named_and_the_others_are_scored(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UgbenchError, match=r"^1 of 2 runs failed \([0-9a-f]{12}\); read their train\.log\.$"):
        options = {**SMALL, **SCORED, "steps": 3, "results": tmp_path}
        ugbench.compare("ugatit,cyclegan", DIAL, set={"cyclegan": {"lr": 1e30}}, **options)
    assert set(ugbench.table(tmp_path)["method"]) == {"identity", "ugatit", "real"}


def test_ctrl_c_saves_the_run_and_interrupts(home: Path, tmp_path: Path) -> None:
    is_over = threading.Event()

    def interrupt_a_training() -> None:
        while not is_over.wait(0.05):
            if list(tmp_path.rglob("train.log")):
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=interrupt_a_training)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt, match=r"^stopped and saved, 0 of 1 runs done; run the same call again"):
            ugbench.compare("cyclegan", DIAL, **{**SMALL, "steps": 500, "results": tmp_path}, **SCORED)
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize(("number", "error"), [(2, KeyboardInterrupt), (15, Stopped)])
def test_an_interrupt_is_one_of_python_and_another_signal_is_not(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[BaseException]
) -> None:
    def stop(*_arguments: object) -> None:
        raise Stopped("stopped and saved, 0 of 1 runs done; run the same command again to go on.", signal=number)

    monkeypatch.setattr(runner, "train_all", stop)
    with pytest.raises(error, match="stopped and saved, 0 of 1 runs done"):
        ugbench.compare("cyclegan", DIAL, **{**SMALL, "seeds": [8]}, **SCORED)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ugbench.compare(dataset=DIAL), UsageError, "^methods is missing: give it, or name a study"),
        (lambda: ugbench.compare("cyclegan"), UsageError, "^dataset is missing: give it, or name a study"),
        (lambda: ugbench.ablate("ugatit"), UsageError, "^dataset is missing"),
        (lambda: ugbench.compare("cyclgan", DIAL), UnknownName, "did you mean 'cyclegan'"),
        (lambda: ugbench.compare("cyclegan", DIAL, seeds=0), UsageError, "^seeds=0: give a whole number of 1 or more"),
        (lambda: ugbench.compare("cyclegan", DIAL, seeds=["a"]), UsageError, "^the call: seeds"),
        (
            lambda: ugbench.compare("cyclegan", DIAL, seeds=[2**63 + 1]),
            UsageError,
            "^seed 9223372036854775809: give a nu",
        ),
        (lambda: ugbench.compare("cyclegan", DIAL, steps=1, minutes=1), UsageError, "exclude each other"),
        (lambda: ugbench.compare("cyclegan", DIAL, jobs=0), UsageError, "^jobs=0"),
        (lambda: ugbench.compare(study="none.toml"), UsageError, "^study none.toml: cannot be read"),
        (lambda: ugbench.ablate("cyclegan", DIAL), UsageError, "^cyclegan has no variants"),
        (lambda: ugbench.ablate("ugatit", DIAL, variants="no-cm"), UnknownName, "did you mean 'no-cam'"),
    ],
)
def test_a_wrong_call_is_one_sentence_in_words_of_python(
    home: Path, call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
