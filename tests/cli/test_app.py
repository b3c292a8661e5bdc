"""What becomes of errors, and what the start of the command line costs."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner, Result

from ugbench.cli.app import Root
from ugbench.errors import DataError, NonFiniteLoss, Stopped, UnknownName

Run = Callable[..., Result]


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def outcome(error: BaseException | None) -> Result:
    """The result of a command that raises `error`."""
    app = typer.Typer(cls=Root, pretty_exceptions_enable=False)

    @app.callback()
    def root() -> None: ...

    @app.command()
    def work() -> None:
        if error is not None:
            raise error

    return CliRunner().invoke(app, ["work"], prog_name="ugbench")


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (None, 0, ""),
        (DataError("a.png is empty; remove it."), 2, "error: a.png is empty; remove it.\n"),
        (
            UnknownName("method", "cyclegn", ["cyclegan"]),
            2,
            "error: no method is called 'cyclegn'; did you mean 'cyclegan'? Known: cyclegan.\n",
        ),
        (NonFiniteLoss("cycle is NaN at step 3."), 1, "error: cycle is NaN at step 3.\n"),
        (Stopped("stopped at step 7; run it again."), 75, "error: stopped at step 7; run it again.\n"),
        (KeyboardInterrupt(), 1, "error: interrupted.\n"),
        (typer.Exit(0), 0, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "/full/x"),
            1,
            "error: /full/x: No space left on device; free space on its disk, or name another folder.\n",
        ),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/file/x.png"),
            1,
            "error: a/file/x.png: Not a directory; name another file or folder.\n",
        ),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "results"),
            1,
            "error: results: Is a directory; name another file or folder.\n",
        ),
        (
            OutOfMemoryError("CUDA out of memory. Tried …"),
            1,
            "error: memory ran out; lower --batch-size or --size, or take another --device.\n",
        ),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(error: BaseException | None, code: int, stderr: str) -> None:
    result = outcome(error)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", stderr)


@pytest.mark.parametrize("error", [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "a bug", "x")])
def test_a_fault_of_the_program_keeps_its_traceback(error: Exception) -> None:
    assert outcome(error).exception is error


@pytest.mark.parametrize(
    ("args", "stderr"),
    [
        (["metods"], "error: no such command 'metods'. Did you mean 'methods'? See `ugbench --help`.\n"),
        (["data", "lst"], "error: no such command 'lst'. Did you mean 'list'? See `ugbench data --help`.\n"),
        (
            ["methods", "--jsn"],
            "error: no such option: --jsn (Possible options: --json); see `ugbench methods --help`.\n",
        ),
        (["variants"], "error: missing argument 'METHOD'; see `ugbench variants --help`.\n"),
        (
            ["doctor", "--dataset", "cats"],
            "error: no such option: --dataset (Possible options: --data-root); see `ugbench doctor --help`.\n",
        ),
        (
            ["figure", "rho", "--rows", "0"],
            "error: invalid value for '--rows': Input should be greater than or equal to 1, and '0' was given; "
            "see `ugbench figure --help`.\n",
        ),
        (
            ["table", "--metric", " ,"],
            "error: --metric ' ,': no name is in that; give one or more, with commas between.\n",
        ),
    ],
)
def test_a_wrong_call_names_what_is_near_and_exits_2(ugbench: Run, args: list[str], stderr: str) -> None:
    result = ugbench(*args)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", stderr)


def test_a_wrong_choice_names_the_choices(ugbench: Run) -> None:
    result = ugbench("train", "ugatit", "--dataset", "dial", "--precision", "fp8")
    assert result.exit_code == 2
    assert "'--precision'" in result.stderr
    assert all(name in result.stderr for name in ("'auto'", "'fp32'", "'bf16'", "'fp16'"))


def test_without_arguments_the_help_is_shown(ugbench: Run) -> None:
    result = ugbench()
    assert "Usage: ugbench" in result.stdout
    assert "doctor" in result.stdout
    assert (result.exit_code, result.stderr) == (2, "")


def test_the_version_is_the_distributions(ugbench: Run) -> None:
    assert ugbench("--version").stdout == f"ugbench {version('ugbench')}\n"


@pytest.mark.parametrize("word", ["--help", "methods"])
def test_a_reader_that_goes_away_is_no_error_to_read_about(word: str) -> None:
    command = [sys.executable, "-c", "from ugbench.cli.app import main; main()", word]
    # Buffered, as output to a pipe is: then the pipe breaks at the last flush, not at a print.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1
