"""Commands that need a file of weights find it, offer to download it, or say what to do; nothing comes unasked."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from commands import call, call_in, call_json
from downloadable_extractor import Published, tiny
from drawn_images import patches
from file_server import status
from frozen_weights import feature_loss, weights

from ugbench.cli import network_files
from ugbench.scoring.networks import search as searching
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.search import weights_folder
from ugbench.scoring.request import with_weights

__all__ = ["feature_loss", "tiny", "weights"]
DIAL = "dial:size=32,train=4,test=4"
STUDY = ["--dataset", DIAL, "--preset", "smoke", "--size", "32", "--steps", "1", "--seeds", "1", "--metric", "kid"]


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """`eval` of two folders of 4 images, KID on the extractor `tiny`."""
    for name, seed in (("real", 0), ("fake", 50)):
        (tmp_path / name).mkdir()
        for number in range(4):
            patches(seed + number, (32, 32)).save(tmp_path / name / f"{number}.png")
    return ["eval", "--real", tmp_path / "real", "--fake", tmp_path / "fake", "--metric", "kid", "--extractor", "tiny"]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], list[str]]:
    """`answer(True)` answers yes to every question that a command asks, and returns the list of the questions."""

    def answer(consents: bool) -> list[str]:
        questions: list[str] = []

        def may_download(question: Callable[[], str], allowed: bool, as_json: bool = False) -> bool:
            questions.append(question())
            return consents

        monkeypatch.setattr(network_files, "may_download", may_download)
        return questions

    return answer


def test_without_consent_the_error_says_what_to_do(tiny: Published, words: list[object]) -> None:
    error = call(*words, code=2).stderr.splitlines()[-1]
    assert error.startswith(
        f"error: the weights of 'tiny' were not found; run `ugbench weights get tiny` to download them from "
        f"{tiny.address}, or give --weights tiny=FILE (the file of tiny), or"
    )
    assert tiny.server.asked == []


@pytest.mark.parametrize(("more", "env"), [(["--download"], {}), ([], {"UGBENCH_DOWNLOAD": "1"})])
def test_consent_given_beforehand_downloads(
    tiny: Published, words: list[object], more: list[str], env: dict[str, str]
) -> None:
    said = call(*words, *more, env=env).stderr
    assert f"weights of tiny: {weights_folder() / 'tiny-file.safetensors'}\n" in said
    assert tiny.server.asked == [tiny.path]


def test_a_found_file_gives_the_scores_of_a_given_one(tiny: Published, words: list[object], tmp_path: Path) -> None:
    given = tmp_path / "given.safetensors"
    given.write_bytes(tiny.data)
    expected = call_json(*words, "--weights", f"tiny={given}")
    call("weights", "get", "tiny")
    result = call(*words)
    assert result.stderr.count("weights of tiny: ") == 1
    assert call_json(*words) == expected
    assert "weights of tiny" not in call(*words, "--weights", f"tiny={given}").stderr


def test_a_person_is_asked_once(tiny: Published, words: list[object], answer: Callable[[bool], list[str]]) -> None:
    questions = answer(True)
    call(*words)
    assert questions == [f"Download the weights of tiny (size not stated) from {tiny.address}?"]


def test_a_person_who_says_no_gets_the_error(
    tiny: Published, words: list[object], answer: Callable[[bool], list[str]]
) -> None:
    answer(False)
    assert "run `ugbench weights get tiny`" in call(*words, code=2).stderr
    assert tiny.server.asked == []


def test_all_missing_files_are_in_one_question(
    tiny: Published, words: list[object], answer: Callable[[bool], list[str]]
) -> None:
    questions = answer(False)
    call(*words, "--metric", "kid,lpips,structure", "--source", words[2], code=2)
    assert questions == [
        f"Download the weights of tiny (size not stated) from {tiny.address} and of alexnet (244 MB) from "
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth and of dino (size not stated) from "
        "https://huggingface.co/timm/vit_base_patch8_224.dino/resolve/main/model.safetensors?"
    ]


def test_features_offers_the_download_too(tiny: Published, words: list[object], tmp_path: Path) -> None:
    store = ["features", words[2], "--extractor", "tiny", "--output", tmp_path / "features.safetensors"]
    assert "run `ugbench weights get tiny`" in call(*store, code=2).stderr
    assert "weights of tiny: " in call(*store, "--download").stderr


def test_nothing_is_asked_for_runs_and_folders_that_are_not_there(
    tiny: Published, words: list[object], answer: Callable[[bool], list[str]], tmp_path: Path
) -> None:
    questions, gone, extractor = answer(True), tmp_path / "gone", ["--extractor", "tiny"]
    call("eval", "3f2a", *extractor, "--results", tmp_path / "results", code=2)
    call("neighbours", "3f2a", *extractor, "--results", tmp_path / "results", code=2)
    call("eval", "--real", gone, "--fake", words[4], *extractor, code=2)
    call("eval", "--real", words[2], "--fake", gone, *extractor, code=2)
    call("features", gone, "--output", tmp_path / "features.safetensors", *extractor, code=2)
    assert questions == [] and tiny.server.asked == []


def test_a_study_asks_before_it_trains(tiny: Published, tmp_path: Path) -> None:
    tiny.server.serve(tiny.path, status(404))
    study = ["compare", "--methods", "cyclegan", *STUDY, "--extractor", "tiny"]
    call_in(tmp_path, *study, code=2)
    assert tiny.server.asked == []
    assert "status 404" in call_in(tmp_path, *study, "--download", code=1).stderr
    assert not list((tmp_path / "results").rglob("checkpoints"))


def test_a_plan_downloads_nothing(tiny: Published, tmp_path: Path) -> None:
    study = ["compare", "--methods", "cyclegan", *STUDY, "--extractor", "tiny", "--dry-run", "--download"]
    assert "run `ugbench weights get tiny`" in call_in(tmp_path, *study).stderr
    assert tiny.server.asked == []


@pytest.fixture
def alexnet(backbone: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with weights of AlexNet, which a search takes as the published ones."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "alexnet.pth").symlink_to(backbone("alexnet"))
    monkeypatch.setattr(searching, "published_file", lambda _name: None)
    return folder


def test_lpips_is_scored_unasked_where_its_file_is_found(
    words: list[object], alexnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = ["eval", *words[1:5], "--source", words[2], "--extractor", "random"]
    assert [record["metric"] for record in call_json(*unasked)] == ["kid", "fid"]
    monkeypatch.setenv("UGBENCH_WEIGHTS", str(alexnet))
    assert [record["metric"] for record in call_json(*unasked)] == ["kid", "fid", "lpips"]
    assert f"weights of alexnet: {alexnet}/alexnet.pth\n" in call(*unasked).stderr


def test_a_file_for_lpips_is_not_named_where_no_sources_are_given(
    words: list[object], alexnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UGBENCH_WEIGHTS", str(alexnet))
    unasked = ["eval", *words[1:5], "--extractor", "random"]
    assert [record["metric"] for record in call_json(*unasked)] == ["kid", "fid"]
    assert "weights of" not in call(*unasked).stderr


def test_cmmd_is_unasked_only_where_the_package_of_its_extractor_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    networks = Networks("random", "alex", {"clip": tmp_path / "clip.safetensors"}, torch.device("cpu"))
    assert with_weights(networks) == ("cmmd",)
    monkeypatch.setitem(sys.modules, "timm", None)  # as if it was not installed
    assert with_weights(networks) == ()


def test_a_damaged_file_whose_digest_is_not_known_is_refused(
    words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    stored = weights_folder() / "vit_base_patch8_224.dino.safetensors"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"\x08\0\0\0\0\0\0\0{")
    command = ["eval", *words[1:5], "--source", words[2], "--metric", "structure"]
    assert f"--weights dino={stored} is refused: it is damaged" in call(*command, code=2).stderr


def test_training_finds_the_file_of_a_frozen_network(
    feature_loss: str, weights: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ["train", feature_loss, "--dataset", DIAL, "--preset", "smoke", "--precision", "fp32", "--json"]
    given = call_in(tmp_path / "given", *train, "--weights", f"alexnet={weights['alexnet']}").stdout
    monkeypatch.setattr(searching, "published_file", lambda _name: None)
    monkeypatch.setenv("UGBENCH_WEIGHTS", str(weights["alexnet"].parent))
    found = call_in(tmp_path / "given", *train).stdout
    assert '"resumed_from": 4' in found and given.partition('"id"')[2][:20] == found.partition('"id"')[2][:20]


@pytest.mark.usefixtures("feature_loss")
def test_training_offers_to_download_what_a_frozen_network_needs(
    tiny: Published, answer: Callable[[bool], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = answer(False)
    train = ["train", "feature_loss", "--dataset", DIAL, "--preset", "smoke", "--precision", "fp32"]
    study = ["compare", "--methods", "feature_loss", *STUDY, "--extractor", "tiny"]
    address = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
    assert "`ugbench weights list` names files" in call_in(tmp_path, *train, code=2).stderr
    assert questions == [f"Download the weights of alexnet (244 MB) from {address}?"]
    questions.clear()
    call_in(tmp_path, *train, "--dry-run", code=2)
    call_in(tmp_path, *study, "--dry-run", code=2)
    assert questions == []
    call_in(tmp_path, *study, code=2)
    assert questions == [
        f"Download the weights of tiny (size not stated) from {tiny.address} and of alexnet (244 MB) from {address}?"
    ]


def test_doctor_names_a_folder_of_weights_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UGBENCH_WEIGHTS", "gone")
    problems = call_json("doctor")["problems"]
    assert "UGBENCH_WEIGHTS=gone: there is no such folder; correct the variable or unset it." in problems
