"""MLflow in a local folder: what its client reads back."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image as PillowImage

from ugbench.errors import UsageError
from ugbench.registry import load_tracker
from ugbench.tracker import Image, TrackedRun

# Of the versions of SQLAlchemy and MLflow together, which a user does not see.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, and no setting of the developer is read."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


Read = Callable[..., tuple[MlflowClient, list[Run]]]


@pytest.fixture
def read(run: TrackedRun) -> Read:
    """The client of the results folder, or of another database, and the runs of an experiment."""

    def open_client(uri: str | None = None, experiment: str = "ugbench") -> tuple[MlflowClient, list[Run]]:
        client = MlflowClient(uri or f"sqlite:///{run.results}/mlflow/mlflow.db")
        found = client.get_experiment_by_name(experiment)
        return client, list(client.search_runs([found.experiment_id]))

    return open_client


def values(client: MlflowClient, run: Run, name: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]


def test_its_database_holds_the_config_the_values_the_images_and_the_end(
    run: TrackedRun, image: Image, read: Read
) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()
    training = load_tracker("mlflow").start(run)
    training.scalars(1, {"generators/cycle_a": 0.5, "lr (first)": 0.1})
    training.scalars(2, {"generators/cycle_a": 0.75})
    training.scalars(2, {"score/kid/A2B": -0.25})
    training.images(2, {"attention/A2B/cam": image})
    training.end("done")
    assert before == (random.getstate(), np.random.get_state()[1].tolist())
    client, (stored,) = read()
    assert (stored.info.run_name, stored.info.status) == (run.name, "FINISHED")
    assert stored.data.params == {
        **{"method": "cut", "lr": "0.1", "light": "true", "variant": "null", "layers": "[0, 4]", "steps": "8"}
    }
    assert values(client, stored, "generators/cycle_a") == [(1, 0.5), (2, 0.75)]
    assert values(client, stored, "score/kid/A2B") == [(2, -0.25)]
    assert values(client, stored, "lr _first_") == [(1, 0.1)], "MLflow allows no brackets in names"
    (file,) = (run.results / "mlflow/artifacts").glob("*/artifacts/images/attention~A2B~cam+step+2+*.png")
    assert np.array_equal(np.asarray(PillowImage.open(file)), image)


def test_a_second_training_goes_on_in_the_same_run(run: TrackedRun, read: Read) -> None:
    training = load_tracker("mlflow").start(run)
    training.scalars(1, {"loss": 1})
    training.end("stopped")
    assert read()[1][0].info.status == "KILLED"
    renamed = replace(run, config={**run.config, "method": "cut2", "dataset": "dogs"})
    training = load_tracker("mlflow").start(renamed)
    training.scalars(2, {"loss": 2})
    assert read()[1][0].info.status == "RUNNING"
    training.end("failed")
    client, (stored,) = read()
    assert stored.info.status == "FAILED"
    assert values(client, stored, "loss") == [(1, 1.0), (2, 2.0)]
    assert (stored.data.params["method"], stored.data.params["dataset"]) == ("cut", "dogs"), "the first value stays"


def test_its_variables_name_the_server_and_the_experiment(
    run: TrackedRun, tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/elsewhere.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "cats")
    monkeypatch.chdir(tmp_path)  # MLflow's own place for images without a server
    load_tracker("mlflow").start(run).end("done")
    _, (stored,) = read(uri, "cats")
    assert stored.data.tags["ugbench.id"] == run.id
    assert not run.results.exists()


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match=r"--track mlflow needs mlflow; install with `pip install 'ugbench\[mlflow\]'"):
        load_tracker("mlflow").check()


def test_a_server_that_does_not_answer_is_named_before_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(
            UsageError, match=r"^--track mlflow: the server 127\.0\.0\.1 .* \(ConnectionError\)"
        ) as caught:
            load_tracker("mlflow").check()
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db")
    load_tracker("mlflow").check()
