"""How often the intervals and tests of `ugbench table --votes` are right, for simulated raters.

    python benchmarks/simulations/preferences.py                 takes about five minutes on one core
    python benchmarks/simulations/preferences.py --draws 200     takes less time, for a first impression

A rater chooses the method with the highest utility on an image. The utility is a sum: a constant of the method, an
effect of this rater on the method, an effect of this image on the method, and Gumbel noise (so without the two effects
choices are multinomial). The true value is the share over the populations of raters and images; it is computed from a
million votes of which no two share a rater or an image.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ugbench.statistics.preference_tests import preference_differences
from ugbench.statistics.preferences import shares
from ugbench.statistics.vote_clusters import Indices, vote_clusters

FOUR, TWO = (1.5, 0.8, 0.0, -2.0), (0.7, 0.0)
EQUAL_TWO, EQUAL_OF_FOUR, RARE_OF_FOUR = (0.0, 0.0), (0.8, 0.8, 0.5, -2.0), (-1.0, -1.0, 1.5, 1.0)
SPLITS = {
    "equal": "the same for all raters",
    "80 %": "one rater has 80 % of all votes",
    "falling": "each rater has 60 % of the votes of the one before",
    "single": "all raters but one have a single vote",
}


class Case(NamedTuple):
    """A study.

    Attributes:
        votes: of the rater with the most votes.
        split: how many the others have, see `SPLITS`.
        rater_sd, image_sd: standard deviations of the effects on a utility.
    """

    raters: int
    images: int
    votes: int
    split: str
    rater_sd: float
    image_sd: float


CASES = (
    Case(3, 30, 30, "equal", 1.0, 1.0),
    Case(3, 30, 30, "equal", 1.5, 0.3),
    Case(4, 40, 40, "equal", 1.5, 0.3),
    Case(4, 40, 40, "falling", 1.0, 1.0),
    Case(5, 20, 20, "equal", 1.0, 1.0),
    Case(5, 100, 80, "80 %", 1.0, 1.0),
    Case(5, 100, 80, "80 %", 1.5, 0.3),
    Case(5, 100, 80, "80 %", 0.3, 1.5),
    Case(5, 100, 80, "falling", 1.5, 0.3),
    Case(10, 30, 30, "equal", 1.0, 1.0),
    Case(10, 100, 80, "80 %", 1.0, 1.0),
    Case(10, 100, 80, "single", 1.0, 1.0),
    Case(20, 50, 50, "equal", 1.0, 1.0),
    Case(20, 50, 50, "equal", 1.5, 0.3),
    Case(20, 50, 50, "falling", 1.0, 1.0),
    Case(20, 5, 5, "equal", 0.3, 1.5),
    Case(20, 3, 3, "equal", 0.3, 1.5),
    Case(20, 50, 50, "equal", 0.0, 0.0),
)
TESTS = (
    Case(6, 50, 40, "equal", 2.5, 0.3),
    Case(8, 50, 40, "equal", 2.5, 0.3),
    Case(8, 50, 40, "falling", 1.0, 1.0),
    Case(10, 50, 40, "80 %", 1.0, 1.0),
    Case(20, 30, 30, "equal", 2.5, 0.3),
    Case(20, 30, 30, "equal", 1.0, 1.0),
    Case(20, 30, 30, "equal", 0.0, 0.0),
)
LOOKS = ((6, 10), (6, 20))
"""Optional stopping: a look after each rater from the first number to the second."""


def votes_of_raters(case: Case) -> list[int]:
    """The number of votes of each rater."""
    others = case.raters - 1
    if case.split == "equal":
        return [case.votes] * case.raters
    if case.split == "falling":
        return [max(1, int(case.votes * 0.6**place)) for place in range(case.raters)]
    return [case.votes] + [max(1, round(case.votes / 4 / others)) if case.split == "80 %" else 1] * others


def truth(utilities: Sequence[float], case: Case, votes: int = 1_000_000) -> np.ndarray:
    """The share of each method over the populations of raters and images, (methods,)."""
    random, sd = np.random.default_rng(1), np.hypot(case.rater_sd, case.image_sd)
    counts: np.ndarray = np.zeros(len(utilities))
    for _ in range(10):
        utility = utilities + sd * random.normal(size=(votes // 10, len(utilities)))
        counts += np.bincount((utility + random.gumbel(size=utility.shape)).argmax(1), minlength=len(utilities))
    true_shares: np.ndarray = counts / counts.sum()
    return true_shares


def draw(utilities: Sequence[float], case: Case, random: np.random.Generator) -> tuple[Indices, Indices, Indices]:
    """One study: the rater, the image and the choice of each vote."""
    shape = (case.raters, case.images, len(utilities))
    utility = utilities + random.gumbel(size=shape)
    utility += case.rater_sd * random.normal(size=(case.raters, 1, len(utilities)))
    utility += case.image_sd * random.normal(size=(1, case.images, len(utilities)))
    counts = votes_of_raters(case)
    raters = np.repeat(np.arange(case.raters), counts)
    images = np.concatenate([random.choice(case.images, count, replace=False) for count in counts])
    choices = utility.argmax(2)[raters, images]
    return raters, np.unique(images, return_inverse=True)[1], choices


def simulate(draws: int, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """For each case and method the coverage of the interval, and that of Wilson's interval for independent votes."""
    return [
        {**case._asdict(), "methods": len(utilities), **_coverage(draws, case, utilities)}
        for case in cases
        for utilities in (FOUR, TWO)
    ]


