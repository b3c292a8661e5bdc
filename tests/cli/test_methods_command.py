"""`ugbench methods` and `ugbench variants`: what they print is what the methods' classes say."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from ugbench import registry
from ugbench.cli.methods import Summary, read_source, summarize
from ugbench.cli.variants import as_sets
from ugbench.training.frozen import needed_files

Run = Callable[..., Result]

SOURCE = '''
"""A translator that does nothing.

More of it.
"""

class Config(MethodConfig): ...

class Nothing(Method):
    PRESETS = {"paper": {"lr": compute()}, "smoke": SMOKE}
    VARIANTS: ClassVar[Mapping[str, Any]] = {"slow": {"lr": 1e-9}}
    directions = ("A2B",)
    style_dim: ClassVar[int] = 8
    paired = True
    splits: ClassVar = ("edgesB", "masks")
    frozen: ClassVar = {"vgg": "vgg16", "again": "vgg16", "style": "alexnet"}
    optional_weights = ("alexnet",)
'''


def test_the_list_says_what_every_class_says(ugbench: Run) -> None:
    listed = {item["name"]: item for item in json.loads(ugbench("methods", "--json").stdout)}
    assert set(listed) == set(registry.modules("methods"))
    for name, item in listed.items():
        method = registry.load_method(name)
        assert item["directions"] == list(method.directions)
        assert item["presets"] == list(method.PRESETS)
        assert item["variants"] == list(method.VARIANTS)
        assert item["style_dim"] == method.style_dim


def test_the_table_counts_variants_and_the_values_of_a_style(ugbench: Run) -> None:
    result = ugbench("methods")
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert set(lines) == {"method", *registry.modules("methods")}
    assert lines["method"].split()[-2:] == ["needs", "title"]
    for name in registry.modules("methods"):
        method = registry.load_method(name)
        directions, presets = ",".join(method.directions), ",".join(method.PRESETS)
        numbers = [str(len(method.VARIANTS)), str(method.style_dim)]
        *columns, rest = lines[name].split(maxsplit=5)
        assert columns[1:] == [directions, presets, *numbers]
        assert rest.startswith(", ".join(read_needs(name)) or "-")


def read_needs(name: str) -> list[str]:
    return summarize(name, registry.modules("methods")[name]).needs


@pytest.mark.parametrize("name", list(registry.modules("methods")))
def test_the_weights_that_a_method_is_said_to_need_are_those_of_its_paper_preset(name: str) -> None:
    needed = needed_files(name, registry.load_method(name).make_config("paper"))
    assert [need for need in read_needs(name) if need.startswith("--weights ")] == [f"--weights {n}" for n in needed]


def test_a_source_is_read_without_running_it() -> None:
    needs = ["pairs", "edgesB", "masks", "--weights vgg16"]
    expected = Summary("nothing", "A translator that does nothing.", ["A2B"], ["paper", "smoke"], ["slow"], 8, needs)
    assert read_source("nothing", SOURCE) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"paper": {"lr": compute()}, "smoke": SMOKE}', "presets()"),
        ('{"paper": {"lr": compute()}', '{**BASE, "paper": {}'),
        ('{"slow"', "{SLOW"),
        ('("A2B",)', "WAYS"),
        ("int] = 8", "int] = LENGTH"),
        ("(Method)", "(Other)"),
        ("class Config(MethodConfig)", "class Second(Method)"),
        ("    PRESETS", "    presets"),
    ],
)
def test_a_source_that_does_not_tell_is_left_to_the_import(old: str, new: str) -> None:
    assert old in SOURCE
    assert read_source("nothing", SOURCE.replace(old, new)) is None


def test_the_import_gives_the_same_summary_as_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    name, path = next(iter(registry.modules("methods").items()))
    read = summarize(name, path)
    monkeypatch.setattr("ugbench.cli.methods.read_source", lambda *_: None)
    assert summarize(name, path) == read


def test_variants_say_what_they_change(ugbench: Run) -> None:
    method = registry.load_method("ugatit")
    listed = json.loads(ugbench("variants", "ugatit", "--json").stdout)
    assert listed[0] == {"variant": None, "fields": {}}
    assert {item["variant"]: item["fields"] for item in listed[1:]} == json.loads(json.dumps(method.VARIANTS))
    lines = ugbench("variants", "ugatit").stdout.splitlines()
    assert lines[1].split() == ["full", "nothing:", "the", "base"]
    assert [line.split()[0] for line in lines[2:]] == list(method.VARIANTS)


def test_an_unknown_method_names_a_near_one(ugbench: Run) -> None:
    result = ugbench("variants", "ugatti")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no method is called 'ugatti'; did you mean 'ugatit'? Known: ")


def test_fields_read_as_set_takes_them() -> None:
    assert as_sets({"light": True, "lr": 1e-3, "norm": "in", "steps": None}) == (
        "light=true lr=0.001 norm=in steps=null"
    )
