"""Paired differences of runs: kept by eval, claimed by `ugbench differences`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call_in as call
from PIL import Image

from ugbench.analysis import differences
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.scoring.record import read_all
from ugbench.statistics.difference_to_real import difference_to_real
from ugbench.statistics.paired import paired, unpaired
from ugbench.statistics.paired_test import paired_p

DIAL = "dial:size=32,train=40,test=60"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tools whose outputs are darker by more and more; one lacks an output."""
    folder = tmp_path_factory.mktemp("home")
    call(folder, "data", "make", DIAL)
    for name, share in (("light", 0.95), ("middle", 0.9), ("dark", 0.3)):
        (folder / name).mkdir()
        for path in sorted((folder / "datasets").glob("*/testA/*"))[1 if name == "middle" else 0 :]:
            pixels = np.array(Image.open(path)).astype(float) * share
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / path.name)
        call(folder, "import", folder / name, "--as", "external", "--name", name, "--dataset", DIAL)
    call(folder, "eval", "--metric", "kid", "--extractor", "random", "--cache", folder / "cache")
    return folder


def kept(home: Path) -> dict[frozenset[str], differences.DifferenceRecord]:
    names = {run["id"]: run["method"] for run in json.loads(call(home, "runs", "--json").stdout)}
    return {frozenset((names[one.first], names[one.second])): one for one in differences.read_all(home / "results")}


def test_eval_keeps_the_difference_of_every_pair_on_their_common_sources(home: Path) -> None:
    found = kept(home)
    assert set(found) == {frozenset(pair) for pair in (("light", "middle"), ("light", "dark"), ("middle", "dark"))}
    assert {name: one.n for name, one in found.items()} == {
        frozenset(("light", "middle")): 59,
        frozenset(("light", "dark")): 60,
        frozenset(("middle", "dark")): 59,
    }
    own = found[frozenset(("light", "middle"))]
    extractor, root = load_extractor("random", {}), next((home / "datasets").iterdir())
    light, middle, real = (
        features_of(sorted(folder.iterdir()), (), extractor)
        for folder in (home / "light", home / "middle", root / "testB")
    )
    wanted, apart = paired(light[1:], middle, real), unpaired(light[1:], middle, real)
    sign = 1 if own.first == run_of(home, "light") else -1
    assert sign * own.value == pytest.approx(wanted.value, rel=1e-4)
    assert own.se == pytest.approx(wanted.se, rel=1e-4)
    assert own.unpaired_se == pytest.approx(apart.se, rel=1e-4)
    assert own.se < own.unpaired_se / 2


def run_of(home: Path, name: str) -> str:
    return str(next(r["id"] for r in json.loads(call(home, "runs", "--json").stdout) if r["method"] == name))


def test_a_second_eval_adds_no_difference(home: Path) -> None:
    before = len(differences.read_all(home / "results"))
    call(home, "eval", "--metric", "kid", "--extractor", "random", "--cache", home / "cache")
    assert len(differences.read_all(home / "results")) == before == 3