def _coverage(draws: int, case: Case, utilities: Sequence[float]) -> dict[str, Any]:
    true_shares, random = truth(utilities, case), _random(case)
    covered, independent, width = np.zeros((3, len(utilities)))
    for _ in range(draws):
        raters, images, choices = draw(utilities, case, random)
        for method, share in enumerate(shares(choices, vote_clusters(raters, images), len(utilities))):
            assert share.low is not None and share.high is not None  # there are enough raters and images
            covered[method] += share.low <= true_shares[method] <= share.high
            width[method] += share.high - share.low
            independent[method] += _score_covers(share.votes / len(choices), true_shares[method], len(choices))
    means = {"coverage": covered / draws, "independent": independent / draws, "width": width / draws}
    return {"truth": true_shares.tolist(), **{name: values.tolist() for name, values in means.items()}}


def _score_covers(share: float, true_share: float, votes: int) -> bool:
    """Whether Wilson's 95 % interval for independent votes contains the true share."""
    return bool(abs(share - true_share) <= 1.959964 * np.sqrt(true_share * (1 - true_share) / votes))


def simulate_tests(draws: int, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The share of studies with p at most 0.05 for two methods that are equal, and for two that are not."""
    settings = {"two": EQUAL_TWO, "of_four": EQUAL_OF_FOUR, "rare": RARE_OF_FOUR, "power": (1.0, 0.0)}
    rows = []
    for case in cases:
        row: dict[str, Any] = case._asdict()
        for name, utilities in settings.items():
            random = _random(case)
            row[name] = sum(_is_found(draw(utilities, case, random), len(utilities)) for _ in range(draws)) / draws
        rows.append(row)
    return rows


def _is_found(votes: tuple[Indices, Indices, Indices], options: int) -> bool:
    raters, images, choices = votes
    difference = preference_differences(choices, vote_clusters(raters, images), options)[0]
    return difference.p is not None and difference.p <= 0.05


def simulate_stopping(draws: int) -> list[dict[str, Any]]:
    """The same for a study of two equal methods that is stopped as soon as p is at most 0.05.

    The coverage is that of the interval at the end.
    """
    rows = []
    for first, last in LOOKS:
        case = Case(last, 50, 20, "equal", 1.0, 1.0)
        random, fixed, stopped, covered = _random(case), 0, 0, 0
        for _ in range(draws):
            votes = draw(EQUAL_TWO, case, random)
            fixed += _is_found(votes, 2)
            for part in _parts(votes, first, last):
                if _is_found(part, 2):
                    stopped += 1
                    break
            raters, images, choices = part
            share = shares(choices, vote_clusters(raters, images), 2)[0]
            covered += share.low is not None and share.high is not None and share.low <= 0.5 <= share.high
        rows.append(
            {
                "first": first,
                "last": last,
                "fixed": fixed / draws,
                "stopped": stopped / draws,
                "coverage": covered / draws,
            }
        )
    return rows


def _parts(
    votes: tuple[Indices, Indices, Indices], first: int, last: int
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """The votes of the first raters, with one rater more each time."""
    raters, images, choices = votes
    for count in range(first, last + 1):
        chosen = raters < count
        yield raters[chosen], np.unique(images[chosen], return_inverse=True)[1], choices[chosen]


def _random(case: Case) -> np.random.Generator:
    numbers = (case.raters, case.images, case.votes, case.rater_sd, case.image_sd)
    return np.random.default_rng([*(int(10 * number) for number in numbers), list(SPLITS).index(case.split)])


def coverage_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `simulate` as a Markdown table."""
    lines = [
        "| raters | images | most votes of one | votes | sd of raters, images | methods | interval "
        "| as independent votes | width, points |",
        "|--:|--:|--:|:--|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        ranges = [_percent(row[name]) for name in ("coverage", "independent")]
        widths = f"{100 * min(row['width']):.0f} to {100 * max(row['width']):.0f}"
        cells = [*_study(row), row["methods"], *ranges, widths]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def size_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `simulate_tests` as a Markdown table."""
    lines = [
        "| raters | images | most votes of one | votes | sd of raters, images | two equal | two equal of four "
        "| two rare of four | unequal |",
        "|--:|--:|--:|:--|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        shares_found = [f"{100 * row[name]:.1f} %" for name in ("two", "of_four", "rare", "power")]
        lines.append(f"| {' | '.join(map(str, [*_study(row), *shares_found]))} |")
    return "\n".join(lines)


def stopping_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `simulate_stopping` as a Markdown table."""
    lines = [
        "| looks after each rater | p at most 0.05, number fixed | p at most 0.05, stopped | interval at the end |",
        "|:--|--:|--:|--:|",
    ]
    for row in rows:
        shares_found = [f"{100 * row[name]:.1f} %" for name in ("fixed", "stopped", "coverage")]
        lines.append(f"| from {row['first']} to {row['last']} | {' | '.join(shares_found)} |")
    return "\n".join(lines)


def _study(row: dict[str, Any]) -> list[Any]:
    return [row["raters"], row["images"], row["votes"], row["split"], f"{row['rater_sd']}, {row['image_sd']}"]


def _percent(values: Sequence[float]) -> str:
    low, high = (f"{100 * value:.1f}" for value in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def main() -> None:
    """Print the tables, and write the numbers to the file that --output names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    figures = {
        "draws": options.draws,
        "intervals": simulate(options.draws, CASES),
        "tests": simulate_tests(options.draws, TESTS),
        "stopping": simulate_stopping(options.draws),
    }
    print(
        coverage_table(figures["intervals"]),
        size_table(figures["tests"]),
        stopping_table(figures["stopping"]),
        sep="\n\n",
    )
    if options.output is not None:
        options.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
