"""Configurations of runs: all that decides a run's numbers except its seed, and in which fields they differ.

Seeds are averaged within one configuration only. The direction of a method that learns one is no part of it either,
because tables, figures and comparisons keep the directions apart anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ugbench.errors import UnknownName, UsageError
from ugbench.image_size import as_size, is_size
from ugbench.runs.config_fields import with_later, without_free
from ugbench.runs.run import Run, RunConfig

STARTS = ("init_from", "continue_from")  # fields that hold the id of another run, perhaps with @STEP
NOT_SHOWN = ("schema_version", "method", "variant", "preset", "config", "dataset", "direction", "seed")
SHOWN_OTHERWISE = ("origin", "frozen")

Label = TypeVar("Label")
Place = TypeVar("Place")

Fields = tuple[tuple[str, str], ...]
"""Names and values, as JSON, of the fields in which configurations differ."""


@dataclass(frozen=True)
class Configuration:
    """The configuration of a run, which it shares with its other seeds.

    Attributes:
        id: equal for runs that differ in seed and direction alone.
        fields: what it holds, by name: the method's config fields, `precision`, and so on.
        starts: the runs that this one began from. Other seeds may have begun from other seeds of the same runs.
    """

    id: str
    fields: Mapping[str, Any]
    starts: tuple[str, ...] = ()


def configurations(runs: Iterable[Run]) -> dict[str, Configuration]:
    """The configuration of each run, by the run's id.

    Two runs that started in the same way from two seeds of another run have one configuration. Its field says where
    the run of the lowest seed started, and that there are other seeds.
    """
    configs = {run.id: run.config for run in runs}
    shared = {run_id: _without_seed(config, configs) for run_id, config in configs.items()}
    ids = {run_id: config.id for run_id, config in shared.items()}
    starts: dict[tuple[str, str], list[str]] = {}
    for run_id, config in sorted(configs.items(), key=lambda item: (item[1].seed or 0, item[0])):
        for name in STARTS:
            if start := getattr(config, name, None):
                starts.setdefault((ids[run_id], name), []).append(start)
    by_run = {}
    for run_id, config in shared.items():
        fields = _fields(config)
        for name in STARTS:
            if begun_at := starts.get((ids[run_id], name)):
                fields[name] = begun_at[0] + (" and its other seeds" if len(set(begun_at)) > 1 else "")
        begun_from = tuple(start for name in STARTS if (start := getattr(configs[run_id], name)))
        by_run[run_id] = Configuration(ids[run_id], fields, begun_from)
    return by_run


def differing_fields(configs: Iterable[Configuration]) -> tuple[str, ...]:
    """The names of the fields in which configurations differ, in their order; a field that one lacks counts as null."""
    unique = {config.id: config for config in configs}.values()
    names = dict.fromkeys(name for config in unique for name in config.fields)
    differing = tuple(name for name in names if len({_json(config.fields.get(name)) for config in unique}) > 1)
    return differing or (("configuration",) if len(unique) > 1 else ())


def fields_to_show(items: Iterable[tuple[Label, Place, Configuration]]) -> dict[Label, tuple[str, ...]]:
    """For each label the names of the fields in which its configurations differ at some place.

    Configurations at two places are not compared: a number of steps that follows from the number of images differs
    between data sets, and distinguishes nothing within one.

    Args:
        items: a label (what a row would be called), a place (such as a data set) and a configuration.
    """
    by_label: dict[Label, dict[Place, list[Configuration]]] = {}
    for label, place, config in items:
        by_label.setdefault(label, {}).setdefault(place, []).append(config)
    return {
        label: tuple(dict.fromkeys(name for configs in by_place.values() for name in differing_fields(configs)))
        for label, by_place in by_label.items()
    }


def values_of(config: Configuration, names: Sequence[str]) -> Fields:
    """The values of these fields, as JSON; `configuration` is the first digits of the configuration's id."""
    values = {**config.fields, "configuration": config.id[:6]}
    return tuple((name, _json(values.get(name))) for name in names)


def config_text(fields: Fields | None) -> str:
    """What distinguishes a configuration, as text: `steps 30, precision bf16`; None means that it is not known."""
    if fields is None:
        return "config unknown"
    return ", ".join(f"{name} {value_text(name, json.loads(value))}" for name, value in fields)


