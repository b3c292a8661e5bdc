"""Make the pictures of docs/gallery.md that are no figures: a sample grid, and attention overlays.

    python docs/reference/gallery_pictures.py FOLDER

The run and its data set are made in FOLDER, in minutes on a CPU; the pictures go to docs/images. A second call finds
the run and makes the pictures again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parents[1] / "images"
DIAL, STEPS = "dial:shape=1,texture=0,size=32", 400
TRAIN = f"train ugatit --dataset {DIAL} --preset smoke --size 32 --steps {STEPS} --precision fp32 --device cpu"
ENLARGED = 4  # times, without smoothing, so that the pixels of 32 px images can be seen
GAP = 4  # px of white between images
STEMS = ("00000", "00033", "00099")


def main(folder: Path) -> None:
    """Train the run in a folder, and write the two pictures."""
    run = folder / json.loads(ugbench(folder, *TRAIN.split(), "--json"))["run"]
    grid = Image.open(run / "samples" / f"{STEPS:07d}.png").convert("RGB")
    grid.resize((ENLARGED * grid.width, ENLARGED * grid.height), Image.Resampling.NEAREST).save(
        IMAGES / "gallery-samples.png"
    )

    (inputs,) = (folder / "datasets").glob("*/testA")
    ugbench(folder, "translate", str(run), "--input", str(inputs), "--output", "out", "--attention", "--device", "cpu")
    out = folder / "out"
    columns = [inputs, out, out / "attention", out / "attention" / "global", out / "attention" / "local"]
    rows = [[Image.open(column / f"{stem}.png").convert("RGB") for column in columns] for stem in STEMS]
    side_by_side(rows).save(IMAGES / "gallery-overlays.png")


def ugbench(folder: Path, *words: str) -> str:
    """What `ugbench WORDS` prints in a folder."""
    command = [sys.executable, "-m", "ugbench", *words]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def side_by_side(rows: list[list[Image.Image]]) -> Image.Image:
    """Images of one size as a grid, enlarged."""
    size = ENLARGED * rows[0][0].width
    grid = Image.new("RGB", (len(rows[0]) * (size + GAP) - GAP, len(rows) * (size + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            enlarged = image.resize((size, size), Image.Resampling.NEAREST)
            grid.paste(enlarged, (x * (size + GAP), y * (size + GAP)))
    return grid


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give a folder: python docs/reference/gallery_pictures.py FOLDER")
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    main(Path(sys.argv[1]).resolve())
