"""`ugbench vote`: a page on which people choose among methods' outputs."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import DataRoot, Json, Results
from ugbench.cli.output import print_json, progress_callback, say
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.direction import Direction
    from ugbench.votes.server.pictures import PollPictures

QUESTION = "Which version is the best translation of the picture?"


def vote(
    methods: Annotated[
        list[str], typer.Option("--methods", metavar="A,B,…", help="Names of rows in tables, finished and scored.")
    ],
    dataset: Annotated[str, typer.Option("--dataset", metavar="DATA", help="Whose test images; as `train` takes it.")],
    direction: Annotated[
        Literal["A2B", "B2A"] | None,
        typer.Option("--direction", help="Which way; default: each that all have."),
    ] = None,
    questions: Annotated[
        int | None,
        typer.Option("--questions", metavar="N", min=1, help="So many a rater, drawn at random; default: all."),
    ] = None,
    text: Annotated[str, typer.Option("--ask", metavar="QUESTION", help="What raters are asked.")] = QUESTION,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the orders of questions and versions.")] = 0,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: any that is free.")] = 8000,
    with_token: Annotated[
        bool, typer.Option("--token", help="A token in the link on this machine's own address too, as for a proxy.")
    ] = False,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Serve a page on which raters choose among methods' outputs without knowing whose they are. Ctrl-C ends it.

    Of several seeds of a method the lowest stands for it. Every vote is kept at once, in
    RESULTS/DATA/votes.sqlite; the same call goes on with it, and `ugbench table --votes` counts.

    \b
    Examples:
      ugbench vote --methods ugatit,cyclegan --dataset cat2dog --direction A2B
      ugbench vote --methods ugatit,ugatit-no-cam --dataset dial --questions 30 --host 0.0.0.0 --port 0
    """
    import uvicorn

    from ugbench.training.signals import stop_on_signals
    from ugbench.votes.server.app import Questionnaire, make_app
    from ugbench.votes.server.ballot import derive_key
    from ugbench.votes.server.guard import LOOPBACK
    from ugbench.votes.store import FILE, VoteStore

    if not text.strip():
        raise UsageError(f"--ask '{text}': that asks raters nothing; give a question, or leave --ask out.")
    galleries, folder = open_galleries(options.split_list(methods, "--methods"), dataset, direction, results, data_root)
    study = Questionnaire({gallery.poll: gallery for gallery in galleries}, text, seed, questions)
    listener = listen(host, port)
    store = VoteStore(folder / FILE)
    try:
        for poll in study.polls:
            store.add_poll(poll)
        token = None if host in LOOPBACK and not with_token else derive_key(store.secret, "link")
        url = link(host, listener.getsockname()[1], token)
        kept = {"votes": store.path, "polls": [poll.id for poll in study.polls], "questions": study.questions_per_rater}
        if as_json:
            print_json({"url": url, **kept})
        else:
            print(url)
        sys.stdout.flush()
        say(f"{study.questions_per_rater} questions a rater; votes are kept in {store.path}. Ctrl-C ends this.")
        config = uvicorn.Config(
            make_app(study, store, say, token),
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        # uvicorn ends on a signal and then raises it again: for this to be an end like any other, it is caught.
        with stop_on_signals():
            uvicorn.Server(config).run(sockets=[listener])
        say(f"ended; {store.count(study.polls)} votes so far, in {store.path}")
    finally:
        store.close()
        listener.close()


def open_galleries(
    methods: list[str], dataset: str, direction: Direction | None, results: Path, data_root: Path
) -> tuple[list[PollPictures], Path]:
    """The polls of these methods with their pictures, and the data set's folder under results.

    Says which run stands for which method.
    """
    from ugbench.data.dataset_names import resolve
    from ugbench.direction import DIRECTIONS
    from ugbench.runs.filters import nothing
    from ugbench.runs.run import dataset_folder, list_runs
    from ugbench.votes.server.candidates import candidate_runs
    from ugbench.votes.server.pictures import prepare_pictures

    with progress_callback("drawing") as tick:
        data = resolve(dataset, data_root, tick)
    folder = dataset_folder(results, data, make=False)
    runs = [run for run in list_runs(results) if run.path.parent.parent == folder]
    if not results.is_dir():
        raise nothing(results, "runs", "train or import some")
    if not runs:
        raise UsageError(f"--dataset {dataset}: no runs of it under {results}; train or import some.")
    standing = candidate_runs(methods, runs, DIRECTIONS if direction is None else (direction,))
    galleries = [prepare_pictures(own, data, folder.name, way) for way, own in standing.items()]
    for gallery in galleries:
        poll = gallery.poll
        for one in poll.candidates:
            seed = "" if one.seed is None else f", seed {one.seed}"
            step = "" if one.step is None else f", step {one.step}"
            say(f"{poll.direction}: {one.label} is run {one.run}{seed}{step}")
    return galleries, folder


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: the port is taken or closed to us, or the address is none of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        mend = "0.0.0.0 is every address of this machine" if elsewhere else "--port 0 takes a free port"
        raise UsageError(f"--host {host} --port {port}: cannot listen there ({error.strerror}); {mend}.") from None


def link(host: str, port: int, token: str | None) -> str:
    """What raters open: with the token where there is one, and this machine's name where it listens everywhere."""
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"{token}/" if token else "")
