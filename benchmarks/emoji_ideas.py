"""Scores of checkpoints on ideas of the training of a data set of emoji, so that no test pair helps to choose a preset.

    PYTHONPATH=benchmarks python benchmarks/emoji_ideas.py --packages A.tgz,B.tgz --dataset datasets/noto2twemoji \
        --run 3f2a --steps 500,1000 --weights alexnet=alexnet-features.pth

For every fifth idea of a training domain the drawing of its own family is translated, and the drawing of the other
family, which training does not see, is the truth: LPIPS to the truth, and how far it is above that of the untouched
drawings, with a standard error over 40 parts of the ideas. KID compares the outputs with all training images of the
other domain. Without --run the untouched drawings are scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from measuring import make_parser, print_figures
from PIL import Image

import ugbench
from ugbench.data.acquire.emoji import TEST_PAIRS, EmojiPlan, plan_emoji
from ugbench.data.splits import TRAIN
from ugbench.direction import DIRECTIONS, Direction

PARTS = 40  # of the ideas: their means say how much the mean of all varies


def pairs(plan: EmojiPlan, direction: Direction, every: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """The drawings to translate, and those that are their truth."""
    source, target = plan.families if direction == "A2B" else reversed(plan.families)
    ideas = plan.ideas[TRAIN["A" if direction == "A2B" else "B"]][::every]
    return [source.images[idea] for idea in ideas], [target.images[idea] for idea in ideas]


def lpips(drawings: list[Image.Image], truth: list[Image.Image], weights: dict[str, str]) -> list[float]:
    """LPIPS of each of `PARTS` parts of the pairs, or of each pair if there are fewer."""
    parts = [slice(start, None, PARTS) for start in range(min(PARTS, len(truth)))]
    scored = [ugbench.lpips(drawings[part], truth[part], weights=weights, progress=False) for part in parts]
    return [score.value for score in scored]


def scores(plan: EmojiPlan, options: Any, direction: Direction, steps: list[int | None]) -> Iterator[dict[str, Any]]:
    """The scores of one direction at each step; without a run those of the untouched drawings."""
    weights = dict([options.weights.split("=", 1)])
    drawings, truth = pairs(plan, direction, options.every)
    untouched = lpips(drawings, truth, weights)
    sizes = [len(truth[start::PARTS]) for start in range(len(untouched))]
    others = sorted((options.dataset / f"train{direction[-1]}").glob("*.png"))
    run = None if options.run is None else ugbench.load_run(options.run, results=options.results)
    for step in steps:
        row: dict[str, Any] = {"direction": direction, "step": step, "ideas": len(drawings)}
        outputs, distances = drawings, untouched
        if run is not None:
            outputs = run.translate(drawings, direction, step=step, precision="fp32", progress=False)
            distances = lpips(outputs, truth, weights)
            beyond = [ours - theirs for ours, theirs in zip(distances, untouched, strict=True)]
            row["lpips_beyond_untouched"] = fmean(beyond, sizes)
            row["lpips_beyond_untouched_se"] = stdev(beyond) / len(beyond) ** 0.5
        kid = ugbench.kid(outputs, others, extractor="alexnet", weights=weights, progress=False)
        yield row | {
            "lpips_to_truth": fmean(distances, sizes),
            "kid_x100": 100 * kid.value,
            "kid_x100_se": None if kid.se is None else 100 * kid.se,
        }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--packages", required=True, help="the two archives of `ugbench data make emoji`, as A,B")
    parser.add_argument("--dataset", type=Path, required=True, help="the folder that it made")
    parser.add_argument("--test", type=int, default=TEST_PAIRS, help="the pairs it was asked to test with")
    parser.add_argument("--every", type=int, default=5, help="which ideas of a domain are scored: each fifth one")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--run", help="the start of a run's id")
    parser.add_argument("--steps", default="", help="of checkpoints, as in 500,1000; default: the last one")
    parser.add_argument("--weights", required=True, help="alexnet=FILE")
    options = parser.parse_args()
    first, second = (Path(word) for word in options.packages.split(","))
    plan = plan_emoji((first, second), options.dataset.name, options.test)
    steps: list[int | None] = [int(word) for word in options.steps.split(",") if word] or [None]
    rows = [row for direction in DIRECTIONS for row in scores(plan, options, direction, steps)]
    print_figures({"scores": rows}, options.output)


if __name__ == "__main__":
    main()
