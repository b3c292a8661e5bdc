"""`ugbench vote`: serve a page on which people choose among the outputs of methods."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ugbench.cli.options import RESULTS, DataRoot, Json, Results
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import split_list
from ugbench.data.data_root import DATA_ROOT
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.extras import need_extra

if TYPE_CHECKING:
    from ugbench.votes.server.pictures import PollPictures

QUESTION = "Which version is the best translation of the picture?"


def vote(
    methods: Annotated[
        list[str], Option("--methods", metavar="A,B,…", help="Methods, as tables name them; their runs must be scored.")
    ],
    dataset: Annotated[
        str, Option("--dataset", metavar="NAME|DIR|dial…", help="The data set with the test images that are shown.")
    ],
    direction: Annotated[
        Direction | None, Option("--direction", help="Direction to show; default: each that all methods have.")
    ] = None,
    questions: Annotated[
        int | None,
        Option(
            "--questions", metavar="N", min=1, help="Number of questions for each rater, drawn at random; default: all."
        ),
    ] = None,
    text: Annotated[str, Option("--ask", metavar="QUESTION", help="The question that raters are asked.")] = QUESTION,
    seed: Annotated[
        int, Option("--seed", metavar="N", help="Seed of the random order of questions and of versions.")
    ] = 0,
    host: Annotated[
        str, Option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Option("--port", metavar="N", min=0, max=65535, help="Port to listen on; 0 takes any free port.")
    ] = 8000,
    raters: Annotated[
        int, Option("--raters", metavar="N", min=1, max=1000, help="Number of links to print, each for one rater.")
    ] = 10,
    _token: Annotated[bool, Option("--token", hidden=True)] = False,  # every link holds a secret now
    results: Results = RESULTS,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Serve a page on which raters choose among outputs without knowing which method made them. Ctrl-C ends it.

    If a method has runs of several seeds, the lowest seed is shown. Every vote is stored at once, in
    RESULTS/DATA/votes.sqlite; the same call goes on with it, and `ugbench table --votes` counts the votes.

    Each printed link is for one rater: it belongs to the browser that starts with it. The same call prints the same
    links again, and a larger --raters prints more.

    \b
    Examples:
      ugbench vote --methods ugatit,cyclegan --dataset cat2dog --direction A2B
      ugbench vote --methods ugatit,ugatit-no-cam --dataset dial --questions 30 --host 0.0.0.0 --port 0
    """
    need_extra("votes", ("fastapi", "uvicorn"), "`ugbench vote`")
    import uvicorn

    from ugbench.runs.folder import VOTES
    from ugbench.training.signals import stop_on_signals
    from ugbench.votes.server.app import Questionnaire, make_app
    from ugbench.votes.server.connections import LimitedConnection
    from ugbench.votes.server.links import describe_raters, make_links, rater_of_link
    from ugbench.votes.store import VoteStore

    if not text.strip():
        raise UsageError(f"--ask '{text}': that asks raters nothing; give a question, or leave --ask out.")
    galleries, folder = open_galleries(split_list(methods, "--methods"), dataset, direction, results, data_root)
    study = Questionnaire({gallery.poll: gallery for gallery in galleries}, text, seed, questions)
    listener = listen(host, port)
    store = VoteStore(folder / VOTES)
    try:
        for poll in study.polls:
            store.add_poll(poll)
        keys = make_links(store.secret, raters)
        urls = [link(host, listener.getsockname()[1], key) for key in keys]
        stored = {"votes": store.path, "polls": [poll.id for poll in study.polls], "questions": study.question_count}
        if as_json:
            print_json({"url": urls[0], "links": urls, **stored})
        else:
            print("\n".join(urls))
        sys.stdout.flush()
        used = [str(number) for number, key in enumerate(keys, 1) if store.has_rater(rater_of_link(store.secret, key))]
        log(f"each link is for one rater; in use: {', '.join(used) or 'none'}.")
        log(f"{study.question_count} questions for each rater; votes are stored in {store.path}. Ctrl-C ends this.")
        config = uvicorn.Config(
            make_app(study, store, log, keys),
            http=LimitedConnection,
            ws="none",
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        # uvicorn ends on a signal and then raises it again; here it is caught, so that the command ends normally.
        with stop_on_signals(signal.SIGINT, signal.SIGTERM):
            uvicorn.Server(config).run(sockets=[listener])
        for line in describe_raters(store.raters(study.polls), store.secret, keys):
            log(line)
        log(f"ended; {store.count(study.polls)} votes so far, in {store.path}")
    finally:
        store.close()
        listener.close()


def open_galleries(
    methods: list[str], dataset: str, direction: Direction | None, results: Path, data_root: Path
) -> tuple[list[PollPictures], Path]:
    """The polls of these methods with their pictures, and the data set's folder under results.

    Logs which run stands for which method.
    """
    from ugbench.cli.chosen_runs import readable_runs
    from ugbench.data.dataset_names import resolve
    from ugbench.direction import DIRECTIONS
    from ugbench.runs.dataset_folder import dataset_folder
    from ugbench.runs.filters import nothing_found
    from ugbench.votes.server.candidates import candidate_runs
    from ugbench.votes.server.pictures import prepare_pictures

    with progress_callback("drawing") as progress:
        data = resolve(dataset, data_root, progress)
    folder = dataset_folder(results, data, make=False)
    runs = [run for run in readable_runs(results) if run.dataset_folder == folder]
    if not results.is_dir():
        raise nothing_found(results, "runs", "train or import some")
    if not runs:
        raise UsageError(f"--dataset {dataset}: no runs of it under {results}; train or import some.")
    standing = candidate_runs(methods, runs, DIRECTIONS if direction is None else (direction,))
    galleries = [prepare_pictures(chosen_runs, data, folder.name, way) for way, chosen_runs in standing.items()]
    for gallery in galleries:
        poll = gallery.poll
        for candidate in poll.candidates:
            seed = "" if candidate.seed is None else f", seed {candidate.seed}"
            step = "" if candidate.step is None else f", step {candidate.step}"
            log(f"{poll.direction}: {candidate.label} is run {candidate.run}{seed}{step}")
    return galleries, folder


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: the port is taken or not allowed, or the address does not belong to this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        fix = "give --host 0.0.0.0 for all addresses of this machine" if elsewhere else "give --port 0 for a free port"
        raise UsageError(f"--host {host} --port {port}: cannot listen there ({error.strerror}); {fix}.") from None


def link(host: str, port: int, key: str) -> str:
    """The link that a rater opens; it has the host's name if the server listens on all addresses."""
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/{key}/"
