"""A server that starts `ugbench` again and again without importing torch again: `processes.py` runs it.

It imports ugbench once, without running it. For each start it forks, and the fork runs `ugbench.cli.app.main` with the
words of the request as its command line: the function that the console script calls. So everything is as in a process
that was started from a shell, except that the imports are done before, and that the interpreter is not taken apart at
the end (which takes a second).

The requests and answers are JSON lines on stdin and stdout:

    {"start": [words], "stdout": file, "stderr": file, "cwd": folder, "env": {…}, "sabotage": name or null,
     "largest_file": bytes or null, "more_memory": bytes or null}             {"pid": number}
    {"poll": pid} or {"wait": pid}         {"code": number or null, "cpu_seconds": number, "peak_memory": bytes}
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sabotage

IMPORTED = (
    "pandas",
    "numpy.ctypeslib",
    "rich.live",
    "rich.progress",
    "rich.table",
    "scipy.stats",
    "torch._dynamo",
    "torch.utils.tensorboard",
    "ugbench.cli.app",
    "ugbench.progress.training",
    "ugbench.cli.study",
    "ugbench.data.check",
    "ugbench.data.acquire.importing",
    "ugbench.imports.checkpoint",
    "ugbench.inference.translate",
    "ugbench.metrics._intervals",
    "ugbench.report.html_page",
    "ugbench.scoring.evaluate",
    "ugbench.tables.build",
    "ugbench.training.prepare",
    "ugbench.training.loop",
)


def import_everything() -> None:
    """Import what most commands use, so that a fork does not have to; nothing of it is run."""
    import importlib

    from ugbench import registry

    for module in (*IMPORTED, *registry.modules("methods").values(), *registry.modules("metrics").values()):
        importlib.import_module(module)


def serve() -> dict[str, Any] | None:
    """Answer requests until stdin ends. Returns in the server with None, and in each fork with the fork's request."""
    running: set[int] = set()
    with _answers() as answer:
        for line in iter(sys.stdin.buffer.readline, b""):
            request = json.loads(line)
            if "start" in request:
                pid = os.fork()
                if pid == 0:
                    return request
                running.add(pid)
                answer({"pid": pid})
            else:
                pid = request.get("poll") or request["wait"]
                ended, status, usage = os.wait4(pid, os.WNOHANG if "poll" in request else 0)
                running.discard(ended)
                code = os.waitstatus_to_exitcode(status) if ended else None
                seconds = usage.ru_utime + usage.ru_stime
                answer({"code": code, "cpu_seconds": seconds, "peak_memory": usage.ru_maxrss * 1024})
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return None


@contextmanager
def _answers() -> Iterator[Any]:
    """A function that writes one answer; it writes where stdout was at the start."""
    with os.fdopen(os.dup(1), "w") as stream:

        def answer(content: dict[str, Any]) -> None:
            stream.write(json.dumps(content) + "\n")
            stream.flush()

        yield answer


def become_the_program(request: dict[str, Any]) -> None:
    """Make this fork what a new process of the request would be, and run the program."""
    for descriptor, file, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(file, flags, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    if request["sabotage"] is not None:
        sabotage.SABOTAGES[request["sabotage"]]()
    if request["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
    if request["more_memory"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory() + request["more_memory"],) * 2)
    sys.argv = ["ugbench", *request["start"]]
    from ugbench.cli.app import main

    code: object = 0
    try:
        main()
    except SystemExit as leave:
        code = leave.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # prints the traceback that the campaign looks for
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def memory() -> int:
    """The bytes of data that this process has, as RLIMIT_DATA counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))


if __name__ == "__main__":
    import_everything()
    gc.freeze()  # so that no fork copies the memory of what is imported
    print(json.dumps({"ready": os.getpid()}), flush=True)
    fork_request = serve()
    if fork_request is not None:
        become_the_program(fork_request)
