"""The sections of gpu.py that measure speed and memory: steps of each method, ways to compute them, and extractors."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from gpu_training import Section, Settings, config_of, training
from step import plain

from ugbench.arithmetic import computing_on
from ugbench.device import Precision, has_bf16
from ugbench.scoring.networks.extractors import extract, load_extractor

WARM_UP = 5
"""Steps before a measurement: cuDNN tries its algorithms in the first ones."""
MOST_STEPS = 50
PROFILED = 3
"""Steps whose kernels are timed."""


def synchronize(device: torch.device) -> None:
    """Wait for all that was launched on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_per_call(call: Callable[[], object], device: torch.device, seconds: float, most: int = MOST_STEPS) -> float:
    """The mean time of calls in a row, with one wait for the GPU at the end, as a training has them.

    Args:
        seconds: about how long may be measured; at least two calls are.
    """
    synchronize(device)
    began = time.perf_counter()
    call()
    synchronize(device)
    count = max(2, min(most, int(seconds / (time.perf_counter() - began))))
    began = time.perf_counter()
    for _ in range(count):
        call()
    synchronize(device)
    return (time.perf_counter() - began) / count


def busy_share(call: Callable[[], object], device: torch.device) -> float | None:
    """The time in which kernels and copies ran on the GPU by the time of the calls; None without a GPU."""
    if device.type != "cuda":
        return None
    synchronize(device)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        began = time.perf_counter()
        for _ in range(PROFILED):
            call()
        synchronize(device)
        seconds = time.perf_counter() - began
    return kernel_seconds(profile.key_averages()) / seconds


def kernel_seconds(events: Iterable[Any]) -> float:
    """The time of kernels and copies in the averages of a profile; the calls that launch them have that time too."""
    of_gpu = (event for event in events if event.device_type.name == "CUDA" and not event.is_user_annotation)
    return sum(float(event.self_device_time_total) for event in of_gpu) / 1e6


def step_speed(settings: Settings, method: str, preset: str, precision: Precision) -> dict[str, Any]:
    """Steps of a method with the batches of a training, and on one batch that stays the same."""
    device, config = settings.device, settings.large(method, preset)
    settings.forget_peak()
    with computing_on(device), training(method, config, device, precision) as trained:
        for _ in range(1 if settings.quick else WARM_UP):
            trained.advance()
        share = settings.seconds / 4
        with_batch = seconds_per_call(trained.advance, device, share, 2 if settings.quick else MOST_STEPS)
        batch = trained.batches.at(trained.step)
        without = seconds_per_call(lambda: trained.advance(batch), device, share, 2 if settings.quick else MOST_STEPS)
        return {
            "size": config.size,
            "batch_size": config.batch_size,
            "seconds_per_step": with_batch,
            "seconds_per_step_without_batch": without,
            "steps_per_second": 1 / with_batch,
            "busy_share": busy_share(trained.advance, device),
            "peak_memory_bytes": settings.peak(),
        }


def public_order(settings: Settings, method: str) -> dict[str, Any]:
    """The light model in float32: the plain program in the order of the public code, beside this package, in turns."""
    size, channels = (96, 2) if settings.quick else (256, 64)
    device, rounds = settings.device, 1 if settings.quick else 3
    program = plain(size, channels, device, detach=False)
    fields = {"size": size, "channels": channels, "discriminator_channels": channels, "batch_size": 1}
    config = config_of(method, "light", fields)
    with computing_on(device), training(method, config, device) as trained:
        for _ in range(1 if settings.quick else WARM_UP):
            program()
            trained.advance()
        most = 1 if settings.quick else 10
        seconds = [
            [seconds_per_call(call, device, settings.seconds / 4 / rounds, most) for call in (program, trained.advance)]
            for _ in range(rounds)
        ]
    public, ours = (statistics.median(of) for of in zip(*seconds, strict=True))
    return {
        "size": size,
        "public_seconds_per_step": public,
        "seconds_per_step": ours,
        "times_faster": statistics.median(slow / fast for slow, fast in seconds),
    }


def features(settings: Settings, extractor: str) -> dict[str, Any]:
    """Features of drawn images on the device beside those on the CPU, and images per second on the device."""
    count, size = (4, 64) if settings.quick else (256, 256)
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=random)
    network = load_extractor(extractor, settings.weights)
    compared = drawn[: min(count, 16)]
    there = extract(network, compared, device="cpu")
    here = extract(network, compared, device=settings.device)
    seconds = seconds_per_call(
        lambda: extract(network, drawn, device=settings.device), settings.device, settings.seconds / 4
    )
    return {
        "differ_by_share_of_the_largest": float((here - there).abs().max() / there.abs().max()),
        "images": count,
        "images_per_second": count / seconds,
    }


def _methods_and_precisions(settings: Settings) -> list[dict[str, Any]]:
    precisions: list[Precision] = ["fp32", "bf16"] if has_bf16(settings.device) else ["fp32"]
    return [
        {"method": method, "preset": preset, "precision": precision}
        for method in settings.methods
        for preset in (("paper", "light") if method == "ugatit" and not settings.quick else ("paper",))
        for precision in precisions
    ]


def _extractors(settings: Settings) -> list[dict[str, Any]]:
    return [{"extractor": name} for name in ("random", *settings.weights)]


SPEED = [
    Section("step_speed", 0.25, _methods_and_precisions, step_speed),
    Section("public_order", 0.06, lambda _settings: [{"method": "ugatit"}], public_order),
    Section("features", 0.04, _extractors, features),
]
