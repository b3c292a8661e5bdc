"""Groups of options: what becomes of them on the command line and in the command's function."""

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from ugbench.cli.ablate import ablate
from ugbench.cli.command import add_command, expand_groups
from ugbench.cli.compare import compare
from ugbench.cli.machine_options import MachineOptions
from ugbench.cli.options import RESULTS, ConfigOptions, Json, PlaceOptions, Results, StudyOptions
from ugbench.cli.scoring_options import ScoringOptions, pick_protocol
from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.protocols import TARGET, TRAIN_REFERENCE

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class AnimalOptions:
    animal: Annotated[str, typer.Option("--animal", help="An animal.")]
    legs: Annotated[int, typer.Option("--legs", envvar="UGBENCH_LEGS", help="Its legs.")] = 4


def call(function: Any, *words: str, env: dict[str, str] | None = None) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.callback()
    def root() -> None: ...

    add_command(app, "show", function)
    return CliRunner().invoke(app, ["show", *words], env=env, catch_exceptions=False)


def test_a_group_arrives_as_one_object_with_given_values_variables_and_defaults() -> None:
    seen: list[AnimalOptions] = []

    def show(*, options: AnimalOptions) -> None:
        seen.append(options)

    assert call(show, "--animal", "walrus").exit_code == 0
    assert call(show, "--animal", "stork", "--legs", "2").exit_code == 0
    assert call(show, "--animal", "ant", env={"UGBENCH_LEGS": "6"}).exit_code == 0
    assert seen == [
        AnimalOptions(animal="walrus", legs=4),
        AnimalOptions(animal="stork", legs=2),
        AnimalOptions(animal="ant", legs=6),
    ]


def test_a_field_without_a_default_is_a_required_option() -> None:
    def show(*, options: AnimalOptions) -> None: ...

    result = call(show)
    assert result.exit_code == 2
    assert "--animal" in result.stderr


def test_a_name_that_a_group_and_a_parameter_declare_is_refused() -> None:
    def show(*, options: AnimalOptions, legs: Annotated[int, typer.Option("--legs")] = 2) -> None: ...

    with pytest.raises(TypeError, match="show declares legs twice"):
        expand_groups(show)


def test_a_command_gets_its_own_options_and_not_those_it_does_not_read() -> None:
    seen: list[Any] = []

    def show(
        name: Annotated[str, typer.Argument()],
        folder: Results = RESULTS,
        where: Annotated[str, typer.Option("--device")] = "auto",
        as_json: Json = False,
    ) -> None:
        seen.append((name, folder, where, as_json))

    words = ["--results", "f", "--data-root", "d", "--device", "cpu", "--precision", "fp32", "--json"]
    assert call(show, "n", *words).exit_code == 0
    assert seen == [("n", Path("f"), "cpu", True)]
    shown = call(show, "--help").stdout
    assert "--results" in shown and "--device" in shown
    assert "--data-root" not in shown and "--precision" not in shown


@pytest.mark.parametrize("command", [compare, ablate])
def test_compare_and_ablate_declare_the_same_groups(command: Any) -> None:
    parameters = inspect.signature(command, eval_str=True).parameters
    assert [parameters[name].annotation for name in ("options", "scoring", "machines", "place")] == [
        StudyOptions,
        ScoringOptions,
        MachineOptions,
        PlaceOptions,
    ]
    alone = [name for name, parameter in parameters.items() if not dataclasses.is_dataclass(parameter.annotation)]
    assert len(alone) <= 6  # what one of the two alone has, and the context


def test_overrides_are_the_given_options_and_the_fields_of_set() -> None:
    assert ConfigOptions().overrides() == {}
    options = ConfigOptions(size="64", sets=["lr=1e-3,light=true"])
    assert options.overrides(steps=7) == {"steps": 7, "size": 64, "lr": "1e-3", "light": "true"}


@pytest.mark.parametrize(
    ("options", "steps", "message"),
    [
        (ConfigOptions(size="64", sets=["size=32"]), None, "--set size=32: --size says 64; give one of them."),
        (ConfigOptions(size="64x32", sets=["size=32"]), None, "--set size=32: --size says 64x32; give one of them."),
        (ConfigOptions(batch_size=2, sets=["batch_size=1"]), None, "--set batch_size=1: --batch-size says 2"),
        (ConfigOptions(sets=["steps=5"]), 7, "--set steps=5: --steps says 7"),
    ],
)
def test_a_field_that_an_option_and_set_both_give_is_refused(
    options: ConfigOptions, steps: int | None, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        options.overrides(steps)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("text", ["0x5", "128x", "axb", "", "70000", "128x256x3"])
def test_a_size_that_is_none_is_refused_with_both_forms(text: str) -> None:
    for read in (ConfigOptions(size=text).overrides, StudyOptions(size=text).fields):
        with pytest.raises(UsageError, match=rf"^--size {text}: give px from 1 to 65,536: .* as in 128x256\.$"):
            read()


def test_a_size_that_is_too_small_for_any_method_is_refused() -> None:
    for text in ("7", "7x64", "64x7"):
        with pytest.raises(UsageError, match=f"^--size {text}: that is too small; give 8 px or more"):
            ConfigOptions(size=text).overrides()
    assert ConfigOptions(size="8x64").overrides() == {"size": (8, 64)} and ConfigOptions(size="8x8").overrides() == {
        "size": 8
    }


def test_a_study_has_the_fields_that_were_given_and_no_others() -> None:
    assert StudyOptions().fields() == {}
    options = StudyOptions(dataset=["dial", "x"], seeds="4,7", steps=5, preset="smoke", size="32", batch_size=2, jobs=3)
    assert options.fields() == {
        "datasets": ["dial", "x"],
        "seeds": [4, 7],
        "steps": 5,
        "preset": "smoke",
        "size": 32,
        "batch_size": 2,
    }


def test_scoring_options_become_an_evaluation_request(tmp_path: Path) -> None:
    (tmp_path / "alexnet.pth").touch()
    options = ScoringOptions(
        metrics=["kid, lpips", "kid"],
        extractor="random",
        lpips_net="squeeze",
        weights=[f"alexnet={tmp_path}/alexnet.pth"],
        cache=tmp_path / "cache",
    )
    request = options.request(CPU, reference="train", settings={"kid": {"subsets": 3}})
    assert request.metrics == ("kid", "lpips")
    assert request.protocol is TRAIN_REFERENCE
    assert request.settings == {"kid": {"subsets": 3}}
    assert (request.networks.extractor_name, request.networks.lpips_net) == ("random", "squeeze")
    assert request.networks.weights == {"alexnet": tmp_path / "alexnet.pth"}
    assert request.cache is not None and request.cache.folder == tmp_path / "cache"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ScoringOptions(metrics=["kidd"]), "did you mean 'kid'"),
        (ScoringOptions(extractor="alexnett"), "did you mean 'alexnet'"),
        (ScoringOptions(weights=[f"alexnett={__file__}"]), "did you mean 'alexnet'"),
        (ScoringOptions(protocol="targett"), "did you mean 'target'"),
    ],
)
def test_unknown_names_of_scoring_are_refused_with_a_near_one(options: ScoringOptions, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        options.request(CPU)


def test_protocol_and_reference_agree_or_are_refused() -> None:
    assert pick_protocol(None, None) is TARGET
    assert pick_protocol("train-reference", "train") is TRAIN_REFERENCE
    with pytest.raises(UsageError, match="and train-reference with the train images"):
        pick_protocol("target", "train")
