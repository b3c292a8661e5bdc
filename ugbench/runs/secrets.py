"""Finds what looks like a key or a password in a command, so that it is neither stored nor shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

REDACTED = "[redacted]"
LONGEST = 4096  # letters of a command that are kept
_NAME = (
    r"(?:[A-Za-z0-9]+[-_.])*(?:api|access|secret|private)?"
    r"(?:keys?|token|secret|pass|password|passwd|passphrase|pwd|auth|credentials?|bearer)"
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s'\"&]+)"
_SERVICES = r"hf|gh[opsur]|npm|glpat|github_pat|pypi|xox[abposr]|dckr_pat|sk|pk|rk"

# Each pattern has the groups (what stays)(what is replaced).
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE if "(?#any case)" in pattern else 0)
    for pattern in (
        # An environment assignment: NAME=value; in quotes, all of the quoted text is the value.
        r"(['\"][A-Z_][A-Z0-9_]*=)([^'\"]+)(?=['\"])",
        rf"((?<![\w-])[A-Z_][A-Z0-9_]*=)({_VALUE})",
        # An option, or any other name=value, whose name is that of a secret: --api-key value, token=value.
        rf"(?#any case)((?<![A-Za-z0-9])--?{_NAME}[=\s]+)({_VALUE})",
        rf"(?#any case)((?<![A-Za-z0-9_.-]){_NAME}=)({_VALUE})",
        # A header: Authorization: Bearer value.
        r"(?#any case)(\b(?:authorization|x-[a-z-]*(?:key|token))\s*:\s*(?:(?:basic|bearer|token)\s+)?)([^\s'\"]+)",
        r"(?#any case)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})",
        # user:password@ of an address.
        r"(\b[A-Za-z][A-Za-z0-9+.-]*://)([^\s/@'\"]+)(?=@)",
        # Tokens of services by their beginnings, and hexadecimal digits as of a digest or a UUID.
        rf"(\b)((?:{_SERVICES})[-_][A-Za-z0-9_-]{{8,}}|(?:AKIA|ASIA)[A-Z0-9]{{12,}}|AIza[\w-]{{20,}}|eyJ[\w-]{{8,}}\.[\w.-]+)",
        r"((?<![A-Za-z0-9]))([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12,}(?![A-Za-z0-9]))",
    )
]  # fmt: skip
_LONG = re.compile(r"(?<![\w/+=-])(?:[A-Za-z0-9/+=]{40}(?![\w/+=-])|[A-Za-z0-9+=_-]{20,})|[A-Za-z0-9+=_-]{20,}")


def redact(command: str) -> str:
    """The command with each value that looks like a secret replaced by [redacted].

    It replaces values of environment assignments, of options and headers with names such as token or key, passwords
    in addresses, tokens with a known beginning, and long words that look random. {input} and {output} stay.

    >>> redact("env API_KEY=abc tool --token 123 {input} {output}")
    'env API_KEY=[redacted] tool --token [redacted] {input} {output}'
    """
    if len(command) > LONGEST:
        command = f"{command[:LONGEST]}…"
    for pattern in _PATTERNS:
        command = pattern.sub(lambda match: match[0] if _stays(match[2]) else match[1] + REDACTED, command)
    return _LONG.sub(lambda match: REDACTED if _looks_random(match[0]) else match[0], command)


def redact_origin(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Origin`, whose command may have been stored by a version that kept it whole."""
    command = fields.get("command")
    return {**fields, "command": redact(command)} if isinstance(command, str) else dict(fields)


def _stays(value: str) -> bool:
    return REDACTED in value or "{input}" in value or "{output}" in value


def _looks_random(word: str) -> bool:
    """Whether capitals, small letters and digits alternate more often than in names of files."""
    kinds = [letter.isdigit() + 2 * letter.isupper() for letter in word if letter.isalnum()]
    changes = sum(first != second for first, second in pairwise(kinds))
    return len(set(kinds)) == 3 and changes * 3 > len(kinds)
