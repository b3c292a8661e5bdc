"""Links for raters: each is for one rater, and belongs to the browser that starts with it."""

from __future__ import annotations

from collections.abc import Sequence

from ugbench.votes.server.ballot import derive_key


def make_links(secret: bytes, count: int) -> tuple[str, ...]:
    """The first parts of the paths of `count` links. They follow from the secret, so a later call makes them again."""
    return tuple(derive_key(secret, "link", str(number)) for number in range(1, count + 1))


def rater_of_link(secret: bytes, link: str) -> str:
    """The id of the rater who starts with a link; it is their cookie, and nobody can compute it from the link."""
    return derive_key(secret, "rater", link)


def describe_raters(
    raters: Sequence[tuple[str, str | None, int, str, str]], secret: bytes, links: Sequence[str]
) -> list[str]:
    """A line for each rater, in the order of their first votes.

    Args:
        raters: id, name, number of votes, and the times of the first and the last vote, see `VoteStore.raters`.
    """
    numbers = {rater_of_link(secret, link): number for number, link in enumerate(links, 1)}
    lines = []
    for rater, name, votes, first, last in raters:
        link = f"link {numbers[rater]}" if rater in numbers else "another link"
        times = " to ".join(time[:19].replace("T", " ") for time in (first, last))
        lines.append(f"{times} UTC: {votes} vote{'s' * (votes != 1)} by {name or 'no name'}, {link}")
    return lines
