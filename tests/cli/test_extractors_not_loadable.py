"""An extractor of another package that cannot be used: it is named with the reason, and stands in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import call, call_json
from drawn_images import patches
from third_party import visible

HEAD = "import torch\nfrom torch import nn\nfrom ugbench.extractor import Extractor, FeatureNetwork\n"
TAIL = "EXTRACTOR = Extractor(build=build, weights=None)\n"
SOURCES = {
    "mistyped": "x = 1\ndef (:\n",
    "needy": "import no_such_package\n",
    "raising": "raise RuntimeError('no luck')\n",
    "nobody": "EXTRACTOR = 7\n",
    "failing": HEAD + "def build(tensors):\n    return 1 / 0\n" + TAIL,
    "wanting": HEAD + "def build(tensors):\n    import no_such_package\n" + TAIL,
    "flat": HEAD + "def build(tensors):\n    return FeatureNetwork(nn.Identity(), 8, 'as is', torch.flatten)\n" + TAIL,
    "clumsy": HEAD
    + "def build(tensors):\n    return FeatureNetwork(nn.Linear(2, 3), 8, 'as is', torch.Tensor.float)\n"
    + TAIL,
}
"""The modules by the name of the extractor."""


@pytest.fixture(autouse=True)
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder with the modules, in which this process finds them."""
    folder = tmp_path / "site"
    record = folder / "bad_extractors-1.dist-info"
    record.mkdir(parents=True)
    for name, source in SOURCES.items():
        (folder / f"bad_extractor_{name}.py").write_text(source)
    lines = [f"{name} = bad_extractor_{name}\n" for name in SOURCES]
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-extractors\nVersion: 1\n")
    (record / "entry_points.txt").write_text("[ugbench.extractors]\n" + "".join(lines))
    with visible(folder):
        yield folder


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """A call that scores two folders."""
    for folder in ("real", "fake"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            patches(number + 10 * len(folder), (16, 16)).save(tmp_path / folder / f"{number}.png")
    return ["eval", "--real", tmp_path / "real", "--fake", tmp_path / "fake", "--metric", "kid"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mistyped", "{site}/bad_extractor_mistyped.py, line 2: invalid syntax"),
        ("needy", "{site}/bad_extractor_needy.py, line 1: No module named 'no_such_package'"),
        ("raising", "RuntimeError: no luck"),
        ("nobody", "bad_extractor_nobody has no EXTRACTOR that is a ugbench.extractor.Extractor"),
        ("failing", "building it ended with ZeroDivisionError: division by zero"),
        ("wanting", "No module named 'no_such_package'"),
        ("flat", "of 1 image it returns (192,), and features are float (1, d) or (1, d, h, w)"),
        ("clumsy", "of 1 image of 8 px it ended with RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_scoring_with_it_is_refused_with_the_reason(name: str, reason: str, site: Path, words: list[object]) -> None:
    (sentence,) = [line for line in call(*words, "--extractor", name, code=1).stderr.splitlines() if "error" in line]
    assert sentence.startswith(f"error: the extractor {name} cannot be loaded ({reason.format(site=site)}")
    assert sentence.endswith("); correct or uninstall its package.")


def test_others_can_be_used_and_help_lists_all(words: list[object]) -> None:
    assert call_json(*words, "--extractor", "random")[0]["metric"] == "kid"
    assert "mistyped" in call("eval", "--help").stdout


def test_the_doctor_names_those_that_cannot_be_imported() -> None:
    problems = call_json("doctor")["problems"]
    for name in ("mistyped", "needy", "raising", "nobody"):
        assert len([problem for problem in problems if problem.startswith(f"the extractor {name} cannot")]) == 1
