"""Checkpoints of public code become runs; a file that is something else is refused with what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import call_in as call
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from ugbench.errors import UsageError, WeightsError
from ugbench.imports.checkpoint_files import checkpoint_files, read_tensors

GOLDEN = Path(__file__).parents[1] / "golden"
DIAL = "dial:size=96,train=4,test=3"


def public_ugatit(path: Path) -> None:
    """A file as the authors' PyTorch code writes it, of values that code computed."""
    networks: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(GOLDEN / "ugatit-light.safetensors").items():
        part, *names = key.split("/")
        if part == "after3" and len(names) == 2:
            networks.setdefault(names[0], {})[names[1]] = tensor
    torch.save(networks, path)


def public_generator(seed: int) -> nn.Sequential:
    """CycleGAN's generator with 4 channels and a block, from the public code's list of layers."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = (nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16), nn.ReLU())
            self.conv_block = nn.Sequential(*layers, nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = x + self.conv_block(x)
            return y

    torch.manual_seed(seed)
    up = {"stride": 2, "padding": 1, "output_padding": 1}
    return nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), nn.InstanceNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.InstanceNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.InstanceNorm2d(16), nn.ReLU()),
        Block(),
        *(nn.ConvTranspose2d(16, 8, 3, **up), nn.InstanceNorm2d(8), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 4, 3, **up), nn.InstanceNorm2d(4), nn.ReLU()),
        *(nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh()),
    )


def save_generator(network: nn.Sequential, path: Path) -> None:
    torch.save({f"model.{key}": tensor for key, tensor in network.state_dict().items()}, path)


def translated(network: nn.Sequential, file: Path) -> np.ndarray[Any, Any]:
    """What the public network makes of an image file, as 8 bits."""
    pixels = torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        made = ((network.eval()(pixels)[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return made.to(torch.uint8).numpy()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    call(folder, "data", "make", DIAL)
    return folder


def sources(home: Path, domain: str) -> list[Path]:
    return sorted((home / "datasets").glob(f"*/test{domain}/*"))


def test_ugatits_file_becomes_a_run_that_translates_and_stands_in_the_table(home: Path) -> None:
    public_ugatit(home / "tiny_params_0000003.pt")
    words = ("--as", "ugatit", "--dataset", DIAL, "--set", "size=96")
    report = json.loads(call(home, "import", home / "tiny_params_0000003.pt", *words, "--json").stdout)
    assert report["method"] == "ugatit" and report["directions"] == ["A2B", "B2A"]
    run = Path(report["run"])
    assert run.relative_to(home / "results").parts[1] == "ugatit"
    assert run.name == f"tiny_params_0000003-{report['id']}"
    call(home, "translate", run, "--input", sources(home, "A")[0], "--output", home / "out", "--attention")
    assert (home / "out/attention/00000.png").is_file()
    records = json.loads(call(home, "eval", run, "--metric", "changed", "--json").stdout)
    assert [(r["method"], r["name"], r["seed"], r["step"]) for r in records] == 2 * [
        ("ugatit", "tiny_params_0000003", None, None)
    ]
    rows = json.loads(call(home, "table", "--format", "json").stdout)["rows"]
    assert [row["name"] for row in rows if row["method"] == "ugatit"] == 2 * ["tiny_params_0000003"]


def test_another_forward_pass_that_fits_better_is_pointed_out_and_can_be_chosen(home: Path) -> None:
    public_ugatit(home / "tiny_params_0000003.pt")
    words = ("import", home / "tiny_params_0000003.pt", "--as", "ugatit", "--dataset", DIAL, "--set", "size=96")
    assert "2019-07 fits better" in call(home, *words).stderr
    assert "fits better" not in call(home, *words, "--revision", "2019-07").stderr
    refused = call(home, *words, "--revision", "2019-07", "--name", "tiny_params_0000003", code=2)
    assert "has that name, with other files or options" in refused.stderr
    refused = call(home, *words, "--revision", "2018", code=2)
    assert "2019-08 and 2019-07" in refused.stderr


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_a_cyclegan_of_one_direction_translates_as_the_public_network_does(home: Path, direction: str) -> None:
    network = public_generator(1)
    save_generator(network, home / "latest_net_G.pth")
    words = ("--as", "cyclegan", "--direction", direction, "--name", f"only-{direction}", "--set", "size=96")
    report = json.loads(call(home, "import", home / "latest_net_G.pth", *words, "--json").stdout)
    assert report["directions"] == [direction]
    assert Path(report["run"]).relative_to(home / "results").parts[0] == "imported"
    source, out = sources(home, direction[0])[0], home / f"out-{direction}"
    call(home, "translate", report["run"], "--input", source, "--output", out)
    made = np.array(Image.open(out / source.name))
    assert np.abs(made.astype(int) - translated(network, source).astype(int)).max() <= 1
    assert np.mean(made != translated(network, source)) < 0.01
    other = "B2A" if direction == "A2B" else "A2B"
    refused = call(home, "translate", report["run"], "--input", source, "--output", out, "--direction", other, code=2)
    assert f"translates {direction} only" in refused.stderr


def test_a_pair_of_files_in_a_folder_translates_both_ways(home: Path) -> None:
    folder, networks = home / "pair", {"A2B": public_generator(1), "B2A": public_generator(2)}
    folder.mkdir()
    for way, name in (("A2B", "200_net_G_A.pth"), ("B2A", "200_net_G_B.pth")):
        save_generator(networks[way], folder / name)
    words = ("--as", "cyclegan", "--set", "size=96", "--name", "pair")
    report = json.loads(call(home, "import", folder, *words, "--json").stdout)
    assert report["directions"] == ["A2B", "B2A"]
    for way, network in networks.items():
        source, out = sources(home, way[0])[1], home / f"pair-{way}"
        call(home, "translate", report["run"], "--input", source, "--output", out, "--direction", way)
        difference = np.array(Image.open(out / source.name)).astype(int) - translated(network, source).astype(int)
        assert np.abs(difference).max() <= 1
    refused = call(home, "import", folder, *words, "--direction", "A2B", code=2)
    assert "translate in both directions" in refused.stderr
    # Without a data set there is nothing to score it on.
    refused = call(home, "eval", report["run"], "--metric", "kid", "--extractor", "random", code=2)
    assert "imported without a data set" in refused.stderr


def test_what_export_wrote_is_read_back_and_translates_the_same(home: Path) -> None:
    public_ugatit(home / "tiny.pt")
    words = ("--as", "ugatit", "--set", "size=96")
    first = json.loads(call(home, "import", home / "tiny.pt", *words, "--json").stdout)["run"]
    call(home, "export", first, "--output", home / "tiny.safetensors")
    assert "published weights" in (home / "tiny.md").read_text(encoding="utf-8")
    again = json.loads(
        call(home, "import", home / "tiny.safetensors", "--as", "ugatit", "--name", "again", "--json").stdout
    )["run"]
    source = sources(home, "A")[0]
    for run, out in ((first, "first"), (again, "again")):
        call(home, "translate", run, "--input", source, "--output", home / out)
    assert (home / "first" / source.name).read_bytes() == (home / "again" / source.name).read_bytes()
    refused = call(home, "import", home / "tiny.safetensors", "--as", "cyclegan", code=2)
    assert "holds the method ugatit; give --as ugatit" in refused.stderr


@pytest.fixture
def generators_alone(home: Path, tmp_path: Path) -> str:
    """The id of an imported U-GAT-IT of which the file holds the generators alone, as a wrapped DataParallel."""
    public_ugatit(tmp_path / "whole.pt")
    networks = torch.load(tmp_path / "whole.pt", weights_only=True)
    generators = {
        name: {f"module.{key}": tensor for key, tensor in networks[name].items()} for name in ("genA2B", "genB2A")
    }
    torch.save({"state_dict": generators, "epoch": 3}, tmp_path / "generators.pt")
    words = ("--as", "ugatit", "--dataset", DIAL, "--set", "size=96", "--json")
    report = json.loads(call(home, "import", tmp_path / "generators.pt", *words).stdout)
    assert report["directions"] == ["A2B", "B2A"]
    return str(report["id"])


def test_generators_alone_translate_and_have_the_maps_of_the_generators(home: Path, generators_alone: str) -> None:
    out = home / "alone"
    result = call(home, "translate", generators_alone, "--input", sources(home, "A")[0], "--output", out, "--attention")
    assert (
        "was imported without global_a, global_b, local_a, local_b; attention maps of these are left" in result.stderr
    )
    assert sorted(path.name for path in out.iterdir()) == ["00000.png", "attention", "translation.json"]
    assert [path.name for path in (out / "attention").iterdir()] == ["00000.png"]
    records = json.loads(call(home, "eval", generators_alone, "--metric", "changed,cam_mass", "--json").stdout)
    assert [record["metric"] for record in records] == 2 * ["changed", "cam_mass"]


def test_a_training_takes_generators_alone_only_when_asked_so(home: Path, generators_alone: str) -> None:
    words = ("train", "ugatit", "--dataset", DIAL, "--preset", "smoke", "--steps", "1", "--init-from", generators_alone)
    small = ("--size", "96", "--batch-size", "1", "--set", "channels=4", "--set", "blocks=2")
    refused = call(home, *words, *small, code=2)
    assert "has no global_a, global_b, local_a, local_b; add --init-only generators to take" in refused.stderr
    took = call(home, *words, *small, "--init-only", "generators").stderr
    assert "taken: generator_a2b (" in took and "begun anew: global_a, global_b, local_a, local_b." in took


def test_a_file_that_could_mean_several_networks_is_refused_with_their_names(tmp_path: Path) -> None:
    file = tmp_path / "both.pt"
    torch.save({"params": {"w": torch.ones(1)}, "params_ema": {"w": torch.ones(1)}}, file)
    with pytest.raises(UsageError, match=r"both\.pt holds several state dicts \(params, params_ema\)"):
        read_tensors([file])


def test_files_of_a_folder_are_unwrapped_one_by_one(tmp_path: Path) -> None:
    files = [tmp_path / f"latest_net_{name}.pth" for name in ("G_A", "G_B")]
    for value, file in enumerate(files):
        torch.save({"state_dict": {"module.w": torch.full((1,), float(value))}, "epoch": 3}, file)
    networks = read_tensors(files)
    assert {name: network["w"].item() for name, network in networks.items()} == {files[0].name: 0, files[1].name: 1}


@pytest.mark.parametrize(
    ("value", "dtype"), [(float("nan"), torch.float32), (float("-inf"), torch.float16), (1e300, torch.float64)]
)
def test_weights_that_are_not_finite_are_refused_by_name_and_leave_no_run(
    home: Path, tmp_path: Path, value: float, dtype: torch.dtype
) -> None:
    state = {f"model.{key}": tensor.to(dtype) for key, tensor in public_generator(1).state_dict().items()}
    state["model.4.weight"][0, 1, 2, 0] = value
    torch.save(state, tmp_path / "spoilt.pth")
    before = sorted((home / "results").rglob("*"))
    refused = call(home, "import", tmp_path / "spoilt.pth", "--as", "cyclegan", "--dataset", DIAL, code=2)
    assert "spoilt.pth: generator_a2b.4.weight has 1 of 288 values that are NaN or infinite" in refused.stderr
    assert sorted((home / "results").rglob("*")) == before


class Harmful:
    """What a pickle could run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be printed",)


def test_a_pickle_that_is_more_than_tensors_is_refused_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.pth"
    torch.save({"a": Harmful()}, file)
    with pytest.raises(WeightsError, match=r"bad\.pth is refused: it holds more than tensors.*could run code"):
        read_tensors([file])
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.pt"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.pt is refused"):
        read_tensors([file])


def test_a_file_of_one_network_goes_by_its_name_and_of_several_by_theirs(tmp_path: Path) -> None:
    single, several = tmp_path / "latest_net_G.pth", tmp_path / "both.pt"
    torch.save({"w": torch.ones(1)}, single)
    torch.save({"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}}, several)
    assert list(read_tensors([single])) == ["latest_net_G.pth"]
    assert list(read_tensors([several])) == ["a", "b"]
    with pytest.raises(UsageError, match="another file has a network 'a' too"):
        read_tensors([several, several])


def test_a_folder_without_checkpoints_says_what_it_looked_for(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UsageError, match=r"holds no \.pt, \.pth or \.index file"):
        checkpoint_files(tmp_path)
    with pytest.raises(UsageError, match="there is no such file or folder"):
        checkpoint_files(tmp_path / "none")
