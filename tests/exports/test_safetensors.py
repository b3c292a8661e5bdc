"""A .safetensors export describes itself, comes back as the same networks, and damage is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from styled_method import styled_is_installed

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.exports.card import card
from ugbench.exports.safetensors import Export, build, export_of, read_export, write
from ugbench.method import Method
from ugbench.runs.run import DatasetRecord, Run, RunConfig
from ugbench.scoring.record import ScoreRecord

SMALL = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "steps": 9}


def trained(name: str = "ugatit", direction: Any = None) -> tuple[Run, Method]:
    """A run of which nothing lies on the disk, and its method."""
    torch.manual_seed(0)
    cls = registry.load_method(name)
    known = {key: value for key, value in SMALL.items() if key in cls.Config.model_fields}
    config = cls.make_config("smoke", None, known)
    record = DatasetRecord(
        name="cats", root="/home/me/cats", fingerprint="f00d", images={"trainA": 7, "trainB": 8}, skipped=["me.png"]
    )
    fields = {"method": name, "variant": None, "preset": "smoke", "config": config.model_dump(), "dataset": record}
    run = Run(Path("nowhere"), RunConfig(**fields, direction=direction, seed=3, precision="fp32"))
    return run, cls(config).eval()


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Export, Method]:
    run, method = trained()
    export, file = export_of(run, method, 5), tmp_path / "G.safetensors"
    write(export, file)
    return file, export, method


def same(actual: torch.Tensor, expected: torch.Tensor) -> None:
    # Not the bits: tensors from a file lie elsewhere in memory, and kernels go by alignment.
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


def spoil(file: Path, change: Any) -> None:
    """Write the file again with `change(description, tensors)` done to it."""
    with safe_open(file, framework="pt") as opened:
        description = json.loads(opened.metadata()["ugbench"])
    tensors = load_file(file)
    change(description, tensors)
    save_file(tensors, file, {"ugbench": json.dumps(description)})


def test_what_is_written_is_read_back(written: tuple[Path, Export, Method]) -> None:
    file, export, method = written
    assert file.stat().st_mode & 0o777 == 0o644
    read = read_export(file)
    assert (read.method, read.variant, read.preset, read.seed, read.precision) == (
        "ugatit",
        None,
        "smoke",
        3,
        "fp32",
    )
    assert (read.run, read.step, read.directions) == (export.run, 5, ("A2B", "B2A"))
    assert read.config == method.config.model_dump()
    assert read.dataset == {"name": "cats", "fingerprint": "f00d", "images": {"trainA": 7, "trainB": 8}}
    state = method.state_dict()
    assert set(read.tensors) == {name for name in state if name.startswith("generator")}
    assert all(tensor.equal(state[name]) for name, tensor in read.tensors.items())


def test_the_rebuilt_method_translates_as_the_run_did(written: tuple[Path, Export, Method]) -> None:
    file, _, method = written
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    rebuilt = build(read_export(file))
    with torch.no_grad():
        for direction in ("A2B", "B2A"):
            same(rebuilt.translate(x, direction), method.translate(x, direction))


def test_no_path_of_the_users_machine_is_in_the_file(written: tuple[Path, Export, Method]) -> None:
    content = written[0].read_bytes()
    assert b"/home/me" not in content
    assert b"me.png" not in content


def test_for_a_run_in_one_direction_the_networks_without_weights_are_left_out(tmp_path: Path) -> None:
    run, method = trained("cyclegan", "B2A")
    method.generator_a2b.to("meta")
    export = export_of(run, method, 5)
    assert (export.directions, {name.split(".")[0] for name in export.tensors}) == (("B2A",), {"generator_b2a"})
    write(export, tmp_path / "G.safetensors")
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        rebuilt = build(read_export(tmp_path / "G.safetensors"))
        same(rebuilt.translate(x, "B2A"), method.translate(x, "B2A"))


def test_a_changed_number_is_noticed(written: tuple[Path, Export, Method]) -> None:
    file, _, _ = written
    spoil(file, lambda description, tensors: next(iter(tensors.values())).view(-1)[:1].add_(1e-3))
    with pytest.raises(UsageError, match=r"G\.safetensors is damaged: its tensors"):
        read_export(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda description, _: description.update(schema=2), "has schema 2, and this version reads schema 1"),
        (lambda description, _: description.pop("config"), "metadata 'ugbench' is not what `ugbench export` writes"),
        (lambda description, _: description.pop("schema"), "metadata 'ugbench' is not what `ugbench export` writes"),
    ],
)
def test_metadata_of_another_kind_is_refused(written: tuple[Path, Export, Method], change: Any, message: str) -> None:
    file, _, _ = written
    spoil(file, change)
    with pytest.raises(UsageError, match=message):
        read_export(file)


def test_files_that_are_no_exports_are_told_apart(written: tuple[Path, Export, Method], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read_export(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, other)
    with pytest.raises(UsageError, match="no 'ugbench' in its metadata and holds weight"):
        read_export(other)
    other.write_bytes(written[0].read_bytes()[:500])
    with pytest.raises(UsageError, match="is damaged, or not a safetensors file"):
        read_export(other)


def test_a_config_or_tensors_that_the_method_no_longer_takes_are_told(written: tuple[Path, Export, Method]) -> None:
    export = read_export(written[0])
    with pytest.raises(UsageError, match=r"of .*: chanels: .* ugatit has changed"):
        build(Export(**{**vars(export), "config": {**export.config, "chanels": 4}}))
    with pytest.raises(UsageError, match="differ in shapes"):
        build(Export(**{**vars(export), "config": {**export.config, "channels": 8}}))
    with pytest.raises(UsageError, match=r"differ in generator_c\.w"):
        build(Export(**{**vars(export), "tensors": {**export.tensors, "generator_c.w": torch.zeros(1)}}))


def score(step: int, value: float, metric: str = "kid", method: str = "ugatit", **more: Any) -> ScoreRecord:
    protocol = {"reference": "test"}
    fields = {"run": "r", "dataset": "cats", "direction": "A2B", "method": method, "variant": None, "seed": 3}
    numbers = {"se": 0.25, "low": None, "high": None, "n_fake": 11, "n_real": 12, "higher_is_better": False}
    rest = {"comparable": True, "protocol": protocol, "protocol_id": "p1"}
    return ScoreRecord(**fields, step=step, metric=metric, value=value, **numbers, **rest, **more)


def test_a_card_has_the_data_the_config_and_the_last_scores_of_its_step_with_their_protocol() -> None:
    run, method = trained()
    page = card(export_of(run, method, 5), [score(5, 0.5), score(4, 0.125), score(5, 0.75)], "G.safetensors")
    assert page.startswith("# ugatit on cats\n")
    for part in ("7 in trainA, 8 in trainB", "`f00d`", run.id, "after 5 steps", "seed 3", '"channels": 4'):
        assert part in page
    assert "| kid | A2B | 0.75 | 0.25 | 11 | 12 | p1 | yes |" in page
    assert "0.125" not in page
    assert "| 0.5 |" not in page
    assert '- `p1`: `{"reference": "test"}`' in page
    assert "`ugbench import G.safetensors --as ugatit`" in page


def test_a_card_without_scores_says_so() -> None:
    run, method = trained()
    assert "None were recorded at step 5." in card(export_of(run, method, 5), [score(4, 1.0)], "G.safetensors")


def test_the_cards_own_python_runs(written: tuple[Path, Export, Method], monkeypatch: pytest.MonkeyPatch) -> None:
    file, export, method = written
    monkeypatch.chdir(file.parent)
    code = card(export, [], file.name).split("```python\n")[1].split("```")[0]
    space = {"images": torch.rand(1, 3, 32, 32)}
    with torch.no_grad():
        exec(code, space)
        same(space["translated"], method.translate(space["images"], "A2B"))


def test_the_card_of_a_method_with_a_style_gives_each_image_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with styled_is_installed():
        run, method = trained("styled")
        export = export_of(run, method, 5)
        write(export, tmp_path / "G.safetensors")
        monkeypatch.chdir(tmp_path)
        page = card(export, [score(5, 0.5, method="styled", codes_per_image=1)], "G.safetensors")
        assert "styled: one style per image, drawn at random (seed 0)." in page
        space: dict[str, Any] = {"images": torch.rand(2, 3, 32, 32)}
        torch.manual_seed(1)
        with torch.no_grad():
            exec(page.split("```python\n")[1].split("```")[0], space)
            torch.manual_seed(1)
            same(space["translated"], method.translate(space["images"], "A2B", torch.randn(2, 3)))
