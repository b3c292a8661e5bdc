"""The devices of other processes that work together, the ranks: how rank 0 asks them to compute something.

Rank 0 carries out the command. It uses the device of another rank as one more device: it sends images there, and gets
the outputs of a network. The other ranks `serve` until rank 0 ends. A message is a line of JSON with some tensors, sent
through torch.distributed; nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ugbench.errors import RankError, UgbenchError, UsageError

END, FAILED = "end", "failed"
TYPES = MappingProxyType({"uint8": torch.uint8, "float32": torch.float32})
"""The types of the tensors that can be sent, by their names in messages."""


@dataclass(frozen=True)
class Message:
    """What one rank tells another.

    Attributes:
        what: what is asked for, or END; in an answer the same, or FAILED.
        facts: values that JSON can hold.
        tensors: uint8 or float32, on the CPU.
    """

    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    tensors: Sequence[Tensor] = ()


Handler = Callable[[Message], Message]
"""Computes the answer to a message."""


@dataclass(frozen=True)
class OtherRank:
    """The device of another process, as rank 0 uses it. One thread at a time may ask it.

    Attributes:
        rank: the number of that process, 1 or more.
    """

    rank: int

    def ask(self, what: str, facts: Mapping[str, Any], tensors: Sequence[Tensor] = ()) -> Message:
        """The answer of the other rank, which has a handler for `what`.

        Raises:
            UgbenchError, UsageError: the handler raised such an error; it has the same sentence and exit code here.
            RankError: the other rank has ended with another error, which it reports itself.
            RuntimeError: the connection is lost, see `ugbench.training.ranks.is_lost_connection`.
        """
        _send(Message(what, facts, tensors), self.rank)
        answer = _received(self.rank)
        if answer.what != FAILED:
            return answer
        code, sentence = answer.facts["code"], answer.facts["sentence"]
        if sentence is None:
            raise RankError(code)
        raise (UsageError if code == UsageError.exit_code else UgbenchError)(sentence)


@contextmanager
def asking_others(count: int) -> Iterator[tuple[OtherRank, ...]]:
    """Within the block rank 0 can ask all others of `count` ranks; then they end, with the exit code of its error."""
    others = tuple(map(OtherRank, range(1, count)))
    code = 0
    try:
        yield others
    except BaseException as error:
        code = error.exit_code if isinstance(error, UgbenchError) else 1
        raise
    finally:
        for other in others:
            with suppress(RuntimeError):  # it has ended before
                _send(Message(END, {"code": code}), other.rank)


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer what rank 0 asks, on another rank, until rank 0 ends.

    Args:
        handlers: by what is asked for.
    Raises:
        RankError: rank 0 has ended with an error, which it reports itself.
        Exception: what a handler raised that is no UgbenchError; rank 0 ends too.
    """
    while (request := _received(0)).what != END:
        try:
            answer = handlers[request.what](request)
        except UgbenchError as error:
            answer = Message(FAILED, {"code": error.exit_code, "sentence": str(error)})
        except BaseException:
            _send(Message(FAILED, {"code": 1, "sentence": None}), 0)
            raise
        _send(answer, 0)
    if code := request.facts["code"]:
        raise RankError(code)


def _send(message: Message, rank: int) -> None:
    tensors = [tensor.contiguous() for tensor in message.tensors]
    layout = [(str(tensor.dtype).removeprefix("torch."), list(tensor.shape)) for tensor in tensors]
    # In ASCII, because the name of a file need not be UTF-8.
    text = json.dumps({"what": message.what, "facts": dict(message.facts), "tensors": layout}).encode("ascii")
    dist.send(torch.tensor([len(text)]), rank)
    dist.send(torch.frombuffer(bytearray(text), dtype=torch.uint8), rank)
    for tensor in tensors:
        if tensor.numel():
            dist.send(tensor, rank)


def _received(rank: int) -> Message:
    length = torch.zeros(1, dtype=torch.int64)
    dist.recv(length, rank)
    text = torch.empty(int(length), dtype=torch.uint8)
    dist.recv(text, rank)
    content = json.loads(text.numpy().tobytes())
    tensors = [torch.empty(shape, dtype=TYPES[name]) for name, shape in content["tensors"]]
    for tensor in tensors:
        if tensor.numel():
            dist.recv(tensor, rank)
    return Message(content["what"], content["facts"], tensors)
