"""Copies of a method on the devices of other processes, which load its networks from the run's folder themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.inference.other_ranks import Message, OtherRank
from ugbench.inference.translate import load
from ugbench.inference.translated_batch import TranslatedBatch, translate_images
from ugbench.method import Method
from ugbench.runs.run import read_run

TRANSLATE = "translate"


@dataclass(frozen=True)
class SavedMethod:
    """Where every process finds the networks of a method, and which of them.

    Attributes:
        run: the folder of the run.
        step: of a stored checkpoint; None is the last one.
        trained_steps: the number of steps that the weights were trained for when rank 0 loaded them.
        all_networks: as `ugbench.inference.translate.load` takes it.
    """

    run: Path
    step: int | None
    trained_steps: int
    all_networks: bool = False


@dataclass(frozen=True)
class RemoteMethod:
    """A copy of a method on the device of another process.

    Attributes:
        original: the method that it is a copy of, in this process.
    """

    rank: OtherRank
    saved: SavedMethod
    original: Method

    def translate_images(
        self,
        images: Tensor,
        direction: Direction,
        *,
        precision: Precision = "fp32",
        attention: bool = False,
        styles: Tensor | None = None,
        names: Sequence[object] = (),
    ) -> TranslatedBatch:
        """What `ugbench.inference.translated_batch.translate_images` gives, computed there."""
        facts = {
            "run": str(self.saved.run),
            "step": self.saved.step,
            "trained_steps": self.saved.trained_steps,
            "all_networks": self.saved.all_networks,
            "direction": direction,
            "precision": precision,
            "attention": attention,
            "names": list(map(str, names)),
        }
        answer = self.rank.ask(TRANSLATE, facts, (images,) if styles is None else (images, styles.float()))
        outputs, *overlays = answer.tensors
        return TranslatedBatch(
            outputs, {name: list(drawn) for name, drawn in zip(answer.facts["maps"], overlays, strict=True)}
        )


@dataclass
class MethodsOfRank:
    """Translates what rank 0 asks for, on the device of another rank; the last method stays loaded."""

    device: torch.device
    _loaded: tuple[SavedMethod, Method] | None = None

    def __call__(self, request: Message) -> Message:
        """The outputs, uint8 (n, samples, 3, h, w), then the overlays (n, 3, h, w) of each map in the order of "maps".

        Raises:
            RunError: the networks cannot be loaded, or are not those that rank 0 has loaded.
            UgbenchError: a translation or an attention map is NaN or infinite.
        """
        facts = request.facts
        saved = SavedMethod(Path(facts["run"]), facts["step"], facts["trained_steps"], facts["all_networks"])
        images, *styles = request.tensors
        translated = translate_images(
            self._method(saved),
            images,
            facts["direction"],
            precision=facts["precision"],
            attention=facts["attention"],
            styles=styles[0] if styles else None,
            names=facts["names"],
        )
        overlays = {name: torch.stack(list(drawn)) for name, drawn in translated.overlays.items()}
        return Message(TRANSLATE, {"maps": list(overlays)}, [translated.outputs, *overlays.values()])

    def _method(self, saved: SavedMethod) -> Method:
        if self._loaded is None or self._loaded[0] != saved:
            self._loaded = None  # so that two methods are never in memory
            method, trained_steps = load(read_run(saved.run), self.device, saved.step, saved.all_networks)
            if trained_steps != saved.trained_steps:
                raise RunError(
                    f"{saved.run} was trained from step {saved.trained_steps} to {trained_steps} while its images were "
                    "translated; run the same command again."
                )
            self._loaded = saved, method
        return self._loaded[1]
