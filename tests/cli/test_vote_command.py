"""`ugbench vote` up to its server, and `ugbench table --votes` in every format."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import call
from typer.testing import Result

from ugbench.cli.vote import link, open_galleries
from ugbench.errors import DataError
from ugbench.runs.folder import VOTES
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Candidate, Poll
from ugbench.votes.store import VoteStore

Call = Callable[..., Result]
PAPER = ("cyclegan", "ugatit", "unit")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_voting_home: Callable[..., Path]) -> Path:
    """Two tools' outputs, and a method trained for a step with two seeds and scored."""
    folder = make_voting_home(tmp_path_factory.mktemp("home"), zebrafish=1, dugong=2)
    words = ["compare", "--methods", "cyclegan", "--dataset", folder / "data", "--seeds", "5,3", "--steps", "1"]
    words += ["--preset", "smoke", "--size", "32", "--set", "cyclegan.channels=4", "--metric", "kid"]
    words += ["--extractor", "random", "--results", folder / "results", "--device", "cpu", "--cache", folder / "cache"]
    call(*words)
    return folder


def test_the_lowest_seed_stands_for_a_method_and_that_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["zebrafish", "cyclegan", "dugong"]
    galleries, folder = open_galleries(methods, str(home / "data"), None, home / "results", home / "datasets")
    (poll,) = [gallery.poll for gallery in galleries]  # the tools have no outputs B2A
    assert (folder, poll.direction) == (home / "results" / "data", "A2B")
    assert [(candidate.label, candidate.seed, candidate.step) for candidate in poll.candidates] == [
        ("cyclegan", 3, 1),
        ("dugong", None, None),
        ("zebrafish", None, None),
    ]
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"A2B: cyclegan is run {poll.candidates[0].run}, seed 3, step 1"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--methods", "zebrafish"], "raters choose between at least two methods"),
        (["--methods", "zebrafish,dugon"], "no finished method is called 'dugon'; did you mean 'dugong'?"),
        (["--methods", "zebrafish,dugong", "--direction", "B2A"], "zebrafish has no B2A, dugong has no B2A"),
        (["--methods", "zebrafish,dugong", "--host", "192.0.2.1"], "--host 192.0.2.1 --port 8000: cannot listen there"),
        (
            ["--methods", "zebrafish,dugong", "--host", "192.0.2.1"],
            "; give --host 0.0.0.0 for all addresses of this machine.",
        ),
        (["--methods", "zebrafish,dugong", "--ask", " "], "--ask ' ': that asks raters nothing"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(ugbench: Call, home: Path, options: list[str], sentence: str) -> None:
    result = ugbench("vote", *options, "--dataset", home / "data", "--results", home / "results")
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert sentence in line


def test_a_taken_port_is_refused(ugbench: Call, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--methods", "zebrafish,dugong", "--dataset", home / "data", "--results", home / "results"]
        result = ugbench("vote", *words, "--port", port)
    assert result.exit_code == 2
    assert f"--port {port}: cannot listen there (Address already in use" in result.stderr


def test_a_data_set_without_runs_is_refused(ugbench: Call, home: Path, tmp_path: Path) -> None:
    result = ugbench("vote", "--methods", "a,b", "--dataset", home / "data", "--results", tmp_path)
    assert result.exit_code == 2
    assert "no runs of it under" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_does_not_decode_is_named_before_a_rater_meets_it(home: Path) -> None:
    file = sorted(home.glob("results/data/external/dugong-*/outputs/A2B/*.png"))[-1]
    kept = file.read_bytes()
    file.write_bytes(kept[: len(kept) // 2])
    try:  # not the command, which would serve if nothing refused
        with pytest.raises(DataError, match=file.name):
            open_galleries(["zebrafish", "dugong"], str(home / "data"), None, home / "results", home / "datasets")
    finally:
        file.write_bytes(kept)


def test_outputs_that_are_not_kept_are_named_with_the_mend(ugbench: Call, home: Path) -> None:
    (note,) = home.glob("results/data/cyclegan/seed3-*/outputs/A2B/outputs.json")
    kept = note.read_bytes()
    note.unlink()
    words = ["--methods", "zebrafish,cyclegan", "--dataset", home / "data", "--results", home / "results"]
    result = ugbench("vote", *words)
    note.write_bytes(kept)
    assert result.exit_code == 2
    assert "has no stored outputs A2B; run `ugbench eval" in result.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/abc/"),
        ("::1", "http://[::1]:80/abc/"),
        ("192.0.2.1", "http://192.0.2.1:80/abc/"),
        ("0.0.0.0", f"http://{socket.gethostname()}:80/abc/"),
    ],
)
def test_the_link_is_what_a_rater_opens(host: str, url: str) -> None:
    assert link(host, 80, "abc") == url


def poll(dataset: str, names: tuple[str, ...] = PAPER, pictures: str = "0", variant: str | None = None) -> Poll:
    candidates = tuple(Candidate(name, variant, None, f"run-{name}", 0, 100) for name in names)
    return Poll(dataset, "A2B", candidates, pictures * 64)


@pytest.fixture
def voted(tmp_path: Path) -> Path:
    """Results with 4 raters' votes on 10 images of cat2dog, of which rater r prefers ugatit on 5 + r."""
    keep(tmp_path, {poll("cat2dog"): [[1] * (5 + r) + [0] * (4 - r) + [2] for r in range(4)]})
    return tmp_path


def keep(results: Path, choices: dict[Poll, list[list[int]]]) -> None:
    for poll_asked, rows in choices.items():
        store = VoteStore(results / poll_asked.dataset / VOTES)
        store.add_poll(poll_asked)
        for r, row in enumerate(rows):
            if not store.has_rater(f"rater {r}"):
                store.add_rater(f"rater {r}", None)
            for i, choice in enumerate(row):
                store.vote(poll_asked.id, Vote(f"rater {r}", f"cat{i}", choice), (0, 1, 2))
        store.close()


def rows(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["method"]: row for row in table["rows"] if row["direction"] == "A2B"}


def test_json_has_raw_shares_intervals_and_agreement(ugbench: Call, voted: Path) -> None:
    table = json.loads(ugbench("table", "--votes", "--results", voted, "--json").stdout)
    shares = {method: row["votes"]["preference"] for method, row in rows(table).items()}
    assert {method: (one["value"], one["votes"]) for method, one in shares.items()} == {
        "cyclegan": (0.25, 10),
        "ugatit": (0.65, 26),
        "unit": (0.1, 4),
    }
    assert all(share["low"] < share["value"] < share["high"] for share in shares.values())
    head = table["votes"]["preference"]
    assert head["candidates"] == list(PAPER)
    (asked,) = head["polls"]
    assert (asked["votes"], asked["raters"], asked["images"]) == (40, 4, 10)
    assert asked["runs"]["ugatit"] == "run-ugatit"
    assert 0.5 < asked["alpha"] < 1
    assert asked["votes_of_one_rater"] == [10, 10]
    assert [(one["first"], one["second"], one["p"]) for one in asked["differences"]] == [
        ("cyclegan", "ugatit", None),
        ("cyclegan", "unit", None),
        ("ugatit", "unit", None),
    ]
    assert asked["differences"][0]["value"] == pytest.approx(0.25 - 0.65)
    (note,) = [note for note in table["notes"] if note.startswith("Tests of cat2dog A2B")]
    assert note.endswith("none; with fewer than 6 raters or images no exact test has a p-value under 0.05.")


def test_the_page_shows_what_the_command_prints(ugbench: Call) -> None:
    docs = Path(__file__).parents[2] / "docs"
    printed = ugbench("table", "--votes", "--results", docs / "reference" / "votes", "--format", "md").stdout
    _, shown = printed.strip().split("\n\n", 1)
    assert shown in (docs / "votes.md").read_text(encoding="utf-8")


def test_enough_raters_have_tests_between_methods(ugbench: Call, tmp_path: Path) -> None:
    rows_of_raters = [[1 if (r + 3 * i) % 10 < 9 else 2 * (r % 2) for i in range(20)] for r in range(12)]
    rows_of_raters.append([1, 1, 1])
    keep(tmp_path, {poll("cat2dog"): rows_of_raters})
    notes = json.loads(ugbench("table", "--votes", "--results", tmp_path, "--json").stdout)["notes"]
    (tests,) = [note for note in notes if note.startswith("Tests of cat2dog A2B")]
    assert "p after Holm over 3 pairs: ugatit preferred to cyclegan (p 0.0" in tests
    assert "no preference shown in 1 pair." in tests
    (counts,) = [note for note in notes if note.startswith("cat2dog A2B")]
    assert "3 to 20 votes of one rater" in counts


def test_readable_formats_show_percent_with_limits_and_the_paper_s_table_beside(ugbench: Call, voted: Path) -> None:
    common = ("table", "--votes", "--published", "table2", "--results", voted)
    shares = rows(json.loads(ugbench(*common, "--json").stdout))["ugatit"]["votes"]["preference"]
    text = f"65.0 [{100 * shares['low']:.1f}, {100 * shares['high']:.1f}]"
    terminal = ugbench(*common).stdout
    assert ["U-GAT-IT", *text.split(), "58.22"] in [line.split() for line in terminal.splitlines()]
    assert "DRIT" in terminal  # the paper's alone
    assert "4 raters on 10 images; alpha 0." in terminal
    escaped = text.replace("[", "\\[").replace("]", "\\]")
    assert f"| U-GAT-IT | {escaped} | 58.22 |" in ugbench(*common, "--format", "md").stdout
    number, interval = text.replace("[", "{[}").replace("]", "{]}").split(" ", 1)
    assert f"U-GAT-IT & {number}{{\\ {interval}}} & 58.22 \\\\" in ugbench(*common, "--format", "latex").stdout
    assert f"<td>{text}</td><td>58.22</td>" in ugbench(*common, "--format", "html").stdout
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(ugbench(*common, "--format", "csv").stdout))}
    assert (lines["ugatit"]["preference"], lines["ugatit"]["preference_raters"]) == ("0.65", "4")
    assert float(lines["ugatit"]["preference_low"]) == shares["low"]
    assert (lines["drit"]["preference"], lines["drit"]["published_table2"]) == ("", "0.0248")


