"""Headings say in words what distinguishes the columns of a metric, and never a hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ugbench.scoring.protocols import protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.formats import render
from ugbench.tables.protocol_words import differences, words

Make = Callable[..., ScoreRecord]
BASE: dict[str, Any] = {
    "name": "target",
    "metric": "kid",
    "settings": {"estimator": "unbiased"},
    "checkpoint": "last",
    "size": 256,
    "filter": "pil-bilinear-antialiased",
    "format": "png",
    "reference": "test",
    "extractor": {"name": "alexnet", "sha256": "a" * 64, "transform": "224 px"},
}
SELECTED = "validation: lowest kid of 20 images"


def changed(**fields: Any) -> dict[str, Any]:
    return {**BASE, **fields}


@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        ([BASE], [""]),
        ([BASE, changed(format="jpeg")], ["PNG", "JPEG"]),
        ([BASE, changed(fit="crop"), changed(fit="pad")], ["squash", "crop", "pad"]),
        ([BASE, changed(fit="crop"), changed(size="as-is")], ["squash", "crop", "files as they are"]),
        (
            [BASE, changed(fit="crop"), changed(size=64), changed(size="as-is")],
            ["256 px, squash", "256 px, crop", "64 px, squash", "files as they are"],
        ),
        ([BASE, changed(size=512), changed(size=[512, 256])], ["256 px", "512 px", "512x256 px"]),
        ([BASE, changed(extractor={**BASE["extractor"], "name": "inception"})], ["AlexNet", "Inception"]),
        ([BASE, changed(name="train-reference", reference="train")], ["test reference", "train reference"]),
        ([BASE, changed(checkpoint=SELECTED)], ["last checkpoint", "selected checkpoint"]),
        (
            [BASE, changed(checkpoint=SELECTED), changed(checkpoint="validation: another")],
            ["last checkpoint", f"checkpoint by {SELECTED}", "checkpoint by validation: another"],
        ),
        (
            [BASE, changed(checkpoint=SELECTED), changed(name="clean")],
            ["target", "target, selected checkpoint", "clean"],
        ),
        (
            [BASE, changed(settings={"estimator": "unbiased", "subset_size": 50})],
            ["no subset size", "subset size 50"],
        ),
        (
            [BASE, changed(extractor={**BASE["extractor"], "sha256": "b" * 64})],
            ["weights 1", "weights 2"],
        ),
        (
            [BASE, changed(extractor={**BASE["extractor"], "name": "squeezenet", "sha256": "0" * 64}, size="as-is")],
            ["AlexNet", "SqueezeNet"],
        ),
        (
            [BASE, changed(size=64), changed(extractor={"name": "own net"}, size=64)],
            ["AlexNet, 256 px", "AlexNet, 64 px", "own net, 64 px"],
        ),
        ([BASE, changed(further={"rule": 3})], ["no further rule", "further rule 3"]),
        ([BASE, changed(size="as-is", filter=None)], ["256 px", "files as they are"]),
    ],
)
def test_columns_are_told_apart_by_the_fields_in_which_they_differ(
    protocols: list[dict[str, Any]], expected: list[str]
) -> None:
    found = differences({str(place): protocol for place, protocol in enumerate(protocols)})
    assert list(found.values()) == expected


def test_protocols_that_nothing_tells_apart_are_numbered() -> None:
    assert differences({"1": {"size": 64}, "2": {"size": 64}}) == {"1": "protocol 1", "2": "protocol 2"}


def test_words_have_no_digest() -> None:
    assert words(BASE) == (
        "target, extractor alexnet (transform 224 px), reference test, estimator unbiased, size 256, checkpoint last, "
        "filter pil-bilinear-antialiased, format png"
    )


def test_a_caption_names_the_fit_after_the_size() -> None:
    assert words({"name": "target", "size": 256, "format": "png", "fit": "crop"}) == (
        "target, size 256, crop, format png"
    )


def test_a_field_that_holds_a_digest_alone_has_no_words() -> None:
    assert words({"name": "target", "statistics": {"sha256": "ab" * 32}, "size": "as-is"}) == "target, size as-is"


def test_hashes_stand_in_the_last_note_only(make_record: Make) -> None:
    protocols = [BASE, changed(size=512), changed(extractor={**BASE["extractor"], "sha256": "b" * 64})]
    ids = [protocol_id(protocol) for protocol in protocols]
    records = [
        make_record("kid", method, 0.1, protocol=protocol, protocol_id=identifier)
        for method in ("cut", "unit")
        for protocol, identifier in zip(protocols, ids, strict=True)
    ]
    table = build_table(records)
    assert [column.title for column in table.columns] == [
        "KID x100 ↓ (256 px, weights 1)",
        "KID x100 ↓ (256 px, weights 2)",
        "KID x100 ↓ (512 px, weights 1)",
    ]
    assert [column.key for column in table.columns] == [f"kid@{ids[place]}" for place in (0, 2, 1)]
    for layout in ("blocks", "paper"):
        lines = render(table, "md", layout).splitlines()
        assert [place for place, line in enumerate(lines) if re.search("[0-9a-f]{8}", line)] == [len(lines) - 1]
    assert lines[-1] == (
        f"- Protocol ids: kid (256 px, weights 1) {ids[0]}, kid (256 px, weights 2) {ids[2]}, "
        f"kid (512 px, weights 1) {ids[1]}. SHA-256 of weights: AlexNet, weights 1, aaaaaaaa; "
        "AlexNet, weights 2, bbbbbbbb."
    )