def label_with(label: str, fields: Fields | None) -> str:
    """The label, followed by what distinguishes its configuration: `ugatit (steps 30)`."""
    text = config_text(fields)
    return f"{label} ({text})" if text else label


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """The label of each run, by its id.

    Where a label has several configurations on one data set, what distinguishes them is added.
    """
    by_run = configurations(runs)
    shown = fields_to_show((run.config.label, run.dataset_folder, by_run[run.id]) for run in runs)
    return {run.id: label_with(run.config.label, values_of(by_run[run.id], shown[run.config.label])) for run in runs}


def where_fields(run: Run) -> dict[str, Any]:
    """All that `--where` can ask about a run: the fields of its config.json, those of its method among them."""
    config = run.config
    top = config.model_dump(exclude={"schema_version", "config", "dataset", *SHOWN_OTHERWISE})
    top |= _frozen_fields(config)
    dataset = None if config.dataset is None else config.dataset.name
    return {**top, "method": config.known_as, "dataset": dataset, "id": run.id, **_method_fields(config)}


def select_where(runs: Sequence[Run], conditions: Mapping[str, str]) -> list[Run]:
    """The runs whose fields have these values.

    Args:
        conditions: values by the names of fields, as text, from `--where`.
    Raises:
        UnknownName: no run has such a field.
        UsageError: no run has these values.
    """
    if conditions and not runs:
        raise UsageError("--where: there is no run whose config could be looked at; leave the option out.")
    fields = {run.id: where_fields(run) for run in runs}
    selected = list(runs)
    for name, text in conditions.items():
        known = dict.fromkeys(field for of_run in fields.values() for field in of_run)
        if name not in known:
            raise UnknownName("config field (--where)", name, known)
        values = dict.fromkeys(value_text(name, fields[run.id][name]) for run in selected if name in fields[run.id])
        selected = [run for run in selected if name in fields[run.id] and has_value(name, fields[run.id][name], text)]
        if not selected:
            raise UsageError(f"--where {name}={text}: no run has that; {name} is {' or '.join(values)} here.")
    return selected


def has_value(name: str, value: object, text: str) -> bool:
    """True if the text of `--where` means this value of a field: 1e-3 is 0.001, true is True, null is None."""
    if name == "size" and is_size(text) and is_size(value):
        return as_size(text) == as_size(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    text = "none" if text.lower() == "null" else text
    return value_text(name, value).replace(" ", "").lower() == text.replace(" ", "").lower()


def value_text(name: str, value: object) -> str:
    """A value of a config field as people type it: `true`, `none`, `0.0001`, `0.5,0.999`; a size is `128x256`."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ("x" if name == "size" else ",").join(value_text(name, item) for item in value)
    return value if isinstance(value, str) else _json(value)


def _without_seed(config: RunConfig, configs: Mapping[str, RunConfig], before: tuple[RunConfig, ...] = ()) -> RunConfig:
    """The config without seed and direction; another run that it started from is named by its configuration.

    Args:
        configs: of all runs, by their ids.
        before: the configs from which this one was reached, so that runs that name each other end.
    """
    before = (*before, config)
    changes: dict[str, Any] = {"seed": None, "direction": None}
    for name in STARTS:
        start, at, step = str(getattr(config, name, None) or "").partition("@")
        other = configs.get(start)
        if other is not None and all(other is not earlier for earlier in before):
            changes[name] = _without_seed(other, configs, before).id + at + step
    return config.model_copy(update=changes)


def _fields(config: RunConfig) -> dict[str, Any]:
    top = config.model_dump(exclude={*NOT_SHOWN, *SHOWN_OTHERWISE})
    if config.origin is not None:
        files = hashlib.sha256(_json(config.origin.files).encode()).hexdigest()[:6]
        top |= {"files": files, "revision": config.origin.revision, "command": config.origin.command}
    images = {} if config.dataset is None else {"images": config.dataset.fingerprint[:6]}
    return {**without_free(_method_fields(config)), **top, **_frozen_fields(config), **images}


def _method_fields(config: RunConfig) -> dict[str, Any]:
    """The config of the method; a run of an earlier version has the values that such runs had in later fields."""
    return dict(config.config) if config.is_external else with_later(config.config)


def _frozen_fields(config: RunConfig) -> dict[str, str]:
    """The first digits of the digest of each frozen network's weights, as the fields `frozen.<network>`."""
    return {f"frozen.{network}": digest[:6] for network, digest in config.frozen.items()}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
