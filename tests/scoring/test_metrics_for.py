"""Which metrics a data set is scored with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from drawn_images import make_data_set

from ugbench.data.dataset_json import Statements, write_statements
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.errors import NoSuchScore
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.request import EvalRequest, metrics_for


def dial(folder: Path, settings: str) -> DataSet:
    return resolve(f"dial:{settings},size=16,train=1,test=1", folder)


def wanted(*metrics: str, **weights: Path) -> EvalRequest:
    return EvalRequest(metrics, Networks("random", "alex", weights, torch.device("cpu")))


def test_a_dial_that_changes_nothing_is_not_scored_by_what_should_change(tmp_path: Path) -> None:
    alike, other = dial(tmp_path, "shape=0,texture=0"), dial(tmp_path, "shape=0,texture=0.5")
    asked = wanted("changed", "unchanged", "iou")
    assert metrics_for(asked, alike) == ("unchanged", "iou")
    assert metrics_for(asked, other) == ("changed", "unchanged", "iou")
    assert metrics_for(wanted(), alike) == ("kid", "fid", "unchanged", "iou")
    assert metrics_for(wanted(), other) == ("kid", "fid", "changed", "unchanged", "iou")


def test_lpips_is_among_all_metrics_where_there_are_weights_for_it(tmp_path: Path) -> None:
    data = dial(tmp_path, "shape=1,texture=0")
    assert "lpips" not in metrics_for(wanted(squeezenet=tmp_path), data)
    assert metrics_for(wanted(alexnet=tmp_path), data)[:3] == ("kid", "fid", "lpips")
    assert metrics_for(wanted("lpips"), data) == ("lpips",)  # asked for, so that the lack of weights is an error


def test_pairs_that_are_no_dial_have_errors_against_the_truth_among_all_metrics(tmp_path: Path) -> None:
    pairs = resolve(str(make_data_set(tmp_path / "maps", testA=1, testB=1)), tmp_path)
    assert metrics_for(wanted(), pairs) == ("kid", "fid")
    write_statements(pairs.root, Statements(pairs=True))
    pairs = resolve(str(pairs.root), tmp_path)
    errors = ("l1_truth", "psnr", "ssim")
    assert metrics_for(wanted(), pairs) == ("kid", "fid", *errors)
    assert metrics_for(wanted(alexnet=tmp_path), pairs) == ("kid", "fid", "lpips", *errors, "lpips_truth")
    assert metrics_for(wanted("iou", "psnr"), pairs) == ("psnr",)


def test_a_dial_has_errors_against_the_truth_if_they_are_asked_for(tmp_path: Path) -> None:
    asked = ("l1_truth", "psnr", "ssim", "lpips_truth")
    assert metrics_for(wanted(*asked), dial(tmp_path, "shape=0,texture=0")) == asked


def test_no_metric_of_change_is_asked_where_nothing_changes(tmp_path: Path) -> None:
    alike = dial(tmp_path, "shape=0,texture=0")
    assert metrics_for(wanted("cam_mass", "changed", "iou"), alike) == ("iou",)
    with pytest.raises(NoSuchScore, match=r"--metric cam_mass: the domains of .* are alike, so nothing is to change"):
        metrics_for(wanted("cam_mass", "changed"), alike)


def test_a_truth_score_where_the_truth_is_not_known_is_refused(tmp_path: Path) -> None:
    known = dial(tmp_path, "shape=1,texture=0")
    (known.root / "dial.json").unlink()
    with pytest.raises(NoSuchScore, match=r"--metric iou: the true translation of .* is not known"):
        metrics_for(wanted("iou"), resolve(str(known.root), tmp_path))
    assert metrics_for(wanted("iou", "kid"), resolve(str(known.root), tmp_path)) == ("kid",)