def test_votes_stand_beside_scores_that_are_asked_for_and_alone_otherwise(ugbench: Call, home: Path) -> None:
    results = home / "results"
    keep(results, {poll("data", ("cyclegan", "dugong", "zebrafish")): [[0, 1, 1, 2]] * 3})
    both = json.loads(ugbench("table", "--votes", "--metric", "kid", "--results", results, "--json").stdout)
    assert set(rows(both)["cyclegan"]["cells"]) == {"kid"}
    assert rows(both)["cyclegan"]["votes"]["preference"]["value"] == 0.25
    alone = json.loads(ugbench("table", "--votes", "--results", results, "--json").stdout)
    assert [row["cells"] for row in alone["rows"]] == [{}, {}, {}]
    (results / "data" / VOTES).unlink()


def test_choices_among_other_methods_have_a_column_of_their_own(ugbench: Call, voted: Path) -> None:
    keep(voted, {poll("cat2dog", ("cut", "ugatit")): [[0, 1, 1]] * 2, poll("horse2zebra"): [[2, 1, 0]] * 2})
    table = json.loads(ugbench("table", "--votes", "--results", voted, "--json").stdout)
    two, three = sorted(table["votes"], key=lambda key: len(table["votes"][key]["candidates"]))
    assert two != three and table["votes"][two]["candidates"] == ["cut", "ugatit"]
    cats = {row["method"]: row["votes"] for row in table["rows"] if row["dataset"] == "cat2dog"}
    assert {key: poll["value"] for key, poll in cats["ugatit"].items()} == {two: 2 / 3, three: 0.65}
    assert set(cats["cut"]) == {two} and set(cats["unit"]) == {three}
    assert [poll["dataset"] for poll in table["votes"][three]["polls"]] == ["cat2dog", "horse2zebra"]
    only = json.loads(ugbench("table", "--votes", "--dataset", "horse2zebra", "--results", voted, "--json").stdout)
    assert {row["dataset"] for row in only["rows"]} == {"horse2zebra"} and set(only["votes"]) == {"preference"}