def test_the_kid_of_random_subsets_keeps_no_difference_under_its_protocol(home: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(home, tmp_path / "copy")
    call(copy, "eval", "--metric", "kid", "--extractor", "random", "--cache", copy / "cache", "--kid-subset-size", 20)
    assert len({record.protocol_id for record in read_all(copy / "results")}) == 2
    assert differences.read_all(copy / "results") == differences.read_all(home / "results")


def claims(home: Path, *words: object) -> list[dict[str, Any]]:
    given = ("differences", "--extractor", "random", "--cache", home / "cache", "--permutations", 199, "--json")
    return list(json.loads(call(home, *given, *words).stdout))


def test_both_claims_are_made_apart_with_holm_over_the_family(home: Path) -> None:
    found = {one["label"]: one for one in claims(home, "--to", "light")}
    assert set(found) == {"middle", "dark"}
    for one in found.values():
        assert one["to"] == "light" and one["direction"] == "A2B"
        assert one["checkpoints"]["adjusted_p"] >= one["checkpoints"]["p_value"]
        assert one["method"]["testable"] is False
        assert one["text"]["method"].startswith("not testable with 1 seed")
    dark = found["dark"]["checkpoints"]
    assert dark["swap_p"] == pytest.approx(1 / 200) and dark["adjusted_swap_p"] == pytest.approx(2 / 200)
    assert dark["permutations"] == 199
    assert found["dark"]["text"]["checkpoints"].startswith("these checkpoints differ")
    assert found["middle"]["checkpoints"]["n"] == 59


def test_the_test_of_two_checkpoints_is_that_of_the_stored_difference_as_in_tables(home: Path) -> None:
    for label, claim in {claim["label"]: claim["checkpoints"] for claim in claims(home, "--to", "light")}.items():
        stored = kept(home)[frozenset((label, "light"))]
        p_value = paired_p(stored.value, stored.se, min(stored.n, stored.n_real))
        assert claim["p_value"] == pytest.approx(p_value, rel=1e-3)


def test_all_numbers_of_a_comparison_are_of_the_same_images(home: Path) -> None:
    """Also where outputs are missing: then they are not those of the table."""
    found = {one["label"]: one for one in claims(home, "--to", "middle")}
    rows = json.loads(call(home, "table", "--json").stdout)["rows"]
    in_table = {row["method"]: row["cells"]["kid"]["value"] for row in rows}
    for label in ("light", "dark"):
        one = found[label]
        first, second = one["kids"]
        assert (one["checkpoints"]["n"], one["n_sources"]) == (59, 60)
        assert one["checkpoints"]["difference"]["value"] == pytest.approx(first - second, abs=1e-9)
        assert one["method"]["difference"] == first - second
        assert second == in_table["middle"]  # it has an output of each of the 59
        assert first != in_table[label]
    complete = {one["label"]: one for one in claims(home, "--to", "light")}["dark"]
    assert complete["kids"] == [in_table["dark"], in_table["light"]]


def test_the_command_prints_kid_as_tables_do_and_says_what_is_left_out(home: Path) -> None:
    given = ("differences", "--extractor", "random", "--cache", home / "cache", "--permutations", 199, "--to", "light")
    printed, found = call(home, *given), {one["label"]: one for one in claims(home, "--to", "light")}
    head, *lines = printed.stdout.splitlines()
    assert head.split()[2:11] == ["method", "seed", "KID", "x100", "to", "KID", "x100", "difference", "se"]
    rows = {line.split()[2]: line.split() for line in lines}
    for label, one in found.items():
        first, second = (100 * value for value in one["kids"])
        assert rows[label][3:7] == ["-", f"{first:.4g}", "light", f"{second:.4g}"]
        assert float(rows[label][7]) == pytest.approx(first - second, rel=0.01)
        measured = f"KID x100 of {label} minus that of light is {first - second:.3g} in the mean"
        assert measured in printed.stderr and measured in one["text"]["method"]
        assert f"KID x100 of {label} minus that of light is {first - second:.3g} " in one["text"]["checkpoints"]
    assert rows["middle"][10:13] == ["59", "of", "60"] and rows["dark"][10:13] == ["60", "of", "60"]
    (sentence,) = [line for line in printed.stderr.splitlines() if "no output of" in line]
    assert sentence.endswith(
        " A2B: 1 of 60 sources has no output of middle or light, so all numbers of this comparison are of the other "
        "59; tables have each run's score over all its outputs."
    )


def test_an_unknown_method_is_one_sentence_with_a_near_name(home: Path) -> None:
    refused = call(home, "differences", "--to", "ligt", "--extractor", "random", code=2)
    assert "did you mean 'light'" in refused.stderr


def test_a_margin_tests_equivalence_of_checkpoints_and_of_methods_and_says_where_it_cannot(home: Path) -> None:
    (dark,) = [claim for claim in claims(home, "--to", "light", "--margin", 3) if claim["label"] == "dark"]
    of_checkpoints, of_methods = dark["equivalence"]
    assert of_checkpoints["margin"] == pytest.approx(0.03)
    assert "its interval needs 70 images per set" in of_checkpoints["reason"]
    assert "4 seeds per method, and there are 1 and 1" in of_methods["reason"]
    assert dark["text"]["equivalence"][0].startswith("equivalence of dark and light as checkpoints within ±3 is not")
    assert all("equivalence" not in claim["text"] for claim in claims(home, "--to", "light"))


def test_a_bound_counts_the_seeds_that_failed_and_a_wrong_one_is_one_sentence(home: Path) -> None:
    (dark,) = [claim for claim in claims(home, "--to", "light", "--failed-above", 0.001) if claim["label"] == "dark"]
    assert (dark["failures"]["first"]["failed"], dark["failures"]["first"]["seeds"]) == (1, 1)
    assert dark["failures"]["above"] == pytest.approx(0.00001)
    assert "1 of 1 seed of dark failed (95 % interval 2.5 to 100 %)" in dark["text"]["failures"]
    words = ("differences", "--extractor", "random", "--failed-above")
    assert "give a finite number" in call(home, *words, "nan", "--to", "light", code=2).stderr
    assert "name a method with --to" in call(home, *words, 3, "--to", "real", code=2).stderr


def test_outputs_are_compared_with_training_images_of_the_target(home: Path) -> None:
    compared = {claim["label"]: claim for claim in claims(home, "--to", "real", "--margin", 1000)}
    assert set(compared) == {"light", "middle", "dark"}
    extractor, root = load_extractor("random", {}), next((home / "datasets").iterdir())
    outputs, train, references = (
        features_of(sorted(folder.iterdir()), (), extractor)
        for folder in (home / "dark", root / "trainB", root / "testB")
    )
    expected = difference_to_real(outputs, train, references)
    dark = compared["dark"]
    assert (dark["n"], dark["n_train"], dark["n_references"]) == (60, 40, 60)
    assert dark["difference"]["value"] == pytest.approx(dark["kids"][0] - dark["kids"][1], abs=1e-9)
    for name in ("value", "se", "low", "high"):
        assert dark["difference"][name] == pytest.approx(getattr(expected, name), rel=1e-3)
    rows = json.loads(call(home, "table", "--json").stdout)["rows"]
    in_table = {row["method"]: row["cells"]["kid"]["value"] for row in rows}
    assert dark["kids"] == pytest.approx([in_table["dark"], in_table["real"]], rel=1e-4)
    assert dark["text"].startswith("dark and real are equivalent as sets of images: the 90 % interval")
    assert "not shown to be equivalent" in claims(home, "--to", "real", "--margin", 1e-9)[0]["text"]


def test_the_comparison_with_real_is_printed_in_the_tables_unit(home: Path) -> None:
    words = ("differences", "--extractor", "random", "--cache", home / "cache", "--to", "real")
    printed = call(home, *words)
    compared = {claim["label"]: claim for claim in claims(home, "--to", "real")}
    (line,) = [line for line in printed.stdout.splitlines() if line.split()[2] == "dark"]
    difference = compared["dark"]["difference"]
    assert line.endswith(f"[{100 * difference['low']:.3g}, {100 * difference['high']:.3g}]")
    assert "equivalen" not in printed.stderr


@pytest.mark.parametrize("margin", ["0", "-1", "inf", "nan"])
def test_a_margin_that_is_none_is_refused(home: Path, margin: str) -> None:
    refused = call(home, "differences", "--to", "light", "--margin", margin, "--extractor", "random", code=2)
    assert "give a number above 0, in the unit of KID x100" in refused.stderr
