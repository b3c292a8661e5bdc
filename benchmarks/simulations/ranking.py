"""How often the intervals of `ugbench table --across` are right, for simulated scores.

    python benchmarks/simulations/ranking.py                 takes about a minute on one core
    python benchmarks/simulations/ranking.py --draws 200     takes less time, for a first impression

Scores are normal around true ones. Errors over images count as known to 99 degrees of freedom; errors over seeds are
estimated from the seeds. Scores of one block share a part of their errors, as scores on the same images do.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from ugbench.statistics.ranking import Estimate, standings


class Case(NamedTuple):
    """A study; each data set has two directions.

    Attributes:
        seeds: 1 for errors over images.
        step: how much worse each method is than the one before, in standard errors.
        shared: the share of the variance that methods have in common, over images.
    """

    datasets: int
    methods: int
    seeds: int
    step: float
    shared: float


CASES = (
    Case(3, 4, 1, 0.0, 0.0),
    Case(3, 4, 1, 0.0, 0.7),
    Case(3, 4, 1, 2.0, 0.0),
    Case(5, 8, 1, 0.0, 0.0),
    Case(5, 8, 1, 1.0, 0.3),
    Case(2, 2, 1, 1.0, 0.0),
    Case(3, 4, 3, 0.0, 0.0),
    Case(3, 4, 6, 2.0, 0.0),
    Case(5, 8, 6, 0.0, 0.0),
)


def simulate(draws: int, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """For each case how often all intervals of mean ranks, and all of regrets, contain the truth.

    `observed_regret` is the mean of the largest regret of a study, and `true_regret` the true one, both in standard
    errors; `rank_width` is the mean width of the intervals of ranks, of at most methods - 1.
    """
    rows = []
    for case in cases:
        random = np.random.default_rng([*case[:3], int(10 * case.step), int(10 * case.shared)])
        ranks = regrets = observed = width = 0.0
        true_losses = case.step * np.arange(case.methods)
        true_ranks, true_regrets = stats.rankdata(true_losses), true_losses
        for _ in range(draws):
            result = standings(_draw(case, true_losses, random))
            limits = np.array([_limits(result[f"m{method}"]) for method in range(case.methods)])
            ranks += bool(((limits[:, 0] <= true_ranks) & (true_ranks <= limits[:, 1])).all())
            regrets += bool(((limits[:, 2] <= true_regrets) & (true_regrets <= limits[:, 3])).all())
            observed += max(standing.regret for standing in result.values())
            width += float((limits[:, 1] - limits[:, 0]).mean())
        means = {"ranks": ranks, "regrets": regrets, "observed_regret": observed, "rank_width": width}
        true_regret = float(true_regrets.max())
        rows.append(
            {**case._asdict(), **{name: total / draws for name, total in means.items()}, "true_regret": true_regret}
        )
    return rows


def _draw(
    case: Case, true_losses: np.ndarray, random: np.random.Generator
) -> dict[tuple[str, str], dict[str, Estimate]]:
    scores = {}
    for dataset in range(case.datasets):
        for direction in ("A2B", "B2A"):
            common = np.sqrt(case.shared) * random.normal()
            estimates = []
            for loss in true_losses:
                if case.seeds == 1:
                    error = common + np.sqrt(1 - case.shared) * random.normal()
                    estimates.append(Estimate(loss + error, np.sqrt(random.chisquare(99) / 99), 99))
                else:
                    values = loss + np.sqrt(case.seeds) * random.normal(size=case.seeds)
                    se = values.std(ddof=1) / np.sqrt(case.seeds)
                    estimates.append(Estimate(float(values.mean()), float(se), case.seeds - 1))
            block = (f"d{dataset}", f"d{dataset} {direction}")
            scores[block] = {f"m{place}": estimate for place, estimate in enumerate(estimates)}
    return scores


def _limits(standing: Any) -> tuple[float, float, float, float]:
    return standing.mean_rank_low, standing.mean_rank_high, standing.regret_low, standing.regret_high


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| data sets | methods | seeds | step | shared variance | all mean ranks covered | all regrets covered "
        "| width of a rank interval | largest regret observed | true |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        study = [row["datasets"], row["methods"], row["seeds"], row["step"], row["shared"]]
        covered = [f"{100 * row[name]:.1f} %" for name in ("ranks", "regrets")]
        sizes = [f"{row[name]:.1f}" for name in ("rank_width", "observed_regret", "true_regret")]
        lines.append(f"| {' | '.join(map(str, [*study, *covered, *sizes]))} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write the numbers to the file that --output names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = simulate(options.draws, CASES)
    print(table(rows))
    if options.output is not None:
        options.output.write_text(json.dumps({"draws": options.draws, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
