import hashlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from ugbench import registry
from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.networks.extractors import LoadedExtractor
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.perceptual import PerceptualDistance
from ugbench.scoring.protocols import NamedProtocol, metric_settings, protocol_id
from ugbench.scoring.request import EvalRequest

EXTRACTOR = LoadedExtractor("alexnet", 256, 224, "ab" * 32, True, "224 px", nn.Identity())
PERCEPTUAL = PerceptualDistance("alex", "cd" * 32, "0.1", lambda first, second: torch.zeros(len(first)))
OWN = (
    "cam_mass",
    "changed",
    "coverage",
    "density",
    "fid",
    "iou",
    "kid",
    "lpips",
    "precision",
    "recall",
    "structure",
    "unchanged",
)


def of(metric: str, **changes: Any) -> dict[str, Any]:
    """The protocol of a metric at 64 px, of PNG files, where `changes` do not say otherwise."""
    named = NamedProtocol(
        changes.get("name", "target"),
        "",
        reference=changes.get("reference", "test"),
        to_extractor=changes.get("to_extractor"),
        settings={metric: changes.get("settings", {})},
    )
    networks = Networks("alexnet", "alex", {}, torch.device("cpu"))
    distance = changes.get("perceptual", PERCEPTUAL)
    loaded = {"extractor": changes.get("extractor", EXTRACTOR), "lpips": distance, "structure": distance}
    networks.__dict__.update(loaded)  # instead of loading weights
    request = EvalRequest((), networks, named, checkpoint=changes.get("checkpoint", "last"))
    return request.protocol_of(metric, changes.get("size", 64), changes.get("format", "png"))


def test_a_protocol_says_all_that_kid_depends_on() -> None:
    assert of("kid") == {
        "name": "target",
        "metric": "kid",
        "settings": {"estimator": "unbiased"},
        "checkpoint": "last",
        "size": 64,
        "filter": "pil-bilinear-antialiased",
        "format": "png",
        "reference": "test",
        "extractor": {"name": "alexnet", "sha256": "ab" * 32, "transform": "224 px"},
    }


def test_each_kind_of_metric_names_its_own_network_alone() -> None:
    kinds = {name: {"extractor", "perceptual", "reference"} & of(name).keys() for name in OWN}
    features = {"extractor", "reference"}
    assert kinds == {
        "kid": features,
        "fid": features,
        "precision": features,
        "density": features,
        "coverage": features,
        "recall": features,
        "lpips": {"perceptual"},
        "structure": {"perceptual"},
        "cam_mass": set(),
        "changed": set(),
        "unchanged": set(),
        "iou": set(),
    }
    assert of("lpips")["perceptual"] == {"net": "alex", "sha256": "cd" * 32, "version": "0.1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "train-reference"},
        {"reference": "train"},
        {"size": 128},
        {"size": None},
        {"format": "jpg"},
        {"checkpoint": "validation"},
        {"to_extractor": "bicubic"},
        {"extractor": replace(EXTRACTOR, sha256="ef" * 32)},
        {"extractor": replace(EXTRACTOR, transform="other")},
        {"settings": {"subset_size": 50}},
        {"settings": {"estimator": "torch-fidelity"}},
    ],
    ids=str,
)
def test_whatever_changes_a_kid_changes_its_protocols_id(changes: dict[str, Any]) -> None:
    assert protocol_id(of("kid", **changes)) != protocol_id(of("kid"))


def test_what_does_not_matter_to_a_metric_leaves_its_id() -> None:
    other = replace(EXTRACTOR, sha256="ef" * 32)
    assert protocol_id(of("changed", extractor=other)) == protocol_id(of("changed", extractor=None))
    assert protocol_id(of("lpips", extractor=other, reference="train")) == protocol_id(of("lpips"))
    assert protocol_id(of("kid", settings={"seed": 5})) == protocol_id(of("kid"))
    assert protocol_id(of("kid", perceptual=None)) == protocol_id(of("kid"))


def test_files_as_they_are_have_no_filter() -> None:
    assert of("kid", size=None)["filter"] is None


def test_an_id_is_of_the_content_and_not_of_the_order_of_fields() -> None:
    text = b'{"a":[1,{"b":null,"c":"\\u00e9"}],"z":0.5}'
    fields = {"z": 0.5, "a": [1, {"c": "é", "b": None}]}
    assert protocol_id(fields) == hashlib.sha256(text).hexdigest()[:12]
    assert protocol_id(dict(reversed(fields.items()))) == protocol_id(fields)


def test_settings_are_the_metrics_defaults_with_changes_and_those_of_subsets_complete() -> None:
    assert metric_settings("precision", {}) == {"neighbours": 3}
    assert metric_settings("precision", {"neighbours": 5}) == {"neighbours": 5}
    subsets = {"estimator": "unbiased", "subset_size": 50, "subsets": 100, "seed": 2020}
    assert metric_settings("kid", {"subset_size": 50}) == subsets
    assert of("kid", settings={"subset_size": 50})["settings"] == subsets
    with pytest.raises(UsageError, match="--kid-subset-size"):
        metric_settings("kid", {"subsets": 50})
    with pytest.raises(UnknownName, match="did you mean 'neighbours'"):
        metric_settings("recall", {"neighbors": 5})


@pytest.mark.parametrize("name", OWN)
def test_a_metric_computes_with_the_settings_that_its_protocol_states(name: str) -> None:
    """So that a protocol is what was done, and no setting exists on paper alone."""
    metric = registry.load("metrics", name).METRIC
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    truth = torch.cat([images[..., :4], images[..., 4:].flip(0)], 3)
    inputs = {
        "output_features": torch.rand(6, 4),
        "reference_features": torch.rand(6, 4),
        "reference_statistics": torch.rand(6, 4),
        "lpips_distances": torch.rand(6),
        "structure_distances": torch.rand(6),
        "source_tensor": images,
        "output_tensor": images.flip(1),
        "truth_tensor": truth,
        "attention_map": torch.rand(6, 1, 4, 4),
    }
    given = [inputs[needed] for needed in metric.needs]
    stated = metric.compute(*given, **metric_settings(name, {}))
    assert stated == metric.compute(*given) == metric.compute(*given, **metric.settings)


def test_the_registry_finds_these_metrics_and_none_of_their_shared_code() -> None:
    assert set(OWN) <= set(registry.modules("metrics"))
    assert not [name for name in registry.modules("metrics") if name.startswith("_")]


def test_an_unknown_metric_has_no_protocol() -> None:
    with pytest.raises(UnknownName, match="did you mean 'kid'"):
        of("kidd")
