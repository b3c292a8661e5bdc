import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ugbench.scoring.cache import Cache
from ugbench.scoring.folders import PlainFolders, score_folders
from ugbench.scoring.networks.extractors import LoadedExtractor
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.request import EvalRequest


def draw(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = random.integers(0, 256, (40, 40, 3)) * random.random(3)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_kid_of_folders_is_that_of_torch_fidelitys_command_with_the_same_weights(
    tmp_path: Path, inception_file: Path
) -> None:
    real, fake = draw(tmp_path / "real", 4, 0), draw(tmp_path / "fake", 4, 1)
    code = "import sys; from torch_fidelity.fidelity import main; sys.exit(main())"
    options = ["--input1", real, "--input2", fake, "--kid", "--json", "--cpu", "--silent", "--save-cpu-ram"]
    sizes = ["--kid-subset-size", "3", "--kid-subsets", "4", "--feature-extractor-weights-path", inception_file]
    theirs = subprocess.run(
        [sys.executable, "-c", code, *map(str, options + sizes)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(theirs.stdout)
    networks = Networks("inception", "alex", {"inception": inception_file}, torch.device("cpu"))
    wanted = EvalRequest(("kid",), networks, settings={"kid": {"subset_size": 3, "subsets": 4}})
    (kid,) = (record.value for record in score_folders(wanted, PlainFolders(real, fake)))
    assert abs(kid) > 1e-4
    assert kid == pytest.approx(found["kernel_inception_distance_mean"], abs=1e-6)


def test_one_pass_over_each_folder_serves_all_metrics_and_the_cache_serves_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fake = draw(tmp_path / "real", 9, 0), draw(tmp_path / "fake", 6, 1)
    seen: list[int] = []
    extract = LoadedExtractor.__call__

    def counted(extractor: LoadedExtractor, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return extract(extractor, images)

    monkeypatch.setattr(LoadedExtractor, "__call__", counted)
    networks = Networks("random", "alex", {}, torch.device("cpu"))
    cache = Cache(tmp_path / "cache")
    wanted = EvalRequest(("kid", "fid", "precision", "recall"), networks, cache=cache)
    first = list(score_folders(wanted, PlainFolders(real, fake)))
    assert sorted(seen) == [6, 9]
    seen.clear()
    assert list(score_folders(wanted, PlainFolders(real, fake))) == first
    assert seen == []
