"""What every failure must look like: one sentence on stderr, and an exit code that says whose fault it is."""

from __future__ import annotations

import re

from processes import Ended

ERROR = "error: "
KILLED = -9


def faults_of(ended: Ended, codes: tuple[int, ...], reported: bool = False) -> list[str]:
    """What is wrong with the end of a program that was to end with one of these codes; empty if nothing is.

    Args:
        reported: a report on stdout may stand for the sentence.
    """
    faults = []
    if ended.code == KILLED:
        faults.append(f"it did not end in {ended.seconds:.0f} s")
    elif ended.code not in codes:
        faults.append(f"exit code {ended.code}")
    lines = ended.err.strip().splitlines()
    errors = [line for line in lines if line.startswith(ERROR)]
    if "Traceback (most recent call last)" in ended.err:
        faults.append(f"a traceback: {lines[-1]}")
    elif ended.code in (1, 2) and not (reported and ended.out and not errors):
        if len(errors) != 1 or lines[-1] != errors[0]:
            faults.append(f"not one sentence: {ended.err[-500:]!r}")
        elif not re.fullmatch(rf"{ERROR}\S.*[.?`]", errors[0]):
            faults.append(f"not a sentence: {errors[0]!r}")
    elif errors:
        faults.append(f"an error and exit code {ended.code}: {errors[0]!r}")
    if controls := re.findall(r"[^\n]*[\x00-\x08\x0b-\x1f\x7f-\x9f][^\n]*", ended.out + ended.err):
        faults.append(f"control characters: {controls[0][:200]!r}")
    return faults
