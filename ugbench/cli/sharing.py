"""The devices that share the images of a command: those that --device names, or those of torchrun's processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ugbench.launched import launched

if TYPE_CHECKING:
    import torch

    from ugbench.inference.several_devices import FurtherDevice


@dataclass(frozen=True)
class ChosenDevices:
    """The value of --device where several devices can share the images.

    Attributes:
        option: the text of the option.
        met: the device of this process, and those of the others that torchrun has started; None if it is alone, so that
            a command can find out what is wrong with its other options before it loads torch.
    """

    option: str
    met: tuple[torch.device, tuple[FurtherDevice, ...]] | None = None

    def __str__(self) -> str:
        return self.option

    def pick(self) -> tuple[torch.device, tuple[FurtherDevice, ...]]:
        """The first device, and those that share the images with it.

        Raises:
            UsageError: there is no such device, or one is named twice.
        """
        if self.met is not None:
            return self.met
        from ugbench.device import pick_devices

        first, *further = pick_devices(self.option)
        return first, tuple(further)


def parse_devices(text: str | ChosenDevices) -> ChosenDevices:
    """The value of an option --device, from its text or from its default."""
    return text if isinstance(text, ChosenDevices) else ChosenDevices(text)


@contextmanager
def sharing(chosen: ChosenDevices) -> Iterator[ChosenDevices | None]:
    """Within the block the first process can share images with the others that torchrun has started.

    In the others the block begins, with None, when the first one has ended its own: there is nothing left to do. An
    error of the first process, or the loss of a process, ends all of them with one exit code.

    Raises:
        UsageError: torchrun has started several processes, and --device is not for each of them.
        RankError: another process has ended.
    """
    if launched().count == 1:
        yield chosen
        return
    from ugbench.inference.other_ranks import asking_others, serve
    from ugbench.inference.remote_methods import TRANSLATE, MethodsOfRank
    from ugbench.scoring.networks.extractor_copies import FEATURES, ExtractorsOfRank
    from ugbench.training.ranks import joined

    with joined(chosen.option) as (ranks, device):
        if ranks.is_first:
            with asking_others(ranks.count) as others:
                yield replace(chosen, met=(device, others))
        else:
            serve({TRANSLATE: MethodsOfRank(device), FEATURES: ExtractorsOfRank(device)})
            yield None
