"""Images per second of `ugbench translate`, beside the network alone and beside a plain loop over the files.

    PYTHONPATH=benchmarks python benchmarks/translation.py                            smoke at 32 px
    PYTHONPATH=benchmarks python benchmarks/translation.py --preset light --size 256 --images 12 --batch-size 1

The three take turns in one process, so that a busy machine disturbs all of them alike. The network alone translates
images that are in memory. The plain loop reads, translates and writes one image after the other. Weights are random.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from measuring import machine, make_parser, print_figures, timed
from PIL import Image

from ugbench import registry
from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_image
from ugbench.data.tensors import load_images, save_image, to_image, to_tensor
from ugbench.inference.image_files import write_outputs
from ugbench.inference.translate import translate
from ugbench.method import Method


def make_files(folder: Path, images: int, size: int) -> list[Path]:
    """PNG files of smooth colours with noise, which take as long to decode as drawings do."""
    random = np.random.default_rng(0)
    ramp = np.linspace(0, 200, size)[:, None, None] * np.ones((1, size, 3))
    files = [folder / f"{number}.png" for number in range(images)]
    for file in files:
        pixels = ramp * random.uniform(0.3, 1, 3) + random.integers(0, 20, (size, size, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)
    return files


def plain_loop(method: Method, files: list[Path], folder: Path) -> None:
    """Read, translate and write one image after the other."""
    transform = Transform(method.config.size, method.config.fit)
    for file in files:
        image = to_tensor(fitted(read_image(file), transform))[None]
        (output,) = translate(method, image, "A2B", batch_size=1)
        save_image(to_image(output[0, 0]), folder / file.name)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--method", default="ugatit")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--size", type=int, default=32, help="side of the images, px")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    method_class = registry.load_method(options.method)
    config = method_class.make_config(options.preset, None, {"size": options.size}).resolved(100, 100)
    method = method_class(config).eval().requires_grad_(False)
    seconds: dict[str, list[float]] = {"network alone": [], "plain loop": [], "ugbench translate": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = make_files(folder, options.images, options.size)
        images = load_images(files, Transform(config.size))
        calls = {
            "network alone": lambda: list(translate(method, images, "A2B", batch_size=options.batch_size)),
            "plain loop": lambda: plain_loop(method, files, folder / "plain"),
            "ugbench translate": lambda: write_outputs(
                method, files, folder / "fast", "A2B", batch_size=options.batch_size
            ),
        }
        (folder / "plain").mkdir()
        for _ in range(options.rounds):
            for name, call in calls.items():
                seconds[name].append(timed(call)[1]["wall"])
    rows = [{"what": name, "images_per_second": options.images / statistics.median(of)} for name, of in seconds.items()]
    rates = {row["what"]: float(row["images_per_second"]) for row in rows}
    figures = {
        **{name: getattr(options, name) for name in ("method", "preset", "size", "images", "batch_size", "rounds")},
        **machine(),
        "share_of_the_network": rates["ugbench translate"] / rates["network alone"],
        "times_the_plain_loop": rates["ugbench translate"] / rates["plain loop"],
        "rows": rows,
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
