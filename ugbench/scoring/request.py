"""What is to be scored and how: the request of one call of eval, and the metrics that it can have on a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ugbench.data.dataset_json import DATASET_JSON, STATEMENT
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform, as_transform
from ugbench.direction import Direction
from ugbench.errors import NoSuchScore, UgbenchError, UsageError
from ugbench.extras import is_installed
from ugbench.fit import SQUASH
from ugbench.image_size import Size, stored_size
from ugbench.registry import load_extractor, load_metric
from ugbench.scoring.cache import Cache
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.inputs import OF_A_RUN, inputs_of, networks_of, requirements
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.sources import LPIPS_WEIGHTS
from ugbench.scoring.protocols import AS_IS, LAST, TARGET, NamedProtocol, metric_settings, protocol_id

if TYPE_CHECKING:
    from ugbench.scoring.features import FeatureReader

FILTER = "pil-bilinear-antialiased"  # of the resize to the size at which images are compared


@dataclass(frozen=True)
class EvalRequest:
    """What is to be scored and how.

    Attributes:
        metrics: names of metrics; empty for all that the protocol and the data set allow.
        networks: the networks that compute features and distances.
        settings: changes to settings besides the protocol's own, by the name of the metric.
        checkpoint: the rule by which a run's checkpoint is chosen, as protocols state it.
        cache: where features are stored between calls; None stores none.
    """

    metrics: tuple[str, ...]
    networks: Networks
    protocol: NamedProtocol = TARGET
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checkpoint: str = LAST
    cache: Cache | None = None

    def settings_of(self, metric_name: str) -> dict[str, Any]:
        """Changes to a metric's settings: first the protocol's, then the caller's."""
        return {**self.protocol.settings.get(metric_name, {}), **self.settings.get(metric_name, {})}

    def feature_reader(self) -> FeatureReader:
        """A reader of features under this request's protocol."""
        from ugbench.scoring.features import FeatureReader

        return FeatureReader(self.networks, self.protocol, self.cache)

    def eval_set(self, dataset: DataSet, direction: Direction, transform: Size | Transform) -> EvalSet:
        """The images of a data set that scores under this request's protocol use in one direction."""
        return EvalSet(dataset, direction, transform, self.protocol.one_per_cluster)

    def protocol_of(
        self,
        metric_name: str,
        transform: Size | Transform | None,
        format: str = "png",
        statistics: str | None = None,
    ) -> dict[str, Any]:
        """The protocol of one metric's scores: everything besides the images that the metric's value depends on.

        Args:
            transform: with which images are compared; None for files as they are.
            format: file format of the scored images.
            statistics: SHA-256 of a file that holds nothing but statistics of the references; None if there is none.
        Raises:
            UnknownName, UsageError: see `metric_settings`.
            UgbenchError: the metric needs two distances between images, which a protocol cannot state.
        """
        metric = load_metric(metric_name)
        networks = networks_of(metric)
        distances = sorted(networks - {"extractor"})
        if len(distances) > 1:
            raise UgbenchError(f"{metric_name} needs {' and '.join(distances)}; a protocol states one of them.")
        stated = None if transform is None or not self.protocol.transformed else as_transform(transform)
        fields: dict[str, Any] = {
            "name": self.protocol.name,
            "metric": metric_name,
            "settings": metric_settings(metric_name, self.settings_of(metric_name)),
            "checkpoint": self.checkpoint,
            "size": AS_IS if stated is None else stored_size(stated.size),
            "filter": None if stated is None else FILTER,
            "format": format,
        }
        if stated is not None and stated.fit != SQUASH:  # so that protocols of squashed images keep their ids
            fields["fit"] = stated.fit
        if "references" in requirements(metric):
            fields["reference"] = self.protocol.reference if statistics is None else "statistics"
            if statistics is not None:
                fields["statistics"] = {"sha256": statistics}
        if "extractor" in networks:
            extractor = self.networks.extractor_for(metric.extractor)
            fields["extractor"] = {name: getattr(extractor, name) for name in ("name", "sha256", "transform")}
            if self.protocol.to_extractor is not None:
                fields["to_extractor"] = f"{extractor.size} px pil-{self.protocol.to_extractor}-antialiased"
        if distances:
            distance = getattr(self.networks, distances[0])
            fields["perceptual"] = {name: getattr(distance, name) for name in ("net", "sha256", "version")}
        return fields

    def protocol_id_of(self, metric_name: str, transform: Size | Transform | None, format: str) -> str:
        """The id of `protocol_of`."""
        return protocol_id(self.protocol_of(metric_name, transform, format))


