"""MLflow (https://mlflow.org). MLFLOW_TRACKING_URI names a server; without it, a folder under the results is used."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from ugbench.errors import UsageError
from ugbench.extras import need_extra
from ugbench.tracker import Image, Status, TrackedRun, Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "ugbench"
"""The experiment of runs where MLFLOW_EXPERIMENT_NAME names none."""
FOLDER = "mlflow"
"""The folder under the results that holds the database and the images if MLFLOW_TRACKING_URI is not set."""
TAG = "ugbench.id"
"""The tag of an MLflow run by which it is found again."""
SECONDS = 10
"""How long a server may take to answer before a training starts."""
STATUSES: Mapping[Status, str] = {"done": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
_REFUSED = re.compile(r"[^\w\-. :/]")  # characters that MLflow does not allow in the name of a metric


class _Training:
    """One run of MLflow."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client, self._run_id = client, run_id

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        metrics = [Metric(_REFUSED.sub("_", name), value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run_id, metrics)

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        for name, image in images.items():
            self._client.log_image(self._run_id, image, key=_REFUSED.sub("_", name), step=step, synchronous=True)

    def end(self, status: Status) -> None:
        self._client.set_terminated(self._run_id, STATUSES[status])


def check() -> None:
    """Check that the package is there, and that the server answers if MLFLOW_TRACKING_URI names one.

    Raises:
        UsageError: the package is missing, or the server does not answer within SECONDS.
    """
    need_extra("mlflow", ("mlflow",), "--track mlflow")
    address = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", ""))
    if address.scheme not in ("http", "https"):
        return
    import requests

    try:
        requests.get(f"{address.geturl().rstrip('/')}/health", timeout=SECONDS)
    except requests.RequestException as error:
        raise UsageError(
            f"--track mlflow: the server {address.hostname} that MLFLOW_TRACKING_URI names does not answer "
            f"({type(error).__name__}); start it, or unset the variable to write below the results folder."
        ) from None


def start(run: TrackedRun) -> _Training:
    """Begin the MLflow run that has the id of the tracked run as a tag, or go on with it."""
    from mlflow import MlflowClient
    from mlflow.entities import Param

    uri, artifacts = os.environ.get("MLFLOW_TRACKING_URI"), None
    if uri:
        client = MlflowClient(tracking_uri=uri)
        mlflow_run = _run_of(client, run, None)
    else:
        folder = (run.results / FOLDER).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        logging.getLogger("mlflow.store.db").setLevel(logging.WARNING)  # otherwise it logs each new table
        artifacts = folder / "artifacts"
        # Several runs of a study may start at once, and the first of them makes the tables.
        with FileLock(folder / ".lock"):
            client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
            mlflow_run = _run_of(client, run, artifacts)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in run.config.items()}
    # MLflow refuses another value for a parameter that it has, such as the name of a data set that was renamed.
    missing = [Param(name, text) for name, text in texts.items() if name not in mlflow_run.data.params]
    client.log_batch(mlflow_run.info.run_id, params=missing)
    return _Training(client, mlflow_run.info.run_id)


def _run_of(client: MlflowClient, run: TrackedRun, artifacts: Path | None) -> Run:
    """The MLflow run of a tracked run; it is created if there is none."""
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    stored = client.get_experiment_by_name(experiment)
    if stored is None:
        place = None if artifacts is None else artifacts.as_uri()
        experiment_id = client.create_experiment(experiment, artifact_location=place)
    else:
        experiment_id = stored.experiment_id
    earlier = client.search_runs([experiment_id], f"tags.`{TAG}` = '{run.id}'", max_results=1)
    if not earlier:
        return client.create_run(experiment_id, run_name=run.name, tags={TAG: run.id})
    client.update_run(earlier[0].info.run_id, status="RUNNING")
    return earlier[0]


TRACKER = Tracker(start, check)
