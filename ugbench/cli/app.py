"""The command line `ugbench`: the list of its commands, and how errors become one sentence."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TextIO

import typer

from ugbench.cli import data, runs, weights
from ugbench.cli.ablate import ablate
from ugbench.cli.bench import bench
from ugbench.cli.check_contract import check_method, check_metric
from ugbench.cli.command import Group, add_command
from ugbench.cli.compare import compare
from ugbench.cli.demo import demo
from ugbench.cli.differences import differences
from ugbench.cli.doctor import doctor
from ugbench.cli.eval import evaluate
from ugbench.cli.export import export
from ugbench.cli.features import features
from ugbench.cli.figure import figure
from ugbench.cli.import_ import import_
from ugbench.cli.meeting import complain, end_with_own_code, first_rank_prints, rank_of_error
from ugbench.cli.methods import methods
from ugbench.cli.neighbours import neighbours
from ugbench.cli.output import LastingStream, show_messages
from ugbench.cli.report import report
from ugbench.cli.table import table
from ugbench.cli.train import train
from ugbench.cli.translate import translate
from ugbench.cli.variants import variants
from ugbench.cli.vote import vote
from ugbench.errors import RankError, UgbenchError
from ugbench.file_names import make_streams_readable
from ugbench.version import VERSION
from ugbench.visible import visible

# The system refuses: a person can fix that and needs no traceback.
REFUSALS = {
    **dict.fromkeys((errno.EDQUOT, errno.EFBIG, errno.ENOSPC), "free space on its disk, or name another folder"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "change the permissions, or name another folder"),
    errno.EIO: "check the disk or the terminal, or name another folder",
    errno.EMFILE: "close other programs, or raise the limit of open files (ulimit -n)",
}
# A path is of the wrong kind: a file where a folder is needed, or a folder where a file is needed.
MISFITS = (errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)


class Root(Group):
    """The root command. An error becomes one sentence on stderr and an exit code of 1, 2 or 75."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; a bug of the program itself ends with its traceback."""
        extra["standalone_mode"] = False
        make_streams_readable()
        show_messages()
        try:
            code = super().main(*args, **extra)
            sys.stdout.flush()
        except RankError as error:
            if not error.is_said:
                complain(f"error: {visible(str(error))}")
            fail("", error.exit_code)
        except UgbenchError as error:
            fail(str(error), error.exit_code)
        except typer.TyperException as error:
            fail(usage_sentence(error), error.exit_code)
        except (KeyboardInterrupt, typer.Abort):
            fail("interrupted.", 1)
        except BrokenPipeError:
            # The reader of our output has gone; the flush at exit must not complain about that.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except Exception as error:
            sentence = system_sentence(error)
            if sentence is None:
                raise
            complain(f"error: {visible(rank_of_error() + sentence)}")
            fail("", 1)
        if code == 130:  # typer's own answer to an interrupt
            fail("interrupted.", 1)
        sys.exit(code if isinstance(code, int) else 0)


def _is_broken(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return True
    return False


def fail(sentence: str, code: int) -> NoReturn:
    """Print the sentence, if it is not empty, as an error, and exit with this code."""
    end_with_own_code()
    if sentence:
        print(f"error: {visible(sentence)}", file=sys.stderr)
    # What stdout could not take is still in its buffer, and the flush at exit must not complain about it as well.
    stdout = sys.__stdout__
    if stdout is not None and sys.stdout is stdout and _is_broken(stdout):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    sys.exit(code)


def usage_sentence(error: typer.TyperException) -> str:
    """One sentence about a wrong call, with the help to read; empty where the help was printed instead."""
    command = getattr(getattr(error, "ctx", None), "command", None)
    if command is not None and getattr(error, "possibilities", None):
        hidden = {name for param in command.params if getattr(param, "hidden", False) for name in param.opts}
        error.possibilities = [name for name in error.possibilities if name not in hidden]  # type: ignore[attr-defined]
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    # pydantic's message says which values it takes, but not which value it got.
    faults = getattr(error.__cause__, "errors", None)
    given = None if faults is None else repr(faults()[0]["input"])
    if message and given is not None and given not in message:
        message += f", and {given} was given"
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    link = " See" if message.endswith("?") else "; see"
    return f"{message[0].lower()}{message[1:]}{link} `{context.command_path} --help`."


def system_sentence(error: Exception) -> str | None:
    """One sentence for an error of the system and not of the program: disk, rights or memory; else None."""
    if isinstance(error, OSError) and error.errno in REFUSALS:
        where = error.filename or "the disk"
        return f"{where}: {error.strerror}; {REFUSALS[error.errno]}."
    if isinstance(error, OSError) and error.errno in MISFITS and error.filename:
        return f"{error.filename}: {error.strerror}; name another file or folder."
    # torch's own class, and what its allocator says on a CPU; importing torch for this would cost seconds.
    if type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error):
        return "memory ran out; lower --batch-size or --size, or take another --device."
    return None


app = typer.Typer(
    name="ugbench",
    cls=Root,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"ugbench {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train, translate with, score and compare unpaired image-to-image translators.

    \b
    Examples:
      ugbench train ugatit --dataset dial --preset smoke
      ugbench eval --metric changed,unchanged,iou
      ugbench table
    """


COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "train": train,
    "translate": translate,
    "eval": evaluate,
    "features": features,
    "export": export,
    "table": table,
    "vote": vote,
    "differences": differences,
    "neighbours": neighbours,
    "figure": figure,
    "report": report,
    "compare": compare,
    "ablate": ablate,
    "import": import_,
    "bench": bench,
    "methods": methods,
    "variants": variants,
    "check-method": check_method,
    "check-metric": check_metric,
}
# `ugbench --help` lists them in this order.
for command_name, function in COMMANDS.items():
    add_command(app, command_name, function)
app.add_typer(runs.app, name="runs")
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
add_command(app, "doctor", doctor)


def _on_error_in_thread(arguments: threading.ExceptHookArgs) -> None:
    # The thread that writes for TensorBoard raises an error of the disk here and once more in the main thread, which
    # makes a sentence of it.
    if not issubclass(arguments.exc_type, OSError):
        threading.__excepthook__(arguments)


def main() -> None:
    """The console script `ugbench`."""
    if sys.getfilesystemencoding() != "utf-8":
        # In a C locale without UTF-8 mode. There the names that runs have stored would be other names.
        os.execv(sys.executable, [sys.executable, "-X", "utf8=1", *sys.orig_argv[1:]])
    threading.excepthook = _on_error_in_thread
    sys.stderr = LastingStream(sys.stderr)
    with first_rank_prints():
        app(prog_name="ugbench")
