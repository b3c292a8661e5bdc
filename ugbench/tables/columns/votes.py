"""What raters preferred, beside the scores: shares of votes with intervals, a column for each set of candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ugbench.statistics.preferences import Preferences, Share, Vote, preferences
from ugbench.tables.build import Row, Table, in_order
from ugbench.tables.extra_column import Beside, Entry
from ugbench.votes.poll import Candidate, Poll

Polls = Mapping[Poll, Sequence[Vote]]

EMPTY = Table((), (), {}, ())
"""A table without scores, for votes to stand in alone."""

WHAT = (
    "preference: % of votes, with a 95 % interval for other raters and other images like these: the variances over "
    "raters and over images are added, and Wilson's interval is taken at as many independent votes. One training run "
    "stands for each method."
)
ALPHA = "Krippendorff's alpha (nominal): 1 where raters always agree, 0 as by chance."


@dataclass(frozen=True)
class _Count:
    """One block's votes of one column."""

    poll: Poll
    found: Preferences
    left_out: int


def add_votes(table: Table, polls: Polls) -> Table:
    """The table with raters' preferences after its columns.

    A column holds the votes among one set of candidates. Of several polls of them on one data set and direction,
    which showed other pictures (a run was trained on), the one voted in last counts. Candidates without a row get one.

    Args:
        polls: those that have votes, of each data set the one voted in last, last.
    """
    columns = {labels: _counts(polls, labels) for labels in sorted({poll.labels for poll in polls})}
    keys = {labels: _key(labels) if len(columns) > 1 else "preference" for labels in columns}
    rows = {(row.dataset, row.direction, row.method, row.variant, row.name): row for row in table.rows}
    for labels, counts in columns.items():
        for count in counts:
            for candidate, share in zip(count.poll.candidates, count.found.shares, strict=True):
                who = _who(count.poll, candidate)
                row = rows.get(who, Row(*who, {}))
                entry = _entry(share, count.found, _heads(keys[labels]))
                rows[who] = replace(row, beside={**row.beside, keys[labels]: entry})
    return replace(
        table,
        rows=tuple(in_order(rows.values())),
        beside=(*table.beside, *(_column(keys[labels], counts) for labels, counts in columns.items())),
        notes=(*table.notes, WHAT, *_notes(columns, keys), ALPHA),
    )


def _counts(polls: Polls, labels: tuple[str, ...]) -> list[_Count]:
    of_block: dict[tuple[str, str], list[Poll]] = {}
    for poll in polls:
        if poll.labels == labels:
            of_block.setdefault((poll.dataset, poll.direction), []).append(poll)
    return [
        _Count(own[-1], preferences(polls[own[-1]], len(labels)), sum(len(polls[poll]) for poll in own[:-1]))
        for own in of_block.values()
    ]


def _key(labels: Sequence[str]) -> str:
    return f"preference@{hashlib.sha256(chr(0).join(labels).encode()).hexdigest()[:6]}"


def _who(poll: Poll, candidate: Candidate) -> tuple[str, str, str, str | None, str | None]:
    return (poll.dataset, poll.direction, candidate.method, candidate.variant, candidate.name)


def _heads(key: str) -> tuple[str, ...]:
    return (key, *(f"{key}_{what}" for what in ("low", "high", "votes", "raters", "images")))


def _entry(share: Share, found: Preferences, heads: Sequence[str]) -> Entry:
    text = f"{100 * share.value:.1f}"
    if share.low is not None and share.high is not None:
        text += f" [{100 * share.low:.1f}, {100 * share.high:.1f}]"
    numbers = (share.value, share.low, share.high, share.votes, found.raters, found.images)
    return Entry(text, asdict(share), dict(zip(heads, numbers, strict=True)))


def _column(key: str, counts: Sequence[_Count]) -> Beside:
    tag = key.partition("@")[2]
    blocks = [
        {
            **{name: getattr(one.poll, name) for name in ("dataset", "direction")},
            "poll": one.poll.id,
            "runs": {candidate.label: candidate.run for candidate in one.poll.candidates},
            **{name: getattr(one.found, name) for name in ("votes", "raters", "images", "alpha")},
        }
        for one in counts
    ]
    head = {"candidates": list(counts[0].poll.labels), "polls": blocks}
    return Beside(key, "votes", f"preference, %{f' [{tag}]' if tag else ''}", _heads(key), head)


def _notes(columns: Mapping[tuple[str, ...], Sequence[_Count]], keys: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    for labels, counts in columns.items():
        if len(columns) > 1:
            yield f"{keys[labels]}: the choice was among {', '.join(labels)}; shares compare within a column only."
        for one in counts:
            yield _sentence(one)


def _sentence(one: _Count) -> str:
    found, poll = one.found, one.poll
    parts = [f"{_number(found.votes, 'vote')} of {_number(found.raters, 'rater')} on {_number(found.images, 'image')}"]
    if found.alpha is not None:
        parts.append(f"alpha {found.alpha:.2f}")
    elif found.raters > 1:
        same = any(share.votes == found.votes for share in found.shares)
        parts.append(f"no alpha: {'all votes are for one' if same else 'too few images have votes of two raters'}")
    if found.raters == 1 and found.images > 1:
        parts.append("the interval is over images alone and says nothing of other raters")
    if found.images == 1 and found.raters > 1:
        parts.append("the interval is over raters alone and says nothing of other images")
    if one.left_out:
        parts.append(f"{_number(one.left_out, 'vote')} on earlier outputs of these methods left out")
    return f"{poll.dataset} {poll.direction}, {' / '.join(poll.labels)}: {'; '.join(parts)}."


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