@dataclass(frozen=True)
class Subject:
    """Whose images are scored: a run, or `identity` or `real`, which have no variant, seed or step.

    Attributes:
        run: id of the run, or "identity", "real" or "files".
        method: as records and tables name it.
        step: training steps of the run's weights; None where they are not known.
        name: tells an imported checkpoint from other runs of its method.
        codes_per_image: see `ScoreRecord`.
    """

    run: str
    method: str
    variant: str | None = None
    seed: int | None = None
    step: int | None = None
    name: str | None = None
    codes_per_image: int | None = None


IDENTITY = Subject("identity", "identity")  # the floor: sources that were not translated
REAL = Subject("real", "real")  # the ceiling: training images of the target domain


def can_have(subject: Subject, metric_name: str, protocol: NamedProtocol) -> bool:
    """False where a metric does not apply: `identity` has no network, and `real` has no sources of its images."""
    required = requirements(load_metric(metric_name))
    if subject == IDENTITY:
        return not required & OF_A_RUN
    return not required & {"pairs", "truth", *OF_A_RUN} and protocol.reference == "test"


def metrics_for(request: EvalRequest, dataset: DataSet) -> tuple[str, ...]:
    """The metrics that a data set is scored with: of those requested, or else of all, the ones that it can have.

    If none is requested, metrics with a network of their own, as LPIPS, are among them if there are weights for it. A
    dial has the scores of what should change, and another data set of pairs has those of the error against the truth.

    Raises:
        UnknownName: there is no such metric.
        UsageError: the protocol does not allow a metric.
        NoSuchScore: the data set can have none of the requested metrics; gives the reason for the first one.
    """
    truth_scores: tuple[str, ...] = ()
    if dataset.dial is not None:
        truth_scores = ("changed", "unchanged", "iou")
    elif dataset.paired:
        truth_scores = ("l1_truth", "psnr", "ssim", *(("lpips_truth",) if request.networks.has_lpips_weights else ()))
    chosen = (
        request.metrics or request.protocol.metrics or ("kid", "fid", *with_weights(request.networks), *truth_scores)
    )
    check_features_only(request, chosen)
    fitting = tuple(name for name in chosen if why_no_score(name, dataset) is None)
    if not fitting:
        raise NoSuchScore(chosen[0], str(why_no_score(chosen[0], dataset)))
    return fitting


def with_weights(networks: Networks, has_sources: bool = True) -> tuple[str, ...]:
    """The metrics with a network of their own that are computed by default because there is a file for it.

    Args:
        has_sources: the source of each output is known.
    """
    has_file = {"lpips": networks.has_lpips_weights, "cmmd": load_metric("cmmd").extractor in networks.weights}
    return tuple(name for name in if_found(has_sources) if has_file[name])


def if_found(has_sources: bool = True) -> tuple[str, ...]:
    """The metrics that a found file of weights adds, if their other needs are met; arguments as of `with_weights`."""
    extractor = load_metric("cmmd").extractor
    package = None if extractor is None else load_extractor(extractor).package
    cmmd = ("cmmd",) if package is None or is_installed(package) else ()
    return ("lpips", *cmmd) if has_sources else cmmd


def no_lpips(networks: Networks) -> str:
    """The sentence about LPIPS being left out."""
    name = LPIPS_WEIGHTS[networks.lpips_net]
    return f"no lpips: its weights were not found; `ugbench weights get {name}` downloads them."


def check_features_only(request: EvalRequest, metric_names: Iterable[str]) -> None:
    """Check that the protocol allows these metrics.

    Raises:
        UsageError: it allows metrics on features alone, and one of them is of another kind.
    """
    for name in metric_names:
        on_features = all(needed.network == "extractor" for needed in inputs_of(load_metric(name)))
        if request.protocol.features_only and not on_features:
            raise UsageError(
                f"--metric {name}: protocol {request.protocol.name} is of metrics on features; leave one out."
            )


def why_no_score(metric_name: str, dataset: DataSet) -> str | None:
    """The reason why a data set can have no score of a metric; None if it can."""
    metric = load_metric(metric_name)
    if "truth" in requirements(metric) and not dataset.paired:
        if metric.dial_only:
            return f"the true translation of {dataset.name} is not known, only a dial's is"
        return (
            f"the true translation of {dataset.name} is not known: it is no dial, and {dataset.root / DATASET_JSON} "
            f"does not state {STATEMENT} (write that into it if test images of equal stems are pairs)"
        )
    if metric.dial_only and dataset.dial is None:
        return f"it is of drawn scenes, where each pixel shows whether it should change, and {dataset.name} is no dial"
    if metric.changed_pixels_only and dataset.dial is not None and dataset.dial.shape == dataset.dial.texture == 0:
        return f"the domains of {dataset.name} are alike, so nothing is to change"
    return None
