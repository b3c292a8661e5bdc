"""`ugbench features`: store the features of a folder of images, so that scoring against it needs no images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from ugbench.cli.options import AUTO, Devices, Json, Protocol, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.output_file import check_output_file
from ugbench.cli.parse import path_reader
from ugbench.cli.scoring_options import FeatureOptions, pick_protocol
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.scoring.feature_file import Header
    from ugbench.scoring.features import FeatureReader

SUFFIX = ".safetensors"


def features(
    folder: Annotated[
        Path,
        Argument(parser=path_reader("DIR", "folder"), metavar="DIR", help="A folder of images, taken as they are."),
    ],
    output: Annotated[Path, path_option("--output", "file", "FILE", "The file to write: FILE.safetensors.")],
    options: FeatureOptions,
    protocol: Protocol = None,
    device: Devices = AUTO,
    as_json: Json = False,
) -> None:
    """Store the features of a folder of images in a file. A file that is there already is replaced.

    `ugbench eval --real FILE --fake DIR` then gives the scores that it gives with the folder, without reading its
    images, for the metrics that use no more than features. The file says with which extractor, weights and resize the
    features were made; outputs of other features are refused. It holds no pixels and no paths, only the names of the
    images.

    \b
    Examples:
      ugbench features datasets/cat2dog/testB --output dogs.safetensors --weights inception=inception.pth
      ugbench features paintings --output paintings.safetensors --extractor clip --weights clip=clip.safetensors
    """
    if output.suffix != SUFFIX:
        raise UsageError(f"--output {output}: the name must end in {SUFFIX}.")
    check_output_file(output)

    from ugbench.data.images import list_images
    from ugbench.scoring.features import FeatureReader

    list_images(folder)  # raises an error before the user is asked to download anything for it
    first, further = device.pick()
    networks = options.complete_extractor(options.networks(first, further=further), as_json)
    reader = FeatureReader(networks, pick_protocol(protocol, None), options.feature_cache())
    header = _store(folder, output, reader)
    extractor = reader.extractor
    log(f"wrote {output}: {len(header.images)} features of {extractor.dim} numbers, by {extractor.name}.")
    if as_json:
        print_json(
            {
                "file": output,
                "name": header.name,
                "images": len(header.images),
                "dim": extractor.dim,
                "extractor": extractor.name,
                "sha256": extractor.sha256,
                "references": header.content,
            }
        )


def _store(folder: Path, output: Path, reader: FeatureReader) -> Header:
    """Read the features of the folder, with a progress bar, and write them."""
    from ugbench.data.folders import describe_folder
    from ugbench.data.images import list_images, same_stems
    from ugbench.scoring import feature_file
    from ugbench.scoring.set_names import name_of

    images = list_images(folder)
    log(describe_folder(folder))
    for first, second in same_stems(images):
        log(f"{folder}: {first.name} and {second.name} have one stem, and both are stored.")
    with progress_callback("features") as progress:
        rows = reader.read(images, None, progress)
    return feature_file.write(output, rows, images, name_of(folder, images), reader.space(None))
