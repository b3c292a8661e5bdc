"""Every command, found by walking the tree: its help, its examples and the options that all have."""

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import Result

from ugbench.cli.app import app

COMMON = ["--results", "r", "--data-root", "d", "--device", "cpu", "--precision", "fp32", "--json"]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None or (path and command.invoke_without_command):
        yield path, command
    if children is None:
        return
    for name, child in children.items():
        yield from leaves(child, (*path, name))


PATHS = [path for path, _ in leaves(typer.main.get_command(app))]


def examples(ugbench: Callable[..., Result], path: tuple[str, ...]) -> list[str]:
    """The example lines of a command's help as a person sees it."""
    return re.findall(r"^\s*(ugbench .+?)\s*$", ugbench(*path, "--help").stdout, flags=re.MULTILINE)


def parse(args: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The parameters that a command gets from `args`; no command runs."""
    root = typer.main.get_command(app)
    seen: list[dict[str, Any]] = []
    for _, command in leaves(root):
        command.callback = lambda **given: seen.append(given)
    with pytest.raises(SystemExit) as end:
        root.main(args=args, prog_name="ugbench")
    assert end.value.code == 0, capsys.readouterr().err
    return seen[-1]  # those of a group come before those of its command


def test_the_walk_finds_commands_and_commands_of_groups() -> None:
    assert {("methods",), ("data", "make"), ("runs",), ("runs", "show")} <= set(PATHS)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_shows_two_examples_whose_options_parse(
    ugbench: Callable[..., Result], path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = examples(ugbench, path)
    assert len(lines) >= 2
    for line in lines:
        args = shlex.split(line)[1:]
        assert tuple(args[: len(path)]) == path
        parse(args, capsys)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_takes_the_common_options(
    ugbench: Callable[..., Result], path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    args = [arg for arg in shlex.split(examples(ugbench, path)[0])[1:] if arg != "--json"]
    given = parse([*args, *COMMON], capsys)
    assert given["as_json"] is True


@pytest.mark.parametrize("path", [(), ("data",), *PATHS], ids=" ".join)
def test_no_option_shows_a_bare_type(ugbench: Callable[..., Result], path: tuple[str, ...]) -> None:
    shown = ugbench(*path, "--help").stdout
    assert re.findall(r"--[\w-]+ +(?:-h +)?(?:<[a-z ]+>|(?:TEXT|PATH|INTEGER|FLOAT)\b)", shown) == []


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command = dict(leaves(typer.main.get_command(app)))[path]
    silent = [parameter.name for parameter in command.params if not parameter.hidden and not parameter.help]
    assert silent == []
