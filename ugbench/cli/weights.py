"""`ugbench weights …`: files of weights of the networks that scores are computed with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ugbench.cli.command import Group, add_command
from ugbench.cli.network_files import approximate_bytes, fetch, size_text
from ugbench.cli.options import Json
from ugbench.cli.output import log, print_json, print_result
from ugbench.errors import UnknownName, UsageError, WeightsError

if TYPE_CHECKING:
    from ugbench.scoring.networks.sources import WeightSource

NAME_HELP = "A network; `ugbench weights list` names them."

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, download and find the weights of the networks that scores are computed with.",
)


def list_(as_json: Json = False) -> None:
    """List the networks: the file that was found for each, and where it can be downloaded.

    Files are found in the folder that UGBENCH_WEIGHTS names, in the cache of `ugbench weights get`, and in torch's
    cache.

    \b
    Examples:
      ugbench weights list
      ugbench weights list --json
    """
    from ugbench.scoring.networks.search import search
    from ugbench.scoring.networks.sources import all_sources

    sources, problems = all_sources()
    files = search(list(sources), log)
    content = [_record(name, source, files.get(name)) for name, source in sources.items()]
    rows = [(name, files.get(name), *_published(source)) for name, source in sources.items()]
    print_result(as_json, content, ("network", "file here", "download", "from"), rows)
    for problem in problems:
        log(problem)


def get(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help=NAME_HELP)],
    as_json: Json = False,
) -> None:
    """Download files of weights into the cache, unless they are found somewhere already.

    The command is the consent: it asks nothing. A file is checked before it gets its name: its SHA-256, as far as the
    publisher tells it, and its length.

    \b
    Examples:
      ugbench weights get inception
      ugbench weights get alexnet vgg --json
    """
    from ugbench.scoring.networks.search import search

    sources = {name: _source(name) for name in dict.fromkeys(names)}
    for name, source in sources.items():
        if source.download is None:
            raise UsageError(
                f"no address is known for '{name}'; give --weights {name}=FILE to the command that needs it "
                f"({source.takes})."
            )
    files = search(list(sources), log)
    content = []
    for name, source in sources.items():
        assert source.download is not None
        status = "found" if name in files else "downloaded"
        path = files[name] if name in files else fetch(source.download)
        log(f"{name}: {'is there already' if status == 'found' else 'downloaded'}, {path}")
        content.append({**_record(name, source, path), "status": status})
    if as_json:
        print_json(content)


def path(name: Annotated[str, typer.Argument(metavar="NAME", help=NAME_HELP)], as_json: Json = False) -> None:
    """Print the path of the file that commands use if --weights names none.

    \b
    Examples:
      ugbench weights path inception
      ugbench weights path alexnet --json
    """
    from ugbench.scoring.networks.search import search

    source = _source(name)
    file = search([name], log).get(name)
    if file is None:
        get_it = f"run `ugbench weights get {name}`, or " if source.download is not None else ""
        raise WeightsError(f"the weights of '{name}' were not found; {get_it}give --weights {name}=FILE.")
    if as_json:
        print_json(_record(name, source, file))
    else:
        print(file)


add_command(app, "list", list_)
add_command(app, "get", get)
add_command(app, "path", path)


def _source(name: str) -> WeightSource:
    """The source of a network.

    Raises:
        UnknownName: there is no such network.
        UsageError: it is an extractor that needs no file.
    """
    from ugbench import registry
    from ugbench.scoring.networks.sources import DISTANCES, find_source

    known = {*registry.modules("extractors"), *DISTANCES}
    if name not in known:
        raise UnknownName("network", name, known)
    source = find_source(name)
    if source is None:
        raise UsageError(f"{name}: this extractor needs no file of weights.")
    return source


def _published(source: WeightSource) -> tuple[str | None, str]:
    """The size and the address of the file to download."""
    if source.download is None:
        return None, source.takes
    return size_text(source.download), source.download.address


def _record(name: str, source: WeightSource, file: Path | None) -> dict[str, Any]:
    """The fields of one network that --json prints; what is not known is null."""
    remote = source.download
    return {
        "name": name,
        "takes": source.takes,
        "file": file,
        "address": None if remote is None else remote.address,
        "published_name": None if remote is None else remote.name,
        "size_bytes": None if remote is None else remote.size,
        "approximate_bytes": None if remote is None else approximate_bytes(remote),
        "sha256_begins": None if remote is None else remote.sha256 or None,
    }
