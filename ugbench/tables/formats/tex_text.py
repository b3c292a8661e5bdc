"""Text of users as LaTeX that pdfLaTeX, XeLaTeX and LuaLaTeX compile."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from ugbench.visible import visible

LETTERS = "\\ugbenchletters"
"""A macro of two arguments: letters, and what pdfLaTeX prints in their place."""

DEFINITION = (
    f"\\providecommand{{{LETTERS}}}[2]{{\\ifdefined\\XeTeXversion#1\\else\\ifdefined\\directlua#1\\else#2\\fi\\fi}}"
)

MATHEMATICS = r"""
± \pm × \times ÷ \div · \cdot ≈ \approx ∼ \sim ≃ \simeq ≤ \leq ≥ \geq √ \surd † \dagger ‡ \ddagger ° ^\circ ○ \circ
• \bullet ↓ \downarrow ↑ \uparrow → \rightarrow ← \leftarrow − - α \alpha β \beta γ \gamma δ \delta ε \epsilon ζ \zeta
η \eta θ \theta ι \iota κ \kappa λ \lambda μ \mu ν \nu ξ \xi π \pi ρ \rho σ \sigma τ \tau υ \upsilon φ \phi χ \chi
ψ \psi ω \omega
"""
COMMANDS = r"""
\ \textbackslash ~ \textasciitilde ^ \textasciicircum < \textless > \textgreater | \textbar § \S ¶ \P ß \ss æ \ae Æ \AE
œ \oe Œ \OE ø \o Ø \O ł \l Ł \L ı \i … \dots
"""
PLAIN = r"& \& % \% $ \$ # \# _ \_ { \{ } \} – -- — --- ‘ ` ’ ' “ `` ” ''"
IN_BRACES = "[]*"  # the first letter of a row must not be an option of the \\ before it
"""Symbols, each followed by what prints it: a formula, a command, or text."""


def _pairs(text: str, template: str) -> dict[str, str]:
    words = text.split()
    return {symbol: template.format(command) for symbol, command in zip(words[::2], words[1::2], strict=True)}


SYMBOLS = {
    **_pairs(MATHEMATICS, "${}$"),
    **_pairs(COMMANDS, "{}{{}}"),
    **_pairs(PLAIN, "{}"),
    **{symbol: f"{{{symbol}}}" for symbol in IN_BRACES},
}

ACCENTS = _pairs("300 ` 301 ' 302 ^ 303 ~ 304 = 306 u 307 . 308 \" 30A r 30B H 30C v 327 c", "{}")
"""The commands of accents, by the code of the combining character."""

DOTLESS = {"i": "\\i", "j": "\\j"}

LONG_WORD = 16  # letters without a place where a line may break


def escape(text: str) -> str:
    """Text that LaTeX prints as it is.

    Letters that pdfLaTeX cannot print are the first argument of LETTERS, and their codes the second: `U+4E2D U+6587`.
    Everything else is ASCII.
    """
    shown = visible(" ".join(text.split()))
    letters = [(letter, _command(letter)) for letter in unicodedata.normalize("NFC", shown)]
    parts = []
    for is_known, run in groupby(letters, key=lambda pair: pair[1] is not None):
        pairs = list(run)
        if is_known:
            parts.append("".join(command or "" for _, command in pairs))
        else:
            codes = " ".join(f"U+{ord(letter):04X}" for letter, _ in pairs)
            parts.append(f"{LETTERS}{{{''.join(letter for letter, _ in pairs)}}}{{{codes}}}")
    return "".join(parts)


def escape_sentence(text: str) -> str:
    """The same for a paragraph, whose lines may also break inside long words such as file names and hashes."""
    return " ".join("\\allowbreak{}".join(map(escape, _pieces(word))) for word in text.split())


def _pieces(word: str) -> list[str]:
    """The parts of a long word between which a line may break: after punctuation, else after every few letters."""
    if len(word) <= LONG_WORD:
        return [word]
    parts = re.findall(r"[^-/_.:=]+[-/_.:=]*|[-/_.:=]+", word)
    return [part[start : start + LONG_WORD] for part in parts for start in range(0, len(part), LONG_WORD)]


def _command(letter: str) -> str | None:
    """The letter in LaTeX's ASCII; None where pdfLaTeX has no command for it."""
    if letter in SYMBOLS:
        return SYMBOLS[letter]
    if letter.isascii():
        return letter
    decomposed = unicodedata.normalize("NFD", letter)
    base, accent = decomposed[0], ACCENTS.get(f"{ord(decomposed[-1]):X}")
    if len(decomposed) != 2 or accent is None or not base.isalpha() or not base.isascii():
        return None
    return f"\\{accent}{{{DOTLESS.get(base, base)}}}"
