"""Consent to a download: given beforehand, or asked for where somebody can answer."""

import io
import sys

import pytest

from ugbench.cli.consent import download_progress, may_download


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def question() -> str:
    return "download 3 MB?"


def answer_with(text: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdin and stderr terminals, with this answer typed; returns stderr."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(text))
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


@pytest.mark.parametrize(
    ("answer", "consented"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_person_is_asked_and_says_no_by_default(
    answer: str, consented: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stderr = answer_with(answer, monkeypatch)
    assert may_download(question, allowed=False) is consented
    assert "download 3 MB? [y/N]" in stderr.getvalue()
    assert capsys.readouterr().out == ""


def test_consent_given_beforehand_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = answer_with("n\n", monkeypatch)
    assert may_download(question, allowed=True)
    assert stderr.getvalue() == ""


def test_a_script_that_reads_json_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = answer_with("y\n", monkeypatch)
    assert not may_download(question, allowed=False, as_json=True)
    assert stderr.getvalue() == ""


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_nobody_is_asked_without_a_terminal_and_no_question_is_made(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with("y\n", monkeypatch)
    monkeypatch.setattr(sys, stream, io.StringIO("y\n"))
    made: list[str] = []
    assert not may_download(lambda: made.append("question") or "", allowed=False)  # type: ignore[func-returns-value]
    assert made == []


def test_progress_of_a_download_shows_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = answer_with("", monkeypatch)
    monkeypatch.setenv("TERM", "xterm")
    with download_progress("net.pth") as progress:
        progress(500_000, None)
        progress(1_000_000, 2_000_000)
    assert "1.0/2.0 MB" in stderr.getvalue()
