"""What a run takes over from another one: `--init-from RUN`, with or without `--init-only generators`.

Whole networks are taken: their parameters, and those of their buffers that have the same shape, such as the vectors
of spectral norm. Everything else starts as in any run: networks that are not taken have new weights, and image pools
are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from ugbench import registry
from ugbench.errors import RunError, UsageError
from ugbench.method import Method
from ugbench.nn.state_dicts import first_keys, first_not_finite
from ugbench.runs import checkpoint
from ugbench.runs.config_fields import readable_config, with_later
from ugbench.runs.run import RunConfig
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.shapes import on_shapes

GENERATORS = "generators"
# Fields that say how long and on how many images a run trains, and not what its networks compute.
TRAINING_LENGTH = ("steps", "epochs", "batch_size")


def initial_tensors(start: StartingPoint, config: RunConfig, log: Callable[[str], None]) -> dict[str, Tensor]:
    """The tensors that a run takes over, by their names in the method's state dict.

    Args:
        config: of the run that starts; with `init_only` it takes only the networks that translation needs.
        log: called with a sentence each for what is taken, what is not, and how the configs differ.
    Raises:
        RunError: a network is missing, a parameter has another shape, a value is not finite, or the networks refuse
            images of this run's size.
        ConfigError, UnknownName: the method of the other run has changed or is not installed.
    """
    given = checkpoint.load(start.run.checkpoint(start.step), only=("method",)).parts["method"]
    method = without_weights(config)
    networks = _networks(method)
    wanted = [name for name in networks if config.init_only is None or name in method.inference()]
    taken = [name for name in wanted if name in _tops(given)]
    if not taken or (config.init_only is None and len(taken) < len(wanted)):
        raise _lacks_networks(start, method, [name for name in wanted if name not in taken], config)
    _check_parameters(start, config, method, given, taken)
    _check_size(start, method)
    weights, state = _weights(method), method.state_dict()
    tensors = {
        name: tensor
        for name, tensor in given.items()
        if _top(name) in taken and (name in weights or (name in state and state[name].shape == tensor.shape))
    }
    if fault := first_not_finite(tensors):
        raise RunError(f"--init-from {start.name}: {fault}; start from another run or checkpoint.")
    _report(start, config, tensors, state, given, log)
    return tensors


def without_weights(config: RunConfig) -> Method:
    """The method of a config on the meta device: shapes and settings, no values.

    Raises:
        ConfigError, UnknownName: the method has changed or is not installed.
    """
    with torch.device("meta"):
        return registry.load_method(config.method)(config.method_config())


def differing_fields(
    earlier: Mapping[str, object], config: Mapping[str, object], left_out: Collection[str] = ()
) -> list[str]:
    """Each field in which two configs differ, with both values: "size (64 there, 32 here)"."""
    names = [name for name in {**config, **earlier} if name not in left_out]
    missing = object()
    return [
        f"{name} ({_text(earlier, name)} there, {_text(config, name)} here)"
        for name in names
        if earlier.get(name, missing) != config.get(name, missing)
    ]


def _check_parameters(
    start: StartingPoint, config: RunConfig, method: Method, given: Mapping[str, Tensor], taken: Sequence[str]
) -> None:
    """Raise RunError with the first parameter of a taken network that is missing, unknown or of another shape."""
    expected = {name: tuple(tensor.shape) for name, tensor in _weights(method).items() if _top(name) in taken}
    earlier = _weights(without_weights(start.run.config))
    stored = {name: tuple(given[name].shape) for name in earlier if name in given and _top(name) in taken}
    differing = sorted(name for name in expected.keys() | stored.keys() if expected.get(name) != stored.get(name))
    if differing:
        name = differing[0]
        generators_fit = {_top(other) for other in differing}.isdisjoint(method.inference())
        fix = f"add --init-only {GENERATORS}" if generators_fit else "start from a run with the same networks"
        raise RunError(
            f"--init-from {start.name}: its {name} is {stored.get(name, 'missing')} where this run's is "
            f"{expected.get(name, 'missing')}, and the configs differ in "
            f"{first_keys(_differing_configs(start.run.config, config))}; to fix this, {fix}."
        )


def _check_size(start: StartingPoint, method: Method) -> None:
    """Raise RunError if the networks that are taken refuse images of this method's size.

    Equal shapes of parameters do not show it: a layer with a weight for each pixel has as many for 32x64 as for 64x32.
    """
    earlier_config = start.run.config.method_config()
    if earlier_config.size == method.config.size:
        return
    with on_shapes(start.run.config.method, earlier_config) as (earlier, _), torch.no_grad():
        image = torch.zeros(1, 3, *method.config.image_shape)
        style = torch.zeros(1, earlier.style_dim) if earlier.style_dim else None
        try:
            earlier.eval().translate(image, earlier.directions[0], style)
        except UsageError as refused:
            raise RunError(f"--init-from {start.name}: {refused}") from None
        except RuntimeError:  # a layer of another size; the shapes of parameters, checked before, show that already
            return


def _lacks_networks(start: StartingPoint, method: Method, missing: Sequence[str], config: RunConfig) -> RunError:
    generators = [name for name in method.inference() if name not in missing]
    if config.init_only is None and generators and not set(missing) & set(method.inference()):
        fix = f"add --init-only {GENERATORS} to take {', '.join(generators)} alone"
    elif config.init_only is None and generators:
        fix = f"add --init-only {GENERATORS} to take {', '.join(generators)}, and new weights for the rest"
    else:
        fix = f"start from a run of {config.method}"
    return RunError(
        f"--init-from {start.name}: run {start.run.id} ({start.run.config.label}) has no {', '.join(missing)}; {fix}."
    )


def _report(
    start: StartingPoint,
    config: RunConfig,
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    log: Callable[[str], None],
) -> None:
    counts = {top: n for top in _tops(state) if (n := sum(_top(name) == top for name in tensors))}
    taken = ", ".join(f"{network} ({count} tensors)" for network, count in counts.items())
    anew = [name for name in _tops(state) if name not in counts]
    anew += [name for name in state if _top(name) in counts and name not in tensors]
    left = [name for name in _tops(given) if name not in _tops(state)]
    log(f"--init-from {start.name}: taken: {taken}.")
    if anew or left:
        sentences = [f"not taken, begun anew: {', '.join(anew)}"] if anew else []
        sentences += [f"left behind, because this run has none: {', '.join(left)}"] if left else []
        log(f"--init-from {start.name}: {'; '.join(sentences)}.")
    if fields := _differing_configs(start.run.config, config):
        log(f"--init-from {start.name}: its config differs in {', '.join(fields)}.")


def _differing_configs(earlier: RunConfig, config: RunConfig) -> list[str]:
    there, here = (
        {"method": c.method, "variant": c.variant, "direction": c.direction, **readable_config(with_later(c.config))}
        for c in (earlier, config)
    )
    return differing_fields(there, here, TRAINING_LENGTH)


def _weights(method: Method) -> dict[str, Tensor]:
    """The parameters of a method by name, and the buffers of networks for translation that have no parameters, such as
    a moving average that is kept as buffers. Not those of frozen networks, which no run takes from another one.
    """
    weights: dict[str, Tensor] = dict(method.named_parameters(remove_duplicate=False))
    for name, network in method.inference().items():
        if not any(True for _ in network.parameters()):
            weights |= {f"{name}.{key}": buffer for key, buffer in network.named_buffers()}
    return {name: tensor for name, tensor in weights.items() if _top(name) not in method.frozen}


def _networks(method: Method) -> list[str]:
    """The parts of a method that have weights, by attribute name."""
    return _tops(_weights(method))


def _tops(names: Mapping[str, Tensor]) -> list[str]:
    """The parts of a method that tensors belong to, each once and in the order of the names."""
    return list(dict.fromkeys(map(_top, names)))


def _top(name: str) -> str:
    return name.split(".")[0]


def _text(fields: Mapping[str, object], name: str) -> str:
    return str(fields[name]) if name in fields else "no such field"
