"""The completion of shells: the command prints its script, and completes commands and names of methods."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ugbench import registry


def ugbench(*words: str, **environment: str) -> str:
    """What `ugbench WORDS` prints in a process of its own, with these variables of a shell."""
    command = [sys.executable, "-c", "from ugbench.cli.app import main; main()", *words]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("shell", "part"),
    [
        ("bash", "complete -o default -F _ugbench_completion ugbench"),
        ("zsh", "#compdef ugbench"),
        ("fish", "complete "),
    ],
)
def test_the_command_prints_the_script_of_a_shell(shell: str, part: str) -> None:
    assert part in ugbench(_UGBENCH_COMPLETE=f"source_{shell}")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ugbench train u", ["ugatit", "unit"]),
        ("ugbench check-method cy", ["cyclegan"]),
        ("ugbench ablate ug", ["ugatit"]),
        ("ugbench check-metric ki", ["kid", "kid_mixed"]),
        ("ugbench check-", ["check-method", "check-metric"]),
    ],
)
def test_commands_and_names_are_completed(words: str, names: list[str]) -> None:
    last = str(len(words.split()) - 1)
    assert ugbench(_UGBENCH_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=last).split() == names


def test_every_method_is_offered() -> None:
    shell = {"_UGBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "ugbench variants ", "COMP_CWORD": "2"}
    assert ugbench(**shell).split() == list(registry.modules("methods"))
