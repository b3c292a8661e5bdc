"""What rank 0 asks the others and how an error of one of them, or of rank 0, ends all."""

from __future__ import annotations

import pytest
import torch
from ranks_in_threads import served

from ugbench.errors import DataError, RankError, UgbenchError, UsageError
from ugbench.inference.other_ranks import Message


def echo(request: Message) -> Message:
    return Message(request.what, {**request.facts, "seen": len(request.tensors)}, request.tensors)


def test_facts_and_tensors_come_back_as_they_were_sent() -> None:
    facts = {"names": ["caf\udce9.png", "b.png"], "step": None, "attention": True}
    tensors = (torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4).transpose(0, 2), torch.rand(5), torch.zeros(0, 7))
    with served({"echo": echo}) as other:
        for _ in range(2):  # a message leaves nothing behind
            answer = other.ask("echo", facts, tensors)
            assert answer.facts == {**facts, "seen": 3}
            assert [tensor.dtype for tensor in answer.tensors] == [torch.uint8, torch.float32, torch.float32]
            assert all(torch.equal(got, sent) for got, sent in zip(answer.tensors, tensors, strict=True))


@pytest.mark.parametrize(
    ("raised", "expected"), [(DataError("a.png: no image."), UsageError), (UgbenchError("it is NaN."), UgbenchError)]
)
def test_an_error_that_a_user_can_fix_is_raised_where_it_was_asked_and_the_other_rank_goes_on(
    raised: UgbenchError, expected: type[UgbenchError]
) -> None:
    def refuse(_request: Message) -> Message:
        raise raised

    errors: list[BaseException] = []
    with served({"refuse": refuse, "echo": echo}, errors) as other:
        with pytest.raises(expected) as caught:
            other.ask("refuse", {})
        assert str(caught.value) == str(raised) and caught.value.exit_code == raised.exit_code
        assert other.ask("echo", {}).facts == {"seen": 0}
    assert errors == []


def test_a_bug_of_another_rank_ends_it_and_rank_0_which_leaves_the_word_to_it() -> None:
    def fail(_request: Message) -> Message:
        raise ZeroDivisionError("of rank 1")

    errors: list[BaseException] = []
    with served({"fail": fail}, errors) as other, pytest.raises(RankError) as caught:
        other.ask("fail", {})
    assert caught.value.is_said and caught.value.exit_code == 1
    assert [type(error) for error in errors] == [ZeroDivisionError]


@pytest.mark.parametrize(("error", "code"), [(DataError("no image."), 2), (UgbenchError("NaN."), 1), (ValueError(), 1)])
def test_an_error_of_rank_0_ends_the_others_with_its_code_in_silence(error: Exception, code: int) -> None:
    errors: list[BaseException] = []
    with pytest.raises(type(error)), served({}, errors):
        raise error
    (ended,) = errors
    assert isinstance(ended, RankError) and ended.is_said and ended.exit_code == code


def test_the_others_end_without_an_error_when_rank_0_is_done() -> None:
    errors: list[BaseException] = []
    with served({}, errors):
        pass
    assert errors == []