def test_votes_on_earlier_outputs_of_the_same_methods_are_left_out_and_said(ugbench: Call, voted: Path) -> None:
    keep(voted, {poll("cat2dog", pictures="1"): [[0, 0, 0, 1]]})
    table = json.loads(ugbench("table", "--votes", "--results", voted, "--json").stdout)
    assert rows(table)["cyclegan"]["votes"]["preference"]["value"] == 0.75
    (note,) = [note for note in table["notes"] if note.startswith("cat2dog A2B, ")]
    assert note.endswith(
        "4 votes of 1 rater on 4 images; no interval: it needs 3 raters and as many images; "
        "40 votes on earlier outputs of these methods left out."
    )


def test_a_hostile_name_is_text_in_html(ugbench: Call, tmp_path: Path) -> None:
    keep(tmp_path, {poll("cats", ("<script>x</script>", "ugatit", "unit")): [[0, 1, 2]] * 2})
    page = ugbench("table", "--votes", "--format", "html", "--results", tmp_path).stdout
    assert "<script>" not in page and "&lt;script&gt;x&lt;/script&gt;" in page


def test_no_votes_are_a_sentence(ugbench: Call, tmp_path: Path) -> None:
    result = ugbench("table", "--votes", "--results", tmp_path)
    assert result.exit_code == 2
    assert f"no votes under {tmp_path}; `ugbench vote" in result.stderr
