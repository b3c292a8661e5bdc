"""A method of another package that cannot be loaded: it is named with the reason, and stands in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import call
from third_party import visible

from ugbench import registry
from ugbench.errors import UgbenchError

METHOD = "from ugbench.method import Method\n\n\nclass First(Method):\n    PRESETS = {}\n"
SOURCES = {
    "mistyped": "x = 1\ndef (:\n",
    "needy": "from __future__ import annotations\nimport no_such_package.nn as nn\n" + METHOD,
    "mistaken": "from ugbench.method import Method, no_such_name\n",
    "nobody": "x = 1\n",
    "twins": METHOD + "\n\nclass Second(Method):\n    PRESETS = {}\n",
    "listed": METHOD + '    frozen = ("vgg",)\n',
}
"""The modules by the name of the method."""
GONE = {"gone": "no_such_module", "gone_below": "no_such_package.module", "below": "broken_package.module"}
"""Entry points whose module cannot be found, or lies in a package that cannot be imported."""


@pytest.fixture(autouse=True)
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder with the modules, in which this process finds them."""
    folder = tmp_path / "site"
    record = folder / "bad_methods-1.dist-info"
    record.mkdir(parents=True)
    for name, source in SOURCES.items():
        (folder / f"bad_{name}.py").write_text(source)
    (folder / "broken_package").mkdir()
    (folder / "broken_package" / "__init__.py").write_text("import no_such_package\n")
    entries = {name: f"bad_{name}" for name in SOURCES} | GONE
    lines = [f"{name} = {path}\n" for name, path in entries.items()]
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-methods\nVersion: 1\n")
    (record / "entry_points.txt").write_text("[ugbench.methods]\n" + "".join(lines))
    with visible(folder):
        yield folder


def sentences(site: Path) -> dict[str, str]:
    """What is said of each method."""
    two = "Method classes, and a method's module defines one"
    reasons = {
        "below": f"{site}/broken_package/__init__.py, line 1: No module named 'no_such_package'",
        "gone": "its entry point names no_such_module, which cannot be found",
        "gone_below": "its entry point names no_such_package.module, which cannot be found",
        "listed": "bad_listed.First: it does not define groups, inference, step, translate",
        "mistaken": f"{site}/bad_mistaken.py, line 1: cannot import name 'no_such_name' from 'ugbench.method' "
        f"({Path(registry.__file__).with_name('method.py')})",
        "mistyped": f"{site}/bad_mistyped.py, line 2: invalid syntax",
        "needy": f"{site}/bad_needy.py, line 2: No module named 'no_such_package'",
        "nobody": f"bad_nobody defines 0 {two}",
        "twins": f"bad_twins defines 2 {two}",
    }
    return {
        name: f"the method {name} cannot be loaded ({reason}); correct or uninstall its package."
        for name, reason in reasons.items()
    }


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_list_has_the_other_methods_and_a_line_on_stderr_for_each(site: Path, more: list[str]) -> None:
    result = call("methods", *more)
    assert result.stderr.splitlines() == list(sentences(site).values())
    if more:
        names = [item["name"] for item in json.loads(result.stdout)]
    else:
        names = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert "cyclegan" in names
    assert set(names) == set(registry.modules("methods")) - sentences(site).keys()


def test_the_doctor_says_the_same(site: Path) -> None:
    problems = json.loads(call("doctor", "--json").stdout)["problems"]
    assert set(sentences(site).values()) <= set(problems)


@pytest.mark.parametrize("name", [*SOURCES, *GONE])
def test_its_training_is_refused_with_the_reason(name: str, site: Path, tmp_path: Path) -> None:
    place = ["--data-root", tmp_path / "data", "--results", tmp_path / "results", "--device", "cpu"]
    result = call("train", name, "--dataset", "dial:size=32,train=2,test=2", "--preset", "smoke", *place, code=1)
    assert result.stderr.splitlines()[-1] == f"error: {sentences(site)[name]}"
    assert not (tmp_path / "results").exists()


def test_other_methods_can_be_used() -> None:
    listed = json.loads(call("variants", "cyclegan", "--json").stdout)
    assert listed[0] == {"variant": None, "fields": {}}


def test_an_entry_point_of_this_distribution_that_names_nothing_is_an_error_at_once() -> None:
    with pytest.raises(UgbenchError, match=r"^entry point 'x' names no_such_module, which cannot be found; reinstall"):
        registry._expand("x", "no_such_module", is_builtin=True)
