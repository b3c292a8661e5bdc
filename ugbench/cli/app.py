"""The command line `ugbench`: its commands, a line each, and what becomes of their errors."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any, NoReturn

import typer

from ugbench import __version__
from ugbench.cli import (
    bench,
    compare,
    data,
    demo,
    differences,
    doctor,
    evaluate,
    export,
    figure,
    import_,
    methods,
    neighbours,
    report,
    runs,
    table,
    train,
    translate,
    variants,
    vote,
)
from ugbench.cli.command import Command, Group
from ugbench.cli.options import takes_common
from ugbench.errors import UgbenchError

# The machine refuses: a person can mend that and needs no traceback.
REFUSALS = (errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENOSPC, errno.EPERM, errno.EROFS)
# A path cannot be what it is named for: a file where a folder is needed, or the other way round.
MISFITS = (errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)


class Root(Group):
    """The root command: an error becomes one sentence on stderr and an exit code of 1, 2 or 75."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; a fault of the program itself leaves with its traceback."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
            sys.stdout.flush()
        except UgbenchError as error:
            fail(str(error), error.exit_code)
        except typer.TyperException as error:
            fail(usage_sentence(error), error.exit_code)
        except (KeyboardInterrupt, typer.Abort):
            fail("interrupted.", 1)
        except BrokenPipeError:
            # Whoever read our output has gone; the flush at exit must not complain about that.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except Exception as error:
            sentence = machine_sentence(error)
            if sentence is None:
                raise
            fail(sentence, 1)
        if code == 130:  # typer's own answer to an interrupt
            fail("interrupted.", 1)
        sys.exit(code if isinstance(code, int) else 0)


def fail(sentence: str, code: int) -> NoReturn:
    """Say what is wrong, if there is something to say, and exit."""
    if sentence:
        print(f"error: {sentence}", file=sys.stderr)
    sys.exit(code)


def usage_sentence(error: typer.TyperException) -> str:
    """One sentence of a wrong call, with where to read on; empty where the help was printed instead."""
    command = getattr(getattr(error, "ctx", None), "command", None)
    if command is not None and getattr(error, "possibilities", None):
        unread = {name for one in command.params if getattr(one, "hidden", False) for name in one.opts}
        error.possibilities = [name for name in error.possibilities if name not in unread]  # type: ignore[attr-defined]
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    faults = getattr(error.__cause__, "errors", None)  # pydantic's, which says what it would take and not what it got
    given = None if faults is None else repr(faults()[0]["input"])
    if message and given is not None and given not in message:
        message += f", and {given} was given"
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    link = " See" if message.endswith("?") else "; see"
    return f"{message[0].lower()}{message[1:]}{link} `{context.command_path} --help`."


def machine_sentence(error: Exception) -> str | None:
    """One sentence where the machine, not the program, is at its end: disk, rights, memory."""
    if isinstance(error, OSError) and error.errno in REFUSALS:
        where = error.filename or "the disk"
        return f"{where}: {error.strerror}; make room or name another folder."
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
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ugbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Train, translate with, score and compare unpaired image-to-image translators.

    \b
    Examples:
      ugbench train ugatit --dataset dial --preset smoke
      ugbench eval --metric changed,unchanged,iou
      ugbench table
    """


app.command("demo", cls=Command)(takes_common(demo.demo))
app.command("train", cls=Command)(takes_common(train.train))
app.command("translate", cls=Command)(takes_common(translate.translate))
app.command("eval", cls=Command)(takes_common(evaluate.evaluate))
app.command("export", cls=Command)(takes_common(export.export))
app.command("table", cls=Command)(takes_common(table.table))
app.command("vote", cls=Command)(takes_common(vote.vote))
app.command("differences", cls=Command)(takes_common(differences.differences))
app.command("neighbours", cls=Command)(takes_common(neighbours.neighbours))
app.command("figure", cls=Command)(takes_common(figure.figure))
app.command("report", cls=Command)(takes_common(report.report))
app.command("compare", cls=Command)(takes_common(compare.compare))
app.command("ablate", cls=Command)(takes_common(compare.ablate))
app.command("import", cls=Command)(takes_common(import_.import_))
app.command("bench", cls=Command)(takes_common(bench.bench))
app.command("methods", cls=Command)(takes_common(methods.methods))
app.command("variants", cls=Command)(takes_common(variants.variants))
app.command("runs", cls=Command)(takes_common(runs.runs))
app.add_typer(data.app, name="data")
app.command("doctor", cls=Command)(takes_common(doctor.doctor))


def main() -> None:
    """The console script `ugbench`."""
    app(prog_name="ugbench")
