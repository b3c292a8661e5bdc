"""Finds the line of a method's own code that an error is about, for messages."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path

import torch

# This package, torch, and contextlib, which calls the engine when a `with` block begins and ends.
_ENGINE = (f"{Path(__file__).parents[1]}{os.sep}", f"{Path(torch.__file__).parent}{os.sep}", contextlib.__file__)


def calling_line() -> str:
    """The file and line, as `file.py:12`, of the innermost caller outside the engine."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ENGINE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def line_of(error: BaseException) -> str | None:
    """The file and line of the innermost place outside the engine that an error passed; None if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(_ENGINE):
            return f"{frame.filename}:{frame.lineno}"
    return None
