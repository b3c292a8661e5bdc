"""What raters preferred, in extra columns: shares of votes with intervals, a column for each set of candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from ugbench.statistics import preference_tests, preferences
from ugbench.statistics.preference_tests import PreferenceDifference
from ugbench.statistics.preferences import Preferences, Share, Vote
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.display import DisplayNames
from ugbench.tables.model import Table, add_extra_columns
from ugbench.tables.rows import RowKey
from ugbench.votes.poll import Candidate, Poll

Polls = Mapping[Poll, Sequence[Vote]]

NOTE = (
    "preference: % of votes, as the mean over raters, so that each rater counts the same; with a 95 % interval for "
    "other raters and other images like these: the variances over raters and over images are added, and Wilson's "
    "interval is taken at as many independent votes. It holds if the numbers of raters and votes were fixed "
    "beforehand. One training run stands for each method."
)
ALPHA = "Krippendorff's alpha (nominal): 1 where raters always agree, 0 as by chance."


@dataclass(frozen=True)
class _BlockVotes:
    """The votes of one column on one data set and direction.

    Attributes:
        left_out: number of votes in earlier polls of the same candidates, which showed other outputs.
    """

    poll: Poll
    result: Preferences
    left_out: int


def add_votes(table: Table, polls: Polls) -> Table:
    """The table with a column of raters' preferences for each set of candidates.

    Several polls may have asked for the same candidates on one data set and direction with other outputs, for instance
    after a run was trained further. Of these the poll with the latest vote counts. The preference stands in the row of
    the candidate's run. Candidates without a row get one.

    Args:
        polls: polls with their votes; among those of one data set, the poll with the latest vote is the last.
    """
    columns = {labels: _block_votes(polls, labels) for labels in sorted({poll.labels for poll in polls})}
    keys = {labels: _key(labels) if len(columns) > 1 else "preference" for labels in columns}
    keys_by_run = {(row.key[:2], run_id): row.key for row in reversed(table.rows) for run_id in row.run_ids}
    cells: dict[RowKey, dict[str, ExtraCell]] = {}
    for labels, blocks in columns.items():
        for votes in blocks:
            poll = votes.poll
            for candidate, share in zip(poll.candidates, votes.result.shares, strict=True):
                block = (poll.dataset, poll.direction)
                row_key = keys_by_run.get(
                    (block, candidate.run), RowKey(*block, candidate.method, candidate.variant, candidate.name)
                )
                cells.setdefault(row_key, {})[keys[labels]] = _cell(share, votes.result)
    extra_columns = [_column(keys[labels], blocks, table.names) for labels, blocks in columns.items()]
    return add_extra_columns(table, extra_columns, cells, [NOTE, *_notes(columns, table.names), ALPHA])


def _block_votes(polls: Polls, labels: tuple[str, ...]) -> list[_BlockVotes]:
    """The votes on these candidates, for each data set and direction that has any."""
    of_block: dict[tuple[str, str], list[Poll]] = {}
    for poll in polls:
        if poll.labels == labels:
            of_block.setdefault((poll.dataset, poll.direction), []).append(poll)
    return [
        _BlockVotes(last, preferences.preferences(polls[last], len(labels)), sum(len(polls[poll]) for poll in earlier))
        for *earlier, last in of_block.values()
    ]


def _key(labels: Sequence[str]) -> str:
    return f"preference@{hashlib.sha256(chr(0).join(labels).encode()).hexdigest()[:6]}"


def _cell(share: Share, result: Preferences) -> ExtraCell:
    text = f"{100 * share.value:.1f}"
    if share.low is not None and share.high is not None:
        text += f" [{100 * share.low:.1f}, {100 * share.high:.1f}]"
    numbers = (share.value, share.low, share.high, share.votes, result.raters, result.images)
    return ExtraCell(text, asdict(share), numbers)


def _shown_labels(poll: Poll, names: DisplayNames | None) -> list[str]:
    """What a table calls the candidates of a poll."""
    if names is None:
        return list(poll.labels)
    return [
        names.row(RowKey(poll.dataset, poll.direction, *candidate)).text for candidate in map(_who, poll.candidates)
    ]


def _who(candidate: Candidate) -> tuple[str, str | None, str | None]:
    return candidate.method, candidate.variant, candidate.name


def _column(key: str, blocks: Sequence[_BlockVotes], names: DisplayNames | None) -> ExtraColumn:
    polls = [
        {
            "dataset": votes.poll.dataset,
            "direction": votes.poll.direction,
            "poll": votes.poll.id,
            "runs": {candidate.label: candidate.run for candidate in votes.poll.candidates},
            "votes": votes.result.votes,
            "raters": votes.result.raters,
            "images": votes.result.images,
            "alpha": votes.result.alpha,
            "votes_of_one_rater": [votes.result.fewest_votes, votes.result.most_votes],
            "differences": [
                {
                    **asdict(difference),
                    "first": votes.poll.labels[difference.first],
                    "second": votes.poll.labels[difference.second],
                }
                for difference in votes.result.differences
            ],
        }
        for votes in blocks
    ]
    poll = blocks[0].poll
    description = {"candidates": list(poll.labels), "polls": polls}
    title = "preference, %" + (f" (of {', '.join(_shown_labels(poll, names))})" if "@" in key else "")
    csv_heads = (key, *(f"{key}_{field}" for field in ("low", "high", "votes", "raters", "images")))
    return ExtraColumn(key, "votes", title, csv_heads, description)


def _notes(columns: Mapping[tuple[str, ...], Sequence[_BlockVotes]], names: DisplayNames | None) -> Iterator[str]:
    for blocks in columns.values():
        labels = _shown_labels(blocks[0].poll, names)
        if len(columns) > 1:
            yield f"preference of {', '.join(labels)}: shares compare within this column only."
        for votes in blocks:
            yield _sentence(votes, labels)
            yield _tests(votes, labels)


def _sentence(votes: _BlockVotes, labels: Sequence[str]) -> str:
    result, poll = votes.result, votes.poll
    parts = [f"{_count(result.votes, 'vote')} of {_count(result.raters, 'rater')} on {_count(result.images, 'image')}"]
    if result.alpha is not None:
        parts.append(f"alpha {result.alpha:.2f}")
    elif result.raters > 1:
        unanimous = any(share.votes == result.votes for share in result.shares)
        reason = "all votes are for one" if unanimous else "too few images have votes of two raters"
        parts.append(f"no alpha: {reason}")
    if result.fewest_votes < result.most_votes:
        parts.append(f"{result.fewest_votes} to {_count(result.most_votes, 'vote')} of one rater")
    if min(result.raters, result.images) < preferences.LEAST_CLUSTERS:
        parts.append(f"no interval: it needs {preferences.LEAST_CLUSTERS} raters and as many images")
    if votes.left_out:
        parts.append(f"{_count(votes.left_out, 'vote')} on earlier outputs of these methods left out")
    return f"{_heading(poll, labels)}: {'; '.join(parts)}."


def _tests(votes: _BlockVotes, labels: Sequence[str]) -> str:
    """Which methods differ by the tests of all pairs."""
    differences = votes.result.differences
    heading = f"Tests of {_heading(votes.poll, labels)}"
    if any(difference.p is None for difference in differences):
        least = preference_tests.LEAST_CLUSTERS
        return f"{heading}: none; with fewer than {least} raters or images no exact test has a p-value under 0.05."
    shown = [difference for difference in differences if (difference.adjusted_p or 0.0) <= 0.05]
    texts = [_preferred(difference, labels) for difference in shown]
    if len(shown) < len(differences):
        texts.append(f"no preference shown in {_count(len(differences) - len(shown), 'pair')}")
    return f"{heading}, p after Holm over {_count(len(differences), 'pair')}: {'; '.join(texts)}."


def _preferred(difference: PreferenceDifference, labels: Sequence[str]) -> str:
    first, second = labels[difference.first], labels[difference.second]
    winner, loser = (first, second) if difference.value > 0 else (second, first)
    return f"{winner} preferred to {loser} (p {difference.adjusted_p:.2g})"


def _heading(poll: Poll, labels: Sequence[str]) -> str:
    return f"{poll.dataset} {poll.direction}, {' / '.join(labels)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
