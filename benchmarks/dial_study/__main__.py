"""The command line of the dial study: `python -m benchmarks.dial_study COMMAND`."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.dial_study import rho_records, training
from benchmarks.dial_study.channels import agreement
from benchmarks.dial_study.design import SEEDS, check_overrides, study_fields
from benchmarks.dial_study.exploratory import summary
from benchmarks.dial_study.figure import draw
from benchmarks.dial_study.measurements import MEANS_HEADER, Measurements, gather, means
from benchmarks.dial_study.pulls import simulate
from benchmarks.dial_study.rho_records import RhoRecord
from benchmarks.dial_study.sentences import sentences
from benchmarks.dial_study.verdict import judge
from ugbench.cli.output import print_rows
from ugbench.errors import Stopped, UgbenchError
from ugbench.figures._context import save
from ugbench.runs.filters import nothing_found
from ugbench.runs.run import list_runs
from ugbench.scoring import record

Options = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = _parser()
    options, compare_options = parser.parse_known_args(arguments)
    if compare_options and options.command is not run:
        parser.error(f"unrecognized arguments: {' '.join(compare_options)}")
    options.compare_options = compare_options
    try:
        return int(options.command(options))
    except UgbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def run(options: Options) -> int:
    """Train and score what is missing, then print the table, the means and the verdict."""
    check_overrides([field.partition("=")[0] for text in options.set for field in text.split(",")])
    fields = study_fields(options.dataset, options.variants, options.size)
    overrides = [word for text in options.set for word in ("--set", text)]
    compare_options = ["--results", str(options.results), *overrides, *options.compare_options]
    with tempfile.TemporaryDirectory() as folder:
        command = training.compare_command(fields, Path(folder), compare_options)
        as_json = ["--json"] if options.json else []
        if options.dry_run:
            return training.call([*command, "--dry-run", *as_json])[0]
        status, planned = training.planned_runs(command)
        if not planned:
            return status
        status, printed = training.call([*command, *as_json], capture=options.json)
    ids = {planned_run["id"] for planned_run in planned}
    done = [trained for trained in list_runs(options.results) if trained.id in ids and trained.is_done()]
    if status == Stopped.exit_code or not done:
        return status
    rhos = rho_records.store(done)
    scores = [score for score in record.read_all(options.results) if score.run in ids]
    measurements = gather(rhos, scores, {planned_run["seed"] for planned_run in planned})
    _print_verdict(measurements, rhos, json.loads(printed) if options.json else None)
    return status


def verdict(options: Options) -> int:
    """Print the means and the verdict on the records under --results; nothing is trained or scored."""
    rhos = rho_records.read_all(options.results)
    if not rhos:
        raise nothing_found(options.results, rho_records.FILE, "`python -m benchmarks.dial_study run` makes them")
    measurements = gather(rhos, record.read_all(options.results), SEEDS)
    _print_verdict(measurements, rhos, {} if options.json else None)
    return 0


def figure(options: Options) -> int:
    """Draw the figure of the page: where rho ended, and the error that each arm left."""
    save(draw(options.results, options.dataset), options.output)
    print(f"written to {options.output}", file=sys.stderr)
    return 0


def explore(options: Options) -> int:
    """Print the differences that the plan makes no claim from, as JSON."""
    return _print_json(summary(options.results))


def channels(options: Options) -> int:
    """Print whether the runs of a seed agree channel by channel, as JSON; needs the runs."""
    return _print_json(agreement(options.results))


def pulls(options: Options) -> int:
    """Simulate how strong a pull on rho the study could see, and print it as JSON."""
    return _print_json(simulate(options.pulls, options.rate, options.steps, options.channels))


def _print_verdict(measurements: Measurements, rhos: Iterable[RhoRecord], content: dict[str, Any] | None) -> None:
    """The means and the verdict; as JSON, added to `content`, if there is one."""
    judged = judge(measurements)
    lines = sentences(judged)
    if content is not None:
        adaptation = {**judged.to_json(), "text": lines}
        _print_json({**content, "rho": [record.model_dump() for record in rhos], "adaptation": adaptation})
        return
    print_rows(MEANS_HEADER, means(measurements))
    for line in lines:
        print(line)


def _print_json(content: Any) -> int:
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dial_study", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(command: Callable[[Options], int], results: str | None = None) -> argparse.ArgumentParser:
        """A command named as its function; with --results if there is a help text for it."""
        added = commands.add_parser(
            command.__name__, help=command.__doc__, description=command.__doc__, allow_abbrev=False
        )
        added.set_defaults(command=command)
        if results is not None:
            added.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help=results)
        return added

    run_parser = add(run, "Folder of runs and scores.")
    run_parser.epilog = "Other options are those of `ugbench compare`, such as --jobs, --seeds, --steps or --data-root."
    run_parser.add_argument("--dataset", default="dial", metavar="dial:…", help="The dial to set shape and texture of.")
    run_parser.add_argument("--variants", type=_words, default=[], metavar="A,B", help="Variants to add to the arms.")
    run_parser.add_argument("--size", type=int, metavar="N", help="Image size, px; default: 32.")
    run_parser.add_argument(
        "--set", action="append", default=[], metavar="ugatit.KEY=VALUE", help="A field of its config."
    )
    run_parser.add_argument("--dry-run", action="store_true", help="Print the plan and train nothing; dials are drawn.")
    run_parser.add_argument("--json", action="store_true", help="Print JSON on stdout.")
    add(verdict, "Folder of rho.jsonl and scores.jsonl files.").add_argument(
        "--json", action="store_true", help="Print JSON on stdout."
    )
    drawing = add(figure, "Folder of rho.jsonl and scores.jsonl files.")
    drawing.add_argument("--output", type=Path, default=Path("dial.png"), metavar="FILE", help="PNG or PDF.")
    drawing.add_argument("--dataset", metavar="NAME", help="Draw this data set only.")
    add(explore, "Folder of rho.jsonl and scores.jsonl files.")
    add(channels, "Folder of runs.")
    simulation = add(pulls)
    simulation.add_argument("--rate", type=float, default=100.0, help="Of rho, as a factor of the networks' rate.")
    simulation.add_argument("--steps", type=int, default=1000, metavar="N", help="Training steps.")
    simulation.add_argument("--pulls", type=_numbers, default=[0, 0.02, 0.05, 0.1, 0.2], metavar="P,Q", help="Pulls.")
    simulation.add_argument("--channels", type=int, default=20_000, metavar="N", help="Channels to simulate.")
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
