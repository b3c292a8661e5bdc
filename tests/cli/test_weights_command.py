"""`ugbench weights`: the list, downloads, and paths of files."""

import json
from pathlib import Path

import pytest
from commands import call, call_json
from downloadable_extractor import Published, tiny
from file_server import content, status

from ugbench.scoring.networks.search import torch_folder, weights_folder

__all__ = ["tiny"]
FILE = "tiny-file.safetensors"


def test_the_list_names_every_network_with_its_address(tiny: Published) -> None:
    rows = {row["name"]: row for row in call_json("weights", "list")}
    assert set(rows) == {"alexnet", "clip", "dino", "dinov2", "inception", "squeezenet", "tiny", "vgg", "vgg19"}
    assert rows["tiny"]["address"] == tiny.address
    assert rows["inception"]["sha256_begins"] == "6726825d"
    assert rows["inception"]["size_bytes"] is rows["inception"]["approximate_bytes"] is rows["tiny"]["file"] is None
    assert rows["alexnet"]["approximate_bytes"] == round(233.087 * 2**20)
    line = next(line for line in call("weights", "list").stdout.splitlines() if line.startswith("vgg"))
    assert line.split() == ["vgg", "-", "553", "MB", "https://download.pytorch.org/models/vgg16-397923af.pth"]
    assert tiny.server.asked == []


def test_a_file_is_downloaded_once_and_then_found(tiny: Published) -> None:
    stored = weights_folder() / FILE
    assert call("weights", "get", "tiny").stderr == f"tiny: downloaded, {stored}\n"
    assert stored.read_bytes() == tiny.data
    assert call("weights", "get", "tiny").stderr == f"tiny: is there already, {stored}\n"
    assert call("weights", "path", "tiny").stdout == f"{stored}\n"
    assert [(row["name"], row["status"], row["file"]) for row in call_json("weights", "get", "tiny")] == [
        ("tiny", "found", str(stored))
    ]
    assert next(row for row in call_json("weights", "list") if row["name"] == "tiny")["file"] == str(stored)
    assert tiny.server.asked == [tiny.path]


def test_a_file_in_torchs_cache_is_not_downloaded(tiny: Published) -> None:
    torch_folder().mkdir(parents=True)
    (torch_folder() / FILE).write_bytes(tiny.data)
    assert "is there already" in call("weights", "get", "tiny").stderr
    assert tiny.server.asked == []


def test_a_damaged_file_in_the_cache_is_refused_until_it_is_downloaded_again(tiny: Published) -> None:
    stored = weights_folder() / FILE
    stored.parent.mkdir(parents=True)
    stored.write_bytes(tiny.data[:-1])
    error = call("weights", "path", "tiny", code=2).stderr
    assert error.startswith(f"{stored} is not used for tiny: its SHA-256 begins with ")
    assert "error: the weights of 'tiny' were not found; run `ugbench weights get tiny`, or give --weights" in error
    call("weights", "get", "tiny")
    assert stored.read_bytes() == tiny.data


def test_a_download_that_fails_is_one_sentence_with_the_address(tiny: Published) -> None:
    tiny.server.serve(tiny.path, status(500))
    error = call("weights", "get", "tiny", code=1).stderr
    assert error == (
        f"error: {tiny.address} could not be downloaded: the server answers with status 500 (Internal Server Error); "
        f"try again later, or fetch the file in another way and save it as {weights_folder() / FILE}.\n"
    )
    tiny.server.serve(tiny.path, content(tiny.data + b"x"))
    assert "what came is not the published file" in call("weights", "get", "tiny", code=1).stderr
    assert [path.name for path in weights_folder().iterdir()] == [f"{FILE}.lock"]


def test_a_cache_that_cannot_be_written_is_one_sentence(
    tiny: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "file"))
    error = call("weights", "get", "tiny", code=1).stderr
    assert error.startswith(f"error: {tiny.address} could not be stored as {tmp_path}/file/weights/{FILE} (")
    assert error.endswith("allow writing there, or name another folder by UGBENCH_CACHE.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["get", "incepton"], "no network is called 'incepton'; did you mean 'inception'?"),
        (["path", "incepton"], "no network is called 'incepton'; did you mean 'inception'?"),
        (["get", "random"], "random: this extractor needs no file of weights."),
        (["path", "random"], "random: this extractor needs no file of weights."),
    ],
)
def test_a_wrong_name_is_one_sentence(words: list[str], sentence: str) -> None:
    assert call("weights", *words, code=2).stderr.startswith(f"error: {sentence}")


def test_an_extractor_without_an_address_is_not_downloaded(tiny: Published, tmp_path: Path) -> None:
    module = tmp_path / "site-packages" / "tiny_extractor.py"
    module.write_text(module.read_text().partition("EXTRACTOR")[0] + 'EXTRACTOR = Extractor(build, "a file of mine")\n')
    error = call("weights", "get", "tiny", code=2).stderr
    assert error == (
        "error: no address is known for 'tiny'; give --weights tiny=FILE to the command that needs it (a file of mine)."
        "\n"
    )
    assert "give --weights tiny=FILE" in call("weights", "path", "tiny", code=2).stderr
    lines = call("weights", "list").stdout.splitlines()
    assert next(line for line in lines if line.startswith("tiny")).split(maxsplit=3) == [
        "tiny",
        "-",
        "-",
        "a file of mine",
    ]


def test_doctor_says_which_files_are_found_and_which_are_not_used(tiny: Published) -> None:
    stored = weights_folder() / FILE
    stored.parent.mkdir(parents=True)
    stored.write_bytes(tiny.data)
    row = call_json("doctor")["weights"]["tiny"]
    assert row == {"source": "the file of tiny", "file": str(stored), "ok": True, "status": f"found, {stored}"}
    stored.write_bytes(b"damaged")
    report = json.loads(call("doctor", "--json").stdout)
    assert report["weights"]["tiny"]["status"] == "not found"
    assert any(problem.startswith(f"{stored} is not used for tiny") for problem in report["problems"])
